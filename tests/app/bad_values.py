"""Values that no page would send: pieces of JSON text for single fields, and whole bodies of requests."""

import json

NUMBERS = (
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-320", "-0.0", "0", "-1", "2.5", "1e9", "1e300", "1e-9"),
    *("9007199254740993", "1" + "0" * 400, "-1" + "0" * 400, "1" + "0" * 5000, "true", "false", "null"),
)
TEXTS = (
    *('""', '" "', '"nan"', '"1e9"', '"12"', r'"\u0661\u0662"', r'"\ud800"', r'"a\u0000b"', r'"\r\n\t"', '"null"'),
    *('"../../etc/passwd"', '"/etc/passwd"', '"<img src=x onerror=alert(1)>"', f'"{"a" * 100_000}"', '"{0.__class__}"'),
)
SHAPES = (
    *("[]", "[1]", "[[0, 1], [2, 3]]", "{}", '{"value": 1}', '{"session": {}, "frame": []}', '{"__type__": "update"}'),
    *(r'{"session": "\ud800", "frame": NaN}', '{"session": null, "frame": 1e999}', '{"frame": {"frame": 0}}'),
    *("[" * 200 + "]" * 200, "[" * 5000 + "]" * 5000, '{"a":' * 500 + "1" + "}" * 500),
)
FILES = tuple(
    json.dumps({"path": path, "meta": {"_type": "gradio.FileData"}, **more})
    for path, more in (
        ("/etc/passwd", {}),
        ("/etc/passwd", {"url": "http://127.0.0.1:9/x"}),
        ("http://127.0.0.1:9/x", {}),
        (5, {}),
    )
)
VALUES = (*NUMBERS, *TEXTS, *SHAPES, *FILES)

USUAL = {"session_hash": '"q"', "fn_index": "2", "data": "[null, null]"}


def body(**changed: str) -> str:
    """A request for an event, each part as JSON text."""
    return "{" + ", ".join(f'"{name}": {value}' for name, value in {**USUAL, **changed}.items()) + "}"


BODIES = (
    *("", "null", "[]", "{", "{}", "\0", "[" * 9000, '{"data": []}', '{"data": null}'),
    *(body(data=value) for value in ("null", '"ab"', "{}", "[]", "[[null], [null]]")),
    *(body(fn_index=value, data="[]") for value in (*NUMBERS, *TEXTS, "[2]", "{}", "9999")),
    *(body(session_hash=value) for value in (*NUMBERS, *TEXTS, "[]", "{}")),
    *(body(trigger_id=value) for value in (*NUMBERS, *TEXTS)),
    *(body(event_id=value) for value in (*TEXTS, "5")),
    *(body(batched=value) for value in ("true", "3", "[]")),
    body(request='{"a": 1}', batch_trigger_ids="[1]"),
    body(event_data='[[{"target": 1}]]', simple_format="true"),
)
ROADS = (
    *("queue/join", "run/predict", "run/show_frame", "run/nothing", "run/..%2f..%2fetc", "call/show_frame"),
    *("call/nothing", "call/open_page", "call/%00", "call/v2/show_frame", "call/v2/nothing", "cancel", "reset"),
    "component_server",
)
