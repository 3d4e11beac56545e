"""A hostile client of the raw HTTP API: it sends any text as a value to every event, named or not.

Values are pieces of JSON text, not Python values: these cannot express `NaN`, `1e999` or half a character.
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

JSON = {"content-type": "application/json", "connection": "close"}
CHECKOUT = Path(__file__).parents[2]
# Details of the server's machine or of Python, useless to a visitor.
TRACES = ("Traceback", 'File "/', '.py", line', "site-packages", "/tmp/", f"{CHECKOUT}", f"{Path.home()}/")
FOREIGN = re.compile(
    r"\w(Error|Exception)\b|NoneType|<class|object at 0x|not (iterable|subscriptable|hashable)|unexpected keyword|"
    r"positional argument|Could not (pre|post)process|unhashable|\bNone\b|\b(dict|list|str|int|float) object"
)
SENTENCE = re.compile(r"[A-Z][^\n]{8,600}\.", re.DOTALL)
PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]*")  # its letters may contain any of these texts by chance


@dataclass(frozen=True)
class Event:
    """An event of the page: number, name, ids of its input fields on the page, and their values."""

    number: int
    name: str
    fields: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True)
class Answer:
    """A complete answer. `refusal`: the error message for the visitor, or None."""

    status: int
    text: str
    is_done: bool = False
    refusal: str | None = None

    def leaks(self, *secret: object) -> list[str]:
        """Details of the server's machine or of Python in this answer."""
        text = PICTURE.sub("", self.text)
        return [trace for trace in (*TRACES, *map(str, secret)) if trace in text]

    def is_plain(self) -> bool:
        """True if the error message is a sentence of this program."""
        message = self.refusal or ""
        return bool(SENTENCE.fullmatch(message)) and not FOREIGN.search(message)


class Hostile:
    """A visitor that sends arbitrary values."""

    def __init__(self, address: str, valid: Mapping[str, object] | None = None) -> None:
        """`valid`: values by the id of a field, for fields whose initial value is not valid."""
        self.http = httpx.Client(base_url=address, timeout=60)
        self.session = secrets.token_hex(8)
        config = self.http.get("config").json()
        parts = {part["id"]: part for part in config["components"]}
        self.events = tuple(_event(dependency, parts, valid or {}) for dependency in config["dependencies"])

    def event(self, name: str) -> Event:
        return next(event for event in self.events if event.name == name)

    def ask(self, name: str, **changed: object) -> Answer:
        """Send an event with valid values; `changed`: other values, by the field's id with "_" for "-"."""
        event, values_of = self.event(name), {field.replace("_", "-"): value for field, value in changed.items()}
        values = [values_of.get(field, value) for field, value in zip(event.fields, event.values, strict=True)]
        return self.join(event, [json.dumps(value) for value in values])

    def join(self, event: Event, values: Sequence[str]) -> Answer:
        """Send an event through the queue, as the page does."""
        return self.post("queue/join", self.body(event.number, values))

    def run(self, event: Event, values: Sequence[str]) -> Answer:
        """Send an event without the queue."""
        return self.post(f"run/{event.name}", self.body(event.number, values))

    def call(self, event: Event, values: Sequence[str]) -> Answer:
        """Send an event as `gradio_client` and curl do."""
        return self.post(f"call/{event.name}", self.body(event.number, values))

    def body(self, number: int, values: Sequence[str]) -> str:
        session = json.dumps(self.session)
        return f'{{"session_hash": {session}, "fn_index": {number}, "data": [{", ".join(values)}]}}'

    def post(self, path: str, body: str | bytes) -> Answer:
        """Send any body to a route of Gradio; returns the final answer of the event if the body is accepted."""
        response = self.http.post(f"gradio_api/{path}", content=body, headers=JSON)
        if response.status_code != httpx.codes.OK or path.startswith("run/"):
            return _read(response.status_code, response.text)
        event_id = response.json().get("event_id")
        if path.startswith("call/"):
            name = path.removeprefix("call/").removeprefix("v2/")
            return _read_call(self.http.get(f"gradio_api/call/{name}/{event_id}").text)
        stream = self.http.get("gradio_api/queue/data", params={"session_hash": json.loads(body)["session_hash"]})
        return _read(response.status_code, stream.text)

    def knock(self, path: str, body: str) -> Answer:
        """Send any body to a route of Gradio, without waiting for the answer of the event."""
        response = self.http.post(f"gradio_api/{path}", content=body, headers=JSON)
        return Answer(response.status_code, response.text)

    def close(self) -> None:
        self.http.close()


def _event(dependency: Mapping, parts: Mapping[int, Mapping], valid: Mapping[str, object]) -> Event:
    """An `Event` from Gradio's own description."""
    props = [parts[number]["props"] for number in dependency["inputs"]]
    fields = [prop.get("elem_id") or "visitor" for prop in props]
    values = [valid.get(field, prop.get("value")) for field, prop in zip(fields, props, strict=True)]
    return Event(dependency["id"], dependency["api_name"], tuple(fields), tuple(values))


def _read(status: int, text: str) -> Answer:
    """The answer in an immediate response, or in all messages of a queue."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("data: ", "{"))]
    messages = [json.loads(line) for line in lines]
    completed = (message for message in messages if message.get("msg") == "process_completed")
    end = next(completed, messages[-1] if messages else {})
    output = end.get("output", end)
    is_done = status == httpx.codes.OK and bool(end.get("success", "data" in end))
    return Answer(status, text, is_done, None if is_done else output.get("error"))


def _read_call(text: str) -> Answer:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    error = json.loads(data[-1]) if data else None
    if "event: complete" in text:
        return Answer(httpx.codes.OK, text, is_done=True)
    return Answer(httpx.codes.OK, text, refusal=error.get("error") if isinstance(error, dict) else error)
