"""Leaks of a server: `python -m benchmarks.long_life [--actions 1500] [--repeats 100] [--minutes 3] [--json PATH]`.

First each request of a visitor, many times; then all requests by several visitors, in random order: valid and invalid
ones, training, loading, saving, evaluating, reloading, leaving before the answer. After each, and at intervals, when no
job is in progress: memory, descriptors, threads and cache files of the server's process. The first half of the actions
fills the caches (recordings, tabs); growth after it is a leak. Ends with an error if the growth exceeds the bounds.
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
from benchmarks.long_session import OFTEN, LongSession
from benchmarks.many_visitors import run_together
from benchmarks.memory_use import ResourceUse, is_within
from benchmarks.page_speed import report
from benchmarks.server import Server, running_server
from benchmarks.visitor_client import Answer, answer
from session import SessionCache
from session.command_line import path_option

READINGS = 10
REST_S = 5.0  # a server at rest returns freed memory within a few seconds
SESSIONS, FRAMES_IN_LONG = 300, 1200
REPEATED = (
    LongSession.scrub_file,
    LongSession.scrub_facts,
    LongSession.reconstruct,
    LongSession.predict,
    LongSession.attend,
    LongSession.weights,
    LongSession.statistics,
    LongSession.evaluate_and_cancel,
    LongSession.reload,
)


def resource_use_at_rest(server: Server, visitor: LongSession, rest_s: float = 0) -> ResourceUse:
    """Resources of the server when no job is in progress, and without requests for `rest_s`."""
    visitor.end_jobs()
    threading.Event().wait(rest_s)
    return server.resource_use()


def repeat(
    server: Server, visitor: LongSession, act: Callable, count: int, seconds: float, rest_s: float = REST_S
) -> dict[str, float]:
    """Growth of the server's resources after `count` equal requests, or as many as fit into `seconds`."""
    before, end, done = resource_use_at_rest(server, visitor, rest_s), time.monotonic() + seconds, 0
    problems = Counter()
    while done < count and time.monotonic() < end:
        result = answer(visitor, act)
        problems[result.problem] += bool(result.problem)
        done += 1
    growth = resource_use_at_rest(server, visitor, rest_s).grown_since(before)
    return {"times": done, "problems": problems.total(), **vars(growth)}


def warm_up(visitor: LongSession, act: Callable, count: int) -> None:
    """Send the first requests: memory that is allocated once, such as for fonts, is no leak."""
    for _ in range(max(1, count // 10)):
        act(visitor)


def open_many(
    server: Server, visitor: LongSession, count: int, cached: int = SessionCache.CAPACITY
) -> dict[str, float]:
    """Growth after opening `count` recordings one after another, after `cached` others: by default the cache of
    recordings is full."""
    numbers = range(1000, 1000 + count + cached)
    ids = [record_coded(server.data / "sessions", number, 3, "toroidal_dot") for number in numbers]
    for session_id in ids[:cached]:
        visitor.client.ask("load_session", session_id)
    before = resource_use_at_rest(server, visitor)
    for session_id in ids[cached:]:
        visitor.client.ask("load_session", session_id)
    growth = resource_use_at_rest(server, visitor).grown_since(before)
    visitor.open()
    return {"times": count, "problems": 0, **vars(growth)}


def act_together(visitors: list[LongSession], actions: int, until: float) -> list[Answer]:
    """Let all visitors together send `actions` requests, in random order."""
    answers: list[Answer] = []
    counting = threading.Lock()
    remaining = iter(range(actions))

    def visit(visitor: LongSession) -> None:
        while time.monotonic() < until:
            with counting:
                if next(remaining, None) is None:
                    return
            act = visitor.random.choices([*OFTEN], [*OFTEN.values()])[0]
            answers.append(answer(visitor, act))

    run_together(lambda visitor=visitor: visit(visitor) for visitor in visitors)
    return answers


def soak(
    server: Server, visitors: list[LongSession], actions: int, seconds: float, rest_s: float = REST_S
) -> tuple[list[ResourceUse], Counter]:
    """Readings before and at intervals during this number of actions; and the counts of all problems."""
    end = time.monotonic() + seconds
    readings, counts = [resource_use_at_rest(server, visitors[0], rest_s)], Counter()
    for _ in range(READINGS):
        answers = act_together(visitors, actions // READINGS, end)
        counts["actions"] += len(answers)
        counts.update(f"{one.name}: {one.problem}" for one in answers if one.problem)
        readings.append(resource_use_at_rest(server, visitors[0], rest_s))
    return readings, counts


def added_by_second_half(readings: list[ResourceUse]) -> ResourceUse:
    """Growth of the last reading over the highest of the first half."""
    return readings[-1].grown_since(ResourceUse.highest(readings[: 1 + len(readings) // 2]))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--minutes", type=float, default=3, help="of either part, at most")
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    seconds, results = 60 * arguments.minutes, {}
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        first = LongSession(server.address, server.data, 0, FRAMES_IN_LONG)
        for act in REPEATED if arguments.repeats else ():
            share = seconds / len(REPEATED)
            warm_up(first, act, arguments.repeats)
            results[f"more after {act.__name__}"] = repeat(server, first, act, arguments.repeats, share)
        results["more after opening recordings"] = open_many(server, first, SESSIONS if arguments.repeats else 1)
        others = [LongSession(server.address, server.data, owner) for owner in range(1, arguments.visitors)]
        readings, problems = soak(server, [first, *others], arguments.actions, seconds)
    done = problems.pop("actions")
    results |= {f"after {done * part // READINGS:,} actions": vars(one) for part, one in enumerate(readings)}
    late = added_by_second_half(readings)
    results["added by the second half"] = vars(late)
    results["problems"] = {"count": problems.total()} | dict(problems)
    report(results, arguments.json)
    return 0 if is_within(late) and not problems else 1


if __name__ == "__main__":
    sys.exit(main())
