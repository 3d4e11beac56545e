"""A client of the page's events and routes by plain HTTP, with the same requests as the page's own script."""

import json
import secrets
from typing import Any

import httpx

TIMEOUT_S = 120
SLOWEST_TICK = 3  # one in so many brings the status line


class Refused(Exception):
    """The server refused a request; the message is the one for the visitor."""


class RawClient:
    """One browser tab, not thread-safe."""

    def __init__(self, address: str) -> None:
        self.http = httpx.Client(base_url=address, timeout=TIMEOUT_S)
        self.session_hash, self._status = secrets.token_hex(8), ""
        config = self.get("config").json()
        self._first_values = {part["id"]: part["props"].get("value") for part in config["components"]}
        self._functions: dict[str, dict[str, Any]] = {}
        for function in config["dependencies"]:
            self._functions.setdefault(function["api_name"], function)

    def get(self, path: str) -> httpx.Response:
        """A page or a file; raises httpx.HTTPStatusError if it is refused."""
        answer = self.http.get(path)
        answer.raise_for_status()
        return answer

    def ask(self, name: str, *data: object) -> list[Any]:
        """Send an event and return the new values of its components; raises Refused. Missing fields have their initial
        values; the visitor's own state, always the first, is filled in by the server."""
        is_queued = self._functions[name]["queue"] is not False
        return (self._ask_queued if is_queued else self._ask_at_once)(self._body(name, data))

    def tick(self) -> str:
        """Send the periodic updates of a page until all have taken part, and return the status line of the page."""
        for _ in range(SLOWEST_TICK):
            value = self.ask("tick")[0]
            self._status = value if isinstance(value, str) else self._status
        return self._status

    def reload(self) -> None:
        """Reload the page: for the server it is a new visitor."""
        self.session_hash, self._status = secrets.token_hex(8), ""

    def close(self) -> None:
        self.http.close()

    def begin(self, name: str, *data: object) -> None:
        """Send an event without reading the answer."""
        self.http.post("gradio_api/queue/join", json=self._body(name, data)).raise_for_status()

    def leave(self, name: str, *data: object) -> None:
        """Send an event, and close the page while the answer is computed."""
        query = {"session_hash": self.session_hash}
        self.http.post("gradio_api/queue/join", json=self._body(name, data)).raise_for_status()
        with self.http.stream("GET", "gradio_api/queue/data", params=query) as messages:
            next(messages.iter_lines())

    def _body(self, name: str, data: tuple[object, ...]) -> dict[str, object]:
        function = self._functions[name]
        rest = [self._first_values[part] for part in function["inputs"][1 + len(data) :]]
        return {"fn_index": function["id"], "data": [None, *data, *rest], "session_hash": self.session_hash}

    def _ask_at_once(self, body: dict[str, object]) -> list[Any]:
        answer = self.http.post("gradio_api/run/predict", json=body)
        if answer.status_code == httpx.codes.INTERNAL_SERVER_ERROR:
            raise Refused(answer.json()["error"])
        answer.raise_for_status()
        return answer.json()["data"]

    def _ask_queued(self, body: dict[str, object]) -> list[Any]:
        joined = self.http.post("gradio_api/queue/join", json=body)
        joined.raise_for_status()
        event, query = joined.json()["event_id"], {"session_hash": self.session_hash}
        with self.http.stream("GET", "gradio_api/queue/data", params=query) as messages:
            for line in messages.iter_lines():
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("event_id") == event and message["msg"] == "process_completed":
                    if not message["success"]:
                        raise Refused(message["output"]["error"])
                    return message["output"]["data"]
        raise ConnectionError(f"the server ended the answer: {message}")
