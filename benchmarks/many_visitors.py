"""Many visitors at once: `python -m benchmarks.many_visitors [--visitors 10 20] [--seconds 60] [--json PATH]`.

Every visitor has a recording of its own whose pictures say whose they are, asks without a pause for all that the page
asks for, and looks in each answer whether it is his. Then what scrubbing costs beside others, in the same run: alone,
beside visitors who run the networks without a pause, and beside training.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.page_speed import report, spread
from benchmarks.raw_client import Refused
from benchmarks.server import running_server
from benchmarks.visitor_client import READING, ROBOTS, RUNNING, SCRUBBING, Act, Answer, Guest, answer

SCRUBS = 400  # frames and facts to take a 95th percentile of
RUNS = 9  # of the networks, by one visitor alone
SCRUBS_A_RUN = 5
KINDS = {"scrubbing": SCRUBBING, "running the networks": RUNNING, "reading": READING}
ROUND = (*SCRUBBING * SCRUBS_A_RUN * len(RUNNING), *READING, *RUNNING)


def act_on(guest: Guest, acts: tuple[Act, ...], is_over: Callable[[], bool], answers: list[Answer]) -> None:
    """Everything in `acts`, in an order of its own each time, until it is over; what comes is added to `answers`."""
    while not is_over():
        for act in guest.random.sample(acts, len(acts)):
            answers.append(answer(guest, act))
            if is_over():
                break


def at_once(works: Iterable[Callable[[], object]]) -> None:
    """Each in a thread of its own, begun together."""
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


def visit_together(guests: list[Guest], seconds: float, at_least: int = 0) -> list[Answer]:
    """All guests at once, each asking for all there is: for so long, and until so many answers have come."""
    end, answers = time.monotonic() + seconds, []

    def is_over() -> bool:
        return time.monotonic() > end and len(answers) >= at_least

    at_once(lambda guest=guest: act_on(guest, ROUND, is_over, answers) for guest in guests)
    return answers


def times_ms(answers: list[Answer], acts: tuple[Act, ...]) -> list[float]:
    names = {act.__name__ for act in acts}
    return [1000 * one.seconds for one in answers if one.name in names]


def summed_up(answers: list[Answer]) -> dict[str, float]:
    """Counts, and for each kind of question median and 95th percentile."""
    told: dict[str, float] = {
        "answers": len(answers),
        "mismatches": sum(bool(one.problem) and not one.is_error for one in answers),
        "errors": sum(one.is_error for one in answers),
    }
    for kind, acts in KINDS.items():
        told |= {f"{kind} {name}": value for name, value in spread(times_ms(answers, acts)).items()}
    return told


def scrub(guest: Guest, count: int = SCRUBS) -> dict[str, float]:
    """Times of frame files and frame facts, one after the other."""
    acts = (Guest.scrub_file, Guest.scrub_facts)
    return spread([1000 * answer(guest, acts[turn % 2]).seconds for turn in range(count)])


def scrub_beside(guest: Guest, others: list[Guest], count: int = SCRUBS) -> dict[str, float]:
    """The same while the others run the networks without a pause."""
    is_over, found = threading.Event(), {}

    def look() -> None:
        found.update(scrub(guest, count))
        is_over.set()

    at_once([look, *(lambda other=other: act_on(other, RUNNING, is_over.is_set, []) for other in others)])
    return found


def press_train(guests: list[Guest], steps: int) -> list[str]:
    """All press Train at the same moment; returns what each was told, "" for those whose job began."""
    told: list[str] = []

    def press(guest: Guest) -> None:
        try:
            guest.client.ask("train_predictor_steps", steps)
            told.append("")
        except Refused as refusal:
            told.append(str(refusal))

    at_once(lambda guest=guest: press(guest) for guest in guests)
    return told


def run(guest: Guest, count: int = RUNS) -> dict[str, float]:
    """Times of running the networks, one after the other."""
    return spread([1000 * answer(guest, RUNNING[turn % len(RUNNING)]).seconds for turn in range(count)])


def fairness(guests: list[Guest]) -> dict[str, dict[str, float]]:
    """What one visitor's scrubbing and running costs alone, and beside what the others do."""
    one, *others = guests
    results = {"scrubbing alone": scrub(one), f"beside {len(others)} who run the networks": scrub_beside(one, others)}
    results["running the networks alone"] = run(one)
    same_robot = guests[:: len(ROBOTS)]
    results["pressed Train at once"] = {
        "visitors": len(same_robot),
        "jobs": press_train(same_robot, 100_000).count(""),
    }
    results |= {"scrubbing beside training": scrub(one), "running the networks beside training": run(one)}
    one.stop_training()
    results["scrubbing alone again"] = scrub(one)
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, nargs="+", default=[10])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        guests = [Guest(server.address, server.data, owner) for owner in range(max(arguments.visitors))]
        for count in arguments.visitors:
            results[f"{count} visitors, idle"] = summed_up(visit_together(guests[:count], arguments.seconds))
            press_train(guests[:1], 100_000)
            told = summed_up(visit_together(guests[:count], arguments.seconds))
            results[f"{count} visitors, while training"] = told
            guests[0].stop_training()
        results |= fairness(guests[: min(arguments.visitors) + 1])
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
