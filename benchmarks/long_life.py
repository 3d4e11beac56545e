"""A server's long life: `python -m benchmarks.long_life [--actions 1500] [--repeats 100] [--minutes 6] [--json PATH]`.

First each thing that a visitor may ask for, many times over; then everything by several visitors, in any order: right
and wrong, training, loading, saving, evaluating, reloading, leaving before the answer. After each, and at intervals,
when no job is in progress: memory, descriptors, threads and cache files of the server's process. The first half of the
actions fills what is kept on purpose (recordings, tabs); what is added after it is a leak. Ends with an error where
that is more than the bounds.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks.coded_recordings import record_coded
from benchmarks.long_session import OFTEN, Resident
from benchmarks.many_visitors import at_once
from benchmarks.memory_use import Footprint, is_within
from benchmarks.page_speed import report
from benchmarks.server import Server, running_server
from benchmarks.visitor_client import Answer, answer
from session import SessionCache

READINGS = 10
REST_S = 5.0  # a server at rest gives back what it has freed within a few seconds
SESSIONS, FRAMES_IN_LONG = 300, 1200
REPEATED = (
    *(Resident.scrub_file, Resident.scrub_facts, Resident.reconstruct, Resident.predict, Resident.attend),
    *(Resident.weights, Resident.statistics, Resident.evaluate_and_cancel, Resident.reload),
)


def quiet_footprint(server: Server, resident: Resident, rest_s: float = 0) -> Footprint:
    """What the server holds when no job is in progress, and nothing was asked for `rest_s`."""
    resident.end_jobs()
    threading.Event().wait(rest_s)
    return server.footprint()


def repeat(
    server: Server, resident: Resident, act: Callable, count: int, seconds: float, rest_s: float = REST_S
) -> dict[str, float]:
    """What the server holds more after `count` times the same, or as often as fits."""
    before, end, done = quiet_footprint(server, resident, rest_s), time.monotonic() + seconds, 0
    problems = Counter()
    while done < count and time.monotonic() < end:
        found = answer(resident, act)
        problems[found.problem] += bool(found.problem)
        done += 1
    growth = quiet_footprint(server, resident, rest_s).grown_since(before)
    return {"times": done, "problems": problems.total(), **vars(growth)}


def warm_up(resident: Resident, act: Callable, count: int) -> None:
    """The first times: what is kept once and for all, such as fonts, is no leak."""
    for _ in range(max(1, count // 10)):
        act(resident)


def open_many(server: Server, resident: Resident, count: int) -> dict[str, float]:
    """The same of opening one recording after another, `count` in all, when as many as are kept on purpose are open."""
    kept = SessionCache.CAPACITY
    numbers = range(1000, 1000 + count + kept)
    ids = [record_coded(server.data / "sessions", number, 3, "toroidal_dot") for number in numbers]
    for session_id in ids[:kept]:
        resident.client.ask("load_session", session_id)
    before = quiet_footprint(server, resident)
    for session_id in ids[kept:]:
        resident.client.ask("load_session", session_id)
    growth = quiet_footprint(server, resident).grown_since(before)
    resident.open()
    return {"times": count, "problems": 0, **vars(growth)}


def live(residents: list[Resident], actions: int, until: float) -> list[Answer]:
    """All residents together do so many things, in any order."""
    answers: list[Answer] = []
    counting = threading.Lock()
    left = iter(range(actions))

    def dwell(resident: Resident) -> None:
        while time.monotonic() < until:
            with counting:
                if next(left, None) is None:
                    return
            act = resident.random.choices([*OFTEN], [*OFTEN.values()])[0]
            answers.append(answer(resident, act))

    at_once(lambda resident=resident: dwell(resident) for resident in residents)
    return answers


def soak(
    server: Server, residents: list[Resident], actions: int, seconds: float, rest_s: float = REST_S
) -> tuple[list[Footprint], Counter]:
    """Readings at intervals of a life of so many actions, the first before it; and what went wrong, with counts."""
    end = time.monotonic() + seconds
    readings, told = [quiet_footprint(server, residents[0], rest_s)], Counter()
    for _ in range(READINGS):
        answers = live(residents, actions // READINGS, end)
        told["actions"] += len(answers)
        told.update(f"{one.name}: {one.problem}" for one in answers if one.problem)
        readings.append(quiet_footprint(server, residents[0], rest_s))
    return readings, told


def added_late(readings: list[Footprint]) -> Footprint:
    """What the last reading has above the highest of the first half."""
    return readings[-1].grown_since(Footprint.highest(readings[: 1 + len(readings) // 2]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=6, help="of either part, at most")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    seconds, results = 60 * arguments.minutes, {}
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        first = Resident(server.address, server.data, 0, FRAMES_IN_LONG)
        for act in REPEATED if arguments.repeats else ():
            share = seconds / len(REPEATED)
            warm_up(first, act, arguments.repeats)
            results[f"more after {act.__name__}"] = repeat(server, first, act, arguments.repeats, share)
        results["more after opening recordings"] = open_many(server, first, SESSIONS if arguments.repeats else 1)
        others = [Resident(server.address, server.data, owner) for owner in range(1, arguments.visitors)]
        readings, told = soak(server, [first, *others], arguments.actions, seconds)
    done = told.pop("actions")
    results |= {f"after {done * part // READINGS:,} actions": vars(one) for part, one in enumerate(readings)}
    late = added_late(readings)
    results["added by the second half"] = vars(late)
    results["problems"] = {"count": told.total()} | dict(told)
    report(results, arguments.json)
    return 0 if is_within(late) and not told else 1


if __name__ == "__main__":
    sys.exit(main())
