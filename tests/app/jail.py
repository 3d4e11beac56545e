"""A watched server, forbidden files outside its data folder, and a visitor of the raw API."""

import json
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.app.traversals import Canaries, traversals
from tests.session.session_files import jpeg, meta_of, observation, write_session
from training.evaluation.store import session_folder

ROOT = Path(__file__).parents[2]
AT_ONCE = 8  # events in the queue at the same time
START_S = 60
KNOWN, ABSENT = "secret", "nobody"  # an existing name outside, and an absent one of the same length


@dataclass
class Jail:
    """A watched server over `data`, and the files outside that contain `canary`."""

    data: Path
    outside: Path
    session_id: str
    canary: str
    log: Path
    canaries: Canaries
    process: subprocess.Popen
    address: str = ""
    usual: set[tuple[str, str]] = field(default_factory=set)
    read_to: int = 0

    def opened(self) -> list[tuple[str, str]]:
        """Files opened since the last call: audit event and path."""
        content = self.log.read_bytes()
        lines = content[self.read_to :].splitlines()
        self.read_to = len(content)
        return [tuple(json.loads(line)) for line in lines]

    def outside_data(self) -> set[tuple[str, str]]:
        """Files opened since the last call, except those in the data folder and the program's own."""
        return {(how, path) for how, path in self.opened() if not self._is_own(path)} - self.usual

    def _is_own(self, path: str) -> bool:
        programs = (sys.prefix, sys.base_prefix)
        own = (self.data, self.log.parent / "gradio", *programs, *map(os.path.realpath, programs))
        is_source = path.startswith(f"{ROOT}/") and path.endswith((".py", ".pyc"))
        return is_source or path.startswith(f"{ROOT}/page/assets") or any(Path(path).is_relative_to(one) for one in own)

    def complaints(self, answers: list[str]) -> list[str]:
        """Problems since the last call: files opened outside, and content of such files in the answers."""
        problems = [f"{how} {path}" for how, path in sorted(self.outside_data())]
        problems += [f"{name} outside was opened" for name in sorted(self.canaries.looked_at())]
        marks = (self.canary, "root:x:0:0")
        leaks = [answer for answer in answers if any(mark in answer for mark in marks)]
        return problems + [f"an answer contains data from outside: {answer[:200]}" for answer in leaks]


def interrupted_run(path: str) -> str:
    """The log of a killed run in whose texts a path is named."""
    run = {"label": path, "subject": path, "started_by": "", "began": "2025-09-21T14:21:33", "max_steps": 5}
    begun = {"phase": path, "network": "autoencoder", "offset": 0, "step": 0}
    lines = [{"run": run, "config": {"numbers": path}}, begun, {"step": 1, "grad_norm": 1.0, "numbers": path}]
    return "".join(json.dumps(line) + "\n" for line in lines)


def first_line(process: subprocess.Popen) -> str:
    timer = threading.Timer(START_S, process.kill)
    timer.start()
    line = process.stdout.readline().strip()
    timer.cancel()
    assert line, "the server did not start"
    return line


def lay_out_canaries(folder: Path, outside: Path, canary: str) -> None:
    """Write canaries outside, beside the data folder, and in a folder whose name begins like that one's."""
    for parent in (outside, folder, folder / "saved_of_others"):
        write_session(parent / KNOWN, [observation(0)], meta_of(robot_type=canary, session_name=canary))
        (parent / KNOWN / "frames" / "frame_000000.jpg").write_bytes(jpeg() + canary.encode())
        for ending in ("pth", "npz", "jpg", "txt", "jsonl"):
            (parent / f"{KNOWN}.{ending}").write_bytes((jpeg() if ending == "jpg" else b"") + canary.encode())


