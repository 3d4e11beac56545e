"""Speed of listing and opening sessions: ``python -m benchmarks.listing_and_opening [--json PATH]``.

Writes 500 sessions of metadata and one of 100,000 events (50,000 frames, hard links to a few pictures) to a temporary
folder. Each figure is the best of three runs in a separate process, whose peak memory is compared with its memory
before. The reference is a plain reader: json.loads on each line into a list of dicts, without checks.
"""

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from session import SessionCache, list_sessions, load_session
from session.command_line import path_option

SESSIONS = 500
EVENTS = 100_000
SHARD_SIZE = 1000
PICTURES = 8
RUNS = 3
BIG = "jetbot/session_20250921_142133"
RIGHT = {"motor_left": 0, "motor_right": 0.12, "duration": 0.2}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=path_option, help="also write the figures here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=path_option, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(MEASURES[options.measure](options.folder)))
        return
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder))
        figures = {name: measure_in_child(name, folder) for name in MEASURES}
    print_table(figures)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


def measure_in_child(name: str, folder: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.listing_and_opening", "--measure", name, "--folder", folder]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def print_table(figures: dict[str, dict[str, float]]) -> None:
    print(f"{'':42}{'best s':>9}{'more MB':>9}")
    for name, figure in figures.items():
        print(f"{TITLES[name]:42}{figure['seconds']:9.3f}{figure['more_mb']:9.1f}")


def measure(action: Callable[[], object]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(RUNS):
        started = time.perf_counter()
        result = action()
        seconds.append(time.perf_counter() - started)
        del result
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"seconds": min(seconds), "first_seconds": seconds[0], "more_mb": (after - before) / 1024}


def measure_listing(folder: Path) -> dict[str, float]:
    figure = measure(lambda: list_sessions(folder))
    assert len(list_sessions(folder)) == SESSIONS + 1
    return figure


def measure_opening(folder: Path) -> dict[str, float]:
    figure = measure(lambda: load_session(folder / BIG))
    session = load_session(folder / BIG)
    assert session.total_events == EVENTS and not session.skipped
    return figure


def measure_opening_again(folder: Path) -> dict[str, float]:
    sessions = SessionCache(folder)
    sessions.get(BIG)
    return measure(lambda: sessions.get(BIG))


def measure_plain_reading(folder: Path) -> dict[str, float]:
    def read() -> list[dict]:
        events = []
        for path in sorted((folder / BIG).glob("events_shard_*.jsonl")):
            with path.open() as file:
                events += [json.loads(line) for line in file]
        return events

    return measure(read)


MEASURES = {
    "listing": measure_listing,
    "opening": measure_opening,
    "opening_again": measure_opening_again,
    "plain_reading": measure_plain_reading,
}
TITLES = {
    "listing": f"list {SESSIONS} sessions",
    "opening": f"open {EVENTS:,} events, {EVENTS // 2:,} frames",
    "opening_again": "open the same again",
    "plain_reading": "reference: json.loads of each line",
}


def write_data(folder: Path) -> None:
    for number in range(SESSIONS):
        write_metadata(
            folder / "jetbot" / f"session_2025{number // 28 % 12 + 1:02d}{number % 28 + 1:02d}_{number:06d}", 1
        )
    write_big_session(folder / BIG)


def write_metadata(folder: Path, shards: int) -> None:
    folder.mkdir(parents=True)
    content = {
        "session_name": folder.name,
        "start_time": "2025-09-21T14:21:33",
        "shard_size": SHARD_SIZE,
        "max_disk_gb": 10.0,
        "action_space": [RIGHT | {"motor_right": 0}, RIGHT],
        "robot_type": "JetBotInterface",
        "total_shards": shards,
    }
    (folder / "session_meta.json").write_text(json.dumps(content))


def write_big_session(folder: Path) -> None:
    write_metadata(folder, EVENTS // SHARD_SIZE)
    frames = folder / "frames"
    frames.mkdir()
    for number in range(PICTURES):
        buffer = io.BytesIO()
        Image.new("RGB", (224, 224), (30 * number, 90, 200)).save(buffer, "JPEG")
        (folder / f"picture_{number}").write_bytes(buffer.getvalue())
    for first in range(0, EVENTS, SHARD_SIZE):
        events = [event_of(step) for step in range(first, first + SHARD_SIZE)]
        text = "".join(json.dumps(event) + "\n" for event in events)
        (folder / f"events_shard_{first // SHARD_SIZE:03d}.jsonl").write_text(text)
    for step in range(0, EVENTS, 2):
        os.link(folder / f"picture_{step // 2 % PICTURES}", frames / f"frame_{step:06d}.jpg")


def event_of(step: int) -> dict[str, object]:
    kind, data = ("action", RIGHT) if step % 2 else ("observation", {"frame_path": f"frames/frame_{step:06d}.jpg"})
    return {"step": step, "type": kind, "data": data, "timestamp": 1758486093.0 + 0.1 * step}


if __name__ == "__main__":
    main()
