"""Speed of the page while a predictor trains: `python -m benchmarks.page_while_training [--json PATH]`.

Answer times of frame facts, of the job's status and of a frame file, idle and during training, in one run; and the
speed of training with ten watching visitors. Then the memory of training on 8 frames of context.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from gradio_client import Client

from benchmarks.memory_use import peak_mb
from benchmarks.page_speed import percentiles, report
from benchmarks.server import Server, running_server
from benchmarks.targets import TRAINING_8
from session import record_demo
from session.command_line import path_option

ASKED = 60
WATCHERS = 10
UPDATES_S = 1.0  # as the timer in page/ticks.py
STEPS_WATCHED = 20
STEPS_OF_8 = 6
NO_ERRORS = None, 3, None, None  # the rest of what a page sends: no evaluation to show, a history of 3


class Tab:
    """A browser tab from the server's point of view: events without a queue are one request each."""

    def __init__(self, address: str, session_id: str) -> None:
        self.address = address
        self.client = Client(address, verbose=False)
        self.client.predict(session_id, api_name="/load_session")
        self.http = httpx.Client(timeout=60)
        self.numbers = {one["api_name"]: one["id"] for one in self.client.config["dependencies"]}

    def ask(self, function: str, *data: object) -> list[object]:
        body = {"fn_index": self.numbers[function], "data": [None, *data], "session_hash": self.client.session_hash}
        answer = self.http.post(f"{self.address}gradio_api/run/predict", json=body)
        answer.raise_for_status()
        return answer.json()["data"]

    def step(self) -> int:
        text = self.client.predict(api_name="/training_status")
        return int(text.split('aria-valuenow="')[1].split('"')[0])

    def wait_until_idle(self) -> None:
        while ' stop"' in self.client.predict(api_name="/training_status"):  # the buttons of a job in progress
            threading.Event().wait(0.2)


def answer_times(ask: Callable[[int], object]) -> dict[str, float]:
    durations = []
    for turn in range(ASKED):
        began = time.perf_counter()
        ask(turn)
        durations.append(1000 * (time.perf_counter() - began))
    return percentiles(durations)


def measure(tab: Tab, session_id: str, when: str) -> dict[str, dict[str, float]]:
    def tick(turn: int) -> None:
        tab.ask("tick", turn % 2 == 0, 0.6, [], *NO_ERRORS)  # another scale each time, so that each tick draws

    requests = {
        "frame facts": lambda turn: tab.ask("show_frame", turn % 50),
        "training tick": tick,
        "frame file": lambda turn: tab.http.get(f"{tab.address}recorded/frame/{turn % 50}/{session_id}").content,
    }
    return {f"{name}, {when}": answer_times(ask) for name, ask in requests.items()}


def steps_per_second(tab: Tab) -> float:
    """Rate of the training job, over some steps."""
    first, began = tab.step(), time.perf_counter()
    while (now := tab.step()) < first + STEPS_WATCHED:
        threading.Event().wait(0.5)
    return (now - first) / (time.perf_counter() - began)


def watch(tab: Tab, is_over: threading.Event) -> None:
    """Request updates as an open page does, once per second."""
    while not is_over.wait(UPDATES_S):
        tab.ask("tick", False, 0.6, [], *NO_ERRORS)


def slowdown(tab: Tab, session_id: str) -> dict[str, float]:
    """Steps per second alone, watched, and alone again, which reveals changes of the machine itself."""
    watching = [Tab(tab.address, session_id) for _ in range(WATCHERS)]
    alone, is_over = steps_per_second(tab), threading.Event()
    watchers = [threading.Thread(target=watch, args=(one, is_over)) for one in watching]
    for watcher in watchers:
        watcher.start()
    watched = steps_per_second(tab)
    is_over.set()
    for watcher in watchers:
        watcher.join()
    again = steps_per_second(tab)
    ratio = watched / statistics.mean([alone, again])
    return {"alone_steps_per_s": alone, "watched": watched, "alone_again": again, "ratio": ratio}


def memory_of_training(tab: Tab, server: Server) -> dict[str, float]:
    """Memory of the server during steps on 8 frames, and its peak since the start."""
    tab.client.predict(100_000, history_length=8, api_name="/train_predictor_steps")
    while tab.step() < STEPS_OF_8:
        threading.Event().wait(0.5)
    memory = {"mb": server.resource_use().memory_mb, "peak_mb": peak_mb(server.process.pid)}
    tab.client.predict(api_name="/stop_training")
    return memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, running_server(Path(temporary)) as server:
        session_id = record_demo(server.data / "sessions", "jetbot_sim", 60, seed=1)
        tab = Tab(server.address, session_id)
        results = measure(tab, session_id, "idle")
        tab.ask("show_frame", 20)
        tab.client.predict(100_000, api_name="/train_predictor_steps")
        results |= measure(tab, session_id, "while training")
        results["training, ten visitors watching"] = slowdown(tab, session_id)
        tab.client.predict(api_name="/stop_training")
        tab.wait_until_idle()
        results[TRAINING_8] = memory_of_training(tab, server)
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
