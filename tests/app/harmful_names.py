"""Names with HTML and scripts, each of which would call `canary()` or send a request to canary.invalid if it were not
escaped; and recordings with such names."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from session.files import is_plain

HARM = "<img src=x onerror=canary()>"
HARMFUL = (
    HARM,
    "<script>canary()</script>",
    "</script><script>canary()</script>",
    "</textarea></title></style></template><img src=x onerror=canary()>",
    "--><img src=x onerror=canary()>",
    '"><img src=//canary.invalid/a onerror=canary()>',
    "'><img src='//canary.invalid/b' onerror='canary()'>",
    "' onmouseover='canary()' tabindex='0' autofocus onfocus='canary()",
    '" onmouseover="canary()" tabindex="0" autofocus onfocus="canary()',
    "x onpointerenter=canary() style=position:fixed;inset:0",
    "<svg onload=canary()>",
    "<svg><animate onbegin=canary() attributeName=x dur=1s>",
    "<svg><script href=//canary.invalid/c /></svg>",
    "<math><mtext><style><img src=x onerror=canary()></style>",
    '<iframe srcdoc="<script>parent.canary()</script>">',
    "<iframe src=javascript:parent.canary()>",
    "<object data=//canary.invalid/d><embed src=//canary.invalid/e>",
    "<details open ontoggle=canary()>",
    "<video src=//canary.invalid/f onerror=canary()>",
    "<a href=javascript:canary()>a</a>",
    "javascript:canary()",
    "data:text/html,<script>canary()</script>",
    "<link rel=stylesheet href=//canary.invalid/g>",
    "<style>@import url(//canary.invalid/h)</style>",
    "<style>*{background:url(//canary.invalid/i)}</style>",
    "red;background:url(//canary.invalid/j)",
    "<meta http-equiv=refresh content=0;url=//canary.invalid/k>",
    "<base href=//canary.invalid/>",
    "<form action=//canary.invalid/l><button autofocus onfocus=canary()>",
    "![a](http://canary.invalid/m.png) [b](javascript:canary())",
    "<http://canary.invalid/n> http://canary.invalid/o",
    "${canary()} {{canary()}} {canary()} {@html canary()} #{canary()} <%= canary() %>",
    "`${canary()}`",
    "';canary();' \";canary();\" \\';canary();//",
    "&lt;img src=x onerror=canary()&gt;",
    r"\u003cimg src=x onerror=canary()\u003e \x3cscript\x3ecanary()\x3c/script\x3e",
    "%3Cimg%20src=x%20onerror=canary()%3E",
    "a&#?%20b%00<img src=x onerror=canary()>",
    "<<img src=x onerror=canary()>script>canary()<</script>/script>",
    "\u2028canary()//\u202e<img src=x onerror=canary()>",
)
FOR_ACTIONS = [name for name in HARMFUL if is_plain(name)]  # actions with other names are skipped
FOR_FILES = [name for name in FOR_ACTIONS if not set(name) & set("/\\")]


def names_of(number: int) -> tuple[str, ...]:
    """Harmful names for a robot, a recording, its action, its folder and its files: each name in each place in turn."""
    kinds = (HARMFUL, HARMFUL, FOR_ACTIONS, FOR_FILES, FOR_FILES)
    return tuple(names[(number + 7 * place) % len(names)] for place, names in enumerate(kinds))


def write_session(sessions: Path, model: Path, names: Sequence[str]) -> str:
    """Copy a recording under these names; returns the id of the session."""
    robot, title, channel, folder, file = names
    copy = sessions / f"odd{len(list(sessions.glob('*')))}" / f"session_{folder}"
    shutil.copytree(model, copy)
    meta, shard = copy / "session_meta.json", copy / "events_shard_000.jsonl"
    facts = json.loads(meta.read_text())
    meta.write_text(json.dumps({**facts, "robot_type": robot, "action_space": None, "session_name": title}))
    events = [json.loads(line) for line in shard.read_text().splitlines()]
    for event in events:
        if event["type"] == "action":
            event["data"] = {channel: event["data"]["action"]}
        else:
            frame = copy / event["data"]["frame_path"]
            frame = frame.rename(frame.with_stem(f"{frame.stem}{file}"))
            event["data"]["frame_path"] = f"frames/{frame.name}"
    broken = json.dumps({"step": 99, "type": channel, "data": {robot: channel}})
    shard.write_text("\n".join([*map(json.dumps, events), broken, robot, ""]))
    (copy / f"events_shard_{file}.jsonl").write_text("{")
    return f"{copy.parent.name}/{copy.name}"
