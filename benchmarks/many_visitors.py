"""Many visitors at once: `python -m benchmarks.many_visitors [--visitors 10 20] [--seconds 60] [--json PATH]`.

Every visitor has a recording whose pictures encode their owner, sends all requests of the page without a pause, and
checks that each answer is about this recording. Then the speed of scrubbing, in the same run: alone, beside visitors
who run the networks without a pause, and beside training.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.page_speed import percentiles, report
from benchmarks.raw_client import Refused
from benchmarks.server import running_server
from benchmarks.visitor_client import READING, ROBOTS, RUNNING, SCRUBBING, Act, Answer, VisitorClient, answer
from session.command_line import path_option

SCRUBS = 400  # frames and facts to take a 95th percentile of
RUNS = 9  # of the networks, by one visitor alone
SCRUBS_A_RUN = 5
KINDS = {"scrubbing": SCRUBBING, "running the networks": RUNNING, "reading": READING}
ROUND = (*SCRUBBING * SCRUBS_A_RUN * len(RUNNING), *READING, *RUNNING)


def act_until(
    visitor: VisitorClient, acts: tuple[Act, ...], is_over: Callable[[], bool], answers: list[Answer]
) -> None:
    """Repeat all `acts`, in random order each time, until `is_over`; the results are appended to `answers`."""
    while not is_over():
        for act in visitor.random.sample(acts, len(acts)):
            answers.append(answer(visitor, act))
            if is_over():
                break


def run_together(works: Iterable[Callable[[], object]]) -> None:
    """Run each in its own thread, all started at the same moment."""
    works = list(works)
    start = threading.Barrier(len(works))

    def begin(work: Callable[[], object]) -> None:
        start.wait()
        work()

    threads = [threading.Thread(target=begin, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def visit_together(visitors: list[VisitorClient], seconds: float, at_least: int = 0) -> list[Answer]:
    """Let all visitors send all kinds of requests, for `seconds` and until there are `at_least` answers."""
    end, answers = time.monotonic() + seconds, []

    def is_over() -> bool:
        return time.monotonic() > end and len(answers) >= at_least

    run_together(lambda visitor=visitor: act_until(visitor, ROUND, is_over, answers) for visitor in visitors)
    return answers


def times_ms(answers: list[Answer], acts: tuple[Act, ...]) -> list[float]:
    names = {act.__name__ for act in acts}
    return [1000 * one.seconds for one in answers if one.name in names]


def summarize(answers: list[Answer]) -> dict[str, float]:
    """Counts, and the median and 95th percentile for each kind of request."""
    results: dict[str, float] = {
        "answers": len(answers),
        "mismatches": sum(bool(one.problem) and not one.is_error for one in answers),
        "errors": sum(one.is_error for one in answers),
    }
    for kind, acts in KINDS.items():
        results |= {f"{kind} {name}": value for name, value in percentiles(times_ms(answers, acts)).items()}
    return results


def scrub(visitor: VisitorClient, count: int = SCRUBS) -> dict[str, float]:
    """Times of requests for frame files and frame facts, one after the other."""
    acts = (VisitorClient.scrub_file, VisitorClient.scrub_facts)
    return percentiles([1000 * answer(visitor, acts[turn % 2]).seconds for turn in range(count)])


def scrub_beside(visitor: VisitorClient, others: list[VisitorClient], count: int = SCRUBS) -> dict[str, float]:
    """The same while the others run the networks without a pause."""
    is_over, times = threading.Event(), {}

    def measure() -> None:
        times.update(scrub(visitor, count))
        is_over.set()

    run_together([measure, *(lambda other=other: act_until(other, RUNNING, is_over.is_set, []) for other in others)])
    return times


def start_training_together(visitors: list[VisitorClient], steps: int) -> list[str]:
    """Press Train for all at the same moment; returns each one's refusal, or "" if its job started."""
    refusals: list[str] = []

    def press(visitor: VisitorClient) -> None:
        try:
            visitor.client.ask("train_predictor_steps", steps)
            refusals.append("")
        except Refused as refusal:
            refusals.append(str(refusal))

    run_together(lambda visitor=visitor: press(visitor) for visitor in visitors)
    return refusals


def run(visitor: VisitorClient, count: int = RUNS) -> dict[str, float]:
    """Times of requests that run the networks, one after the other."""
    return percentiles([1000 * answer(visitor, RUNNING[turn % len(RUNNING)]).seconds for turn in range(count)])


def fairness(visitors: list[VisitorClient]) -> dict[str, dict[str, float]]:
    """Times of one visitor's scrubbing and running of the networks, alone and beside the others' requests."""
    one, *others = visitors
    results = {"scrubbing alone": scrub(one), f"beside {len(others)} who run the networks": scrub_beside(one, others)}
    results["running the networks alone"] = run(one)
    same_robot = visitors[:: len(ROBOTS)]
    results["pressed Train at once"] = {
        "visitors": len(same_robot),
        "jobs": start_training_together(same_robot, 100_000).count(""),
    }
    results |= {"scrubbing beside training": scrub(one), "running the networks beside training": run(one)}
    one.stop_training()
    results["scrubbing alone again"] = scrub(one)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[10])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        visitors = [VisitorClient(server.address, server.data, owner) for owner in range(max(arguments.visitors))]
        for count in arguments.visitors:
            results[f"{count} visitors, idle"] = summarize(visit_together(visitors[:count], arguments.seconds))
            start_training_together(visitors[:1], 100_000)
            results[f"{count} visitors, while training"] = summarize(
                visit_together(visitors[:count], arguments.seconds)
            )
            visitors[0].stop_training()
        results |= fairness(visitors[: min(arguments.visitors) + 1])
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
