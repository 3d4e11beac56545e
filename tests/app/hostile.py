"""A program that means harm, at the raw HTTP API: it sends any text as a value, to every event there is, named or not.

Values are pieces of JSON text, not Python values: `NaN`, `1e999` and half a character can be written no other way.
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
# Of the server's machine or of Python's own words, nothing of which helps a visitor.
TRACES = ("Traceback", 'File "/', '.py", line', "site-packages", "/tmp/", f"{CHECKOUT}", f"{Path.home()}/")
FOREIGN = re.compile(
    r"\w(Error|Exception)\b|NoneType|<class|object at 0x|not (iterable|subscriptable|hashable)|unexpected keyword|"
    r"positional argument|Could not (pre|post)process|unhashable|\bNone\b|\b(dict|list|str|int|float) object"
)
SENTENCE = re.compile(r"[A-Z][^\n]{8,600}\.", re.DOTALL)
PICTURE = re.compile(r"base64,[A-Za-z0-9+/=]*")  # its letters may happen to spell anything


@dataclass(frozen=True)
class Event:
    """Something the page can ask for: its number, its name, and what it sends, each field by its id on the page."""

    number: int
    name: str
    fields: tuple[str, ...]
    values: tuple[object, ...]


@dataclass(frozen=True)
class Answer:
    """What came back, to the last byte; `refusal`: the sentence for the visitor, None where there was none."""

    status: int
    text: str
    is_done: bool = False
    refusal: str | None = None

    def leaks(self, *secret: object) -> list[str]:
        """What this answer tells of the server's machine or of Python."""
        told = PICTURE.sub("", self.text)
        return [trace for trace in (*TRACES, *map(str, secret)) if trace in told]

    def is_plain(self) -> bool:
        """Whether a refusal is one sentence of ours."""
        words = self.refusal or ""
        return bool(SENTENCE.fullmatch(words)) and not FOREIGN.search(words)


class Hostile:
    """One visitor that sends what it likes."""

    def __init__(self, address: str, valid: Mapping[str, object] | None = None) -> None:
        """`valid`: what to send for a field, by its id on the page, where the page's first value will not do."""
        self.http = httpx.Client(base_url=address, timeout=60)
        self.session = secrets.token_hex(8)
        config = self.http.get("config").json()
        parts = {part["id"]: part for part in config["components"]}
        self.events = tuple(_event(one, parts, valid or {}) for one in config["dependencies"])

    def event(self, name: str) -> Event:
        return next(event for event in self.events if event.name == name)

    def ask(self, name: str, **changed: object) -> Answer:
        """An event by its name, with valid values; `changed`: others, by the field's id with "_" for "-"."""
        event, given = self.event(name), {field.replace("_", "-"): value for field, value in changed.items()}
        values = [given.get(field, value) for field, value in zip(event.fields, event.values, strict=True)]
        return self.join(event, [json.dumps(value) for value in values])

    def join(self, event: Event, values: Sequence[str]) -> Answer:
        """Through the queue, as the page does it."""
        return self.post("queue/join", self.body(event.number, values))

    def run(self, event: Event, values: Sequence[str]) -> Answer:
        """At once, past the queue."""
        return self.post(f"run/{event.name}", self.body(event.number, values))

    def call(self, event: Event, values: Sequence[str]) -> Answer:
        """As `gradio_client` and curl do it."""
        return self.post(f"call/{event.name}", self.body(event.number, values))

    def body(self, number: int, values: Sequence[str]) -> str:
        session = json.dumps(self.session)
        return f'{{"session_hash": {session}, "fn_index": {number}, "data": [{", ".join(values)}]}}'

    def post(self, path: str, body: str | bytes) -> Answer:
        """Any body to a road of Gradio's; where it is taken, the answer that follows as well."""
        sent = self.http.post(f"gradio_api/{path}", content=body, headers=JSON)
        if sent.status_code != httpx.codes.OK or path.startswith("run/"):
            return _read(sent.status_code, sent.text)
        event_id = sent.json().get("event_id")
        if path.startswith("call/"):
            road = path.removeprefix("call/").removeprefix("v2/")
            return _read_call(self.http.get(f"gradio_api/call/{road}/{event_id}").text)
        told = self.http.get("gradio_api/queue/data", params={"session_hash": json.loads(body)["session_hash"]})
        return _read(sent.status_code, told.text)

    def knock(self, path: str, body: str) -> Answer:
        """The same, without waiting for what may follow."""
        sent = self.http.post(f"gradio_api/{path}", content=body, headers=JSON)
        return Answer(sent.status_code, sent.text)

    def close(self) -> None:
        self.http.close()


def _event(one: Mapping, parts: Mapping[int, Mapping], valid: Mapping[str, object]) -> Event:
    """Gradio's own description of an event as one of ours."""
    props = [parts[number]["props"] for number in one["inputs"]]
    fields = [prop.get("elem_id") or "visitor" for prop in props]
    values = [valid.get(field, prop.get("value")) for field, prop in zip(fields, props, strict=True)]
    return Event(one["id"], one["api_name"], tuple(fields), tuple(values))


def _read(status: int, text: str) -> Answer:
    """An answer at once, or all messages of a queue."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("data: ", "{"))]
    said = [json.loads(line) for line in lines]
    end = next((one for one in said if one.get("msg") == "process_completed"), said[-1] if said else {})
    output = end.get("output", end)
    is_done = status == httpx.codes.OK and bool(end.get("success", "data" in end))
    return Answer(status, text, is_done, None if is_done else output.get("error"))


def _read_call(text: str) -> Answer:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    told = json.loads(data[-1]) if data else None
    if "event: complete" in text:
        return Answer(httpx.codes.OK, text, is_done=True)
    return Answer(httpx.codes.OK, text, refusal=told.get("error") if isinstance(told, dict) else told)