def lay_links(data: Path, outside: Path, session_id: str) -> None:
    """Create links of every kind in the data folder, and a recording with frame paths that lead outside."""
    jetbot = data / "sessions" / "jetbot"
    (jetbot / "linked").symlink_to(outside / KNOWN)
    (data / "sessions" / "linked_robot").symlink_to(outside)
    up = "../../../../outside/secret.jpg"
    strings = traversals(up, str(outside / f"{KNOWN}.jpg"))
    lines = [observation(step, path) for step, path in enumerate(strings)]
    mixed = write_session(jetbot / "mixed", [json.dumps(line) for line in lines])
    (mixed / "frames" / "linked.jpg").symlink_to(outside / f"{KNOWN}.jpg")
    (mixed / "linked_frames").symlink_to(outside)
    (mixed / "events_shard_001.jsonl").symlink_to(outside / KNOWN / "events_shard_000.jsonl")
    (mixed / "events_shard_002.jsonl").write_text(
        "\n".join(
            json.dumps(observation(900 + n, path))
            for n, path in enumerate(("frames/linked.jpg", "linked_frames/secret.jpg"))
        )
    )
    (mixed / "frames" / "good.jpg").write_bytes(jpeg())
    (mixed / "events_shard_003.jsonl").write_text(json.dumps(observation(999, "frames/good.jpg")))
    bare = write_session(jetbot / "bare", [])
    (bare / "session_meta.json").unlink()
    (bare / "session_meta.json").symlink_to(outside / KNOWN / "session_meta.json")
    (bare / "frames").rmdir()
    (bare / "frames").symlink_to(outside / KNOWN / "frames")
    write_session(
        jetbot / "named", [observation(0)], meta_of(robot_type="../../outside/secret", session_name="../../secret")
    )
    (data / "checkpoints" / "jetbot" / "linked.pth").symlink_to(outside / f"{KNOWN}.pth")
    (data / "checkpoints" / "linked_robot").symlink_to(outside)
    (data / "checkpoints" / "jetbot" / "runs").mkdir()
    (data / "checkpoints" / "jetbot" / "runs" / "29991231_235959_autoencoder.jsonl").symlink_to(
        outside / f"{KNOWN}.jsonl"
    )
    results = session_folder(data / "evaluations", session_id)
    results.mkdir(parents=True)
    (results / "linked.npz").symlink_to(outside / f"{KNOWN}.npz")
    elsewhere = session_folder(data / "evaluations", "jetbot/mixed")
    elsewhere.symlink_to(outside)


class Asker:
    """A visitor of the raw API: sends events through the queue, several at once."""

    def __init__(self, jail: Jail) -> None:
        self.http = httpx.Client(base_url=jail.address, timeout=60)
        self.hash = secrets.token_hex(8)
        config = self.http.get("config").json()
        self.events = config["dependencies"]
        self._states = {part["id"] for part in config["components"] if part["type"] == "state"}

    def inputs(self, event: dict, values: list[Any] | object) -> list[Any]:
        """Input data of an event: its values in order, or one value for every input; None for states of the server."""
        queue = iter(values) if isinstance(values, list) else None
        return [None if part in self._states else next(queue, None) if queue else values for part in event["inputs"]]

    def named(self, name: str) -> dict:
        return next(event for event in self.events if event["api_name"] == name)

    def ask(self, calls: list[tuple[dict, Any, str]]) -> list[str]:
        """Texts of the answers to calls. A call: event, values, query of the address."""
        answers: list[str] = []
        for start in range(0, len(calls), AT_ONCE):
            waiting = [self._join(*call) for call in calls[start : start + AT_ONCE]]
            texts = self._listen({event_id for event_id in waiting if not event_id.startswith("refused")})
            answers += [texts.get(event_id, event_id) for event_id in waiting]
        return answers

    def _join(self, event: dict, values: Any, query: str) -> str:
        body = {"fn_index": event["id"], "data": self.inputs(event, values), "session_hash": self.hash}
        answer = self.http.post(
            f"gradio_api/queue/join{query}", content=json.dumps(body), headers={"content-type": "application/json"}
        )
        return answer.json()["event_id"] if answer.status_code == 200 else f"refused {answer.status_code} {answer.text}"

    def _listen(self, waiting: set[str]) -> dict[str, str]:
        outputs: dict[str, list] = {event_id: [] for event_id in waiting}
        with self.http.stream("GET", "gradio_api/queue/data", params={"session_hash": self.hash}) as stream:
            lines = stream.iter_lines() if waiting else iter(())
            while waiting:
                line = next(lines)
                message = json.loads(line.removeprefix("data: ")) if line else {}
                if message.get("msg") == "log":
                    outputs[message["event_id"]].append(message["log"])
                elif message.get("msg") == "process_completed":
                    output = message["output"]
                    outputs[message["event_id"]].append(output.get("error") or output.get("data"))
                    waiting.discard(message["event_id"])
        return {event_id: json.dumps(texts, ensure_ascii=False) for event_id, texts in outputs.items()}
