"""A client that checks every answer: the pictures of its recording encode their owner.

Owns the requests and the checks of their answers; their number and mixture are decided elsewhere. Each request returns
an empty text, or a description of the problem in its answer.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.coded_recordings import pictures_of, read_file, record_coded
from benchmarks.raw_client import RawClient, Refused

ROBOTS = ("jetbot_sim", "toroidal_dot")
FEWEST_FRAMES = 30
CONTEXT = 3


@dataclass(frozen=True)
class Answer:
    """Result of a request. `problem`: foreign contents, or the reason of a missing answer; empty if all is right."""

    name: str
    seconds: float
    problem: str = ""
    is_error: bool = False


class VisitorClient:
    """A visitor with a recording below `data`; `owner` is the number in its pictures."""

    def __init__(self, address: str, data: Path, owner: int, frames: int | None = None) -> None:
        self.owner, self.frames = owner, frames or FEWEST_FRAMES + owner  # all recordings differ in length
        self.session_id = record_coded(data / "sessions", owner, self.frames, ROBOTS[owner % len(ROBOTS)])
        self.client, self.frame, self.random = RawClient(address), 0, random.Random(owner)
        self.open()

    def open(self) -> str:
        """Load the recording after the page was loaded, and its second frame: the first has no history."""
        self.frame = 1
        player = self.client.ask("load_session", self.session_id)[0]["value"]
        problem = self._compare(player["session"], self.session_id)
        return problem or self._check_facts(self.client.ask("show_frame", self.frame)[0])

    def stop_training(self) -> None:
        """Stop the job of this robot, and wait until it has ended."""
        self.client.ask("stop_training", False)
        while "<b>Training</b> none" not in self.client.tick():
            threading.Event().wait(0.05)

    def scrub_file(self) -> str:
        frame = self.random.randrange(self.frames)
        return self._check_picture(self.client.get(f"recorded/frame/{frame}/{self.session_id}").content, frame)

    def scrub_facts(self) -> str:
        self.frame = self.random.randrange(1, self.frames)
        return self._check_facts(self.client.ask("show_frame", {"session": self.session_id, "frame": self.frame})[0])

    def show_current_frame(self) -> str:
        return self._check_facts(self.client.ask("show_frame", None)[0])

    def timeline(self) -> str:
        timeline = self.client.get(f"recorded/timeline/{self.session_id}").json()
        return self._compare((timeline["session"], timeline["frames"]), (self.session_id, self.frames))

    def reconstruct(self) -> str:
        return self._run("run_autoencoder", "Input, frame {}")

    def predict(self) -> str:
        return self._run("run_predictor", "Actual, frame {}", CONTEXT)

    def attend(self) -> str:
        return self._run("look_at_attention", "Predicted frame {}", CONTEXT)

    def statistics(self) -> str:
        html = self.client.ask("describe_session")[0]
        return "" if f" of {self.frames:,} frames" in html else "another recording's statistics"

    def errors(self) -> str:
        status = self.client.ask("evaluation_status", None, None)[1]["value"]
        return self._compare((status["session"], status["frames"]), (self.session_id, self.frames))

    def refusal(self) -> str:
        try:
            return f"no refusal: {self.client.ask('show_frame', 10**6)[0][:80]}"
        except Refused as refusal:
            is_own = f"from 0 to {self.frames - 1}," in str(refusal)
            return "" if is_own else f"another's refusal: {refusal}"

    def _run(self, function: str, title: str, context: int = 0) -> str:
        """Check the networks' result for the current frame; `context`: the number of frames before it to be named."""
        html = self.client.ask(function, None, *[context][: bool(context)])[0]
        address = pictures_of(html).get(title.format(self.frame))
        if address is None:
            return f"not frame {self.frame}"
        content = self.client.get(address).content
        before = ", ".join(map(str, range(max(0, self.frame - context), self.frame)))
        is_named = f" {before}: MSE" in html or f" {before}.</p>" in html or not context
        return self._check_picture(content, self.frame) if is_named else f"not the context of frame {self.frame}"

    def _check_picture(self, content: bytes, frame: int) -> str:
        return self._compare(read_file(content), (self.owner, frame))

    def _check_facts(self, html: str) -> str:
        return "" if f"Frame {self.frame} / {self.frames - 1} ·" in html else f"another frame: {html}"

    @staticmethod
    def _compare(actual: object, expected: object) -> str:
        return "" if actual == expected else f"{actual} instead of {expected}"


Act = Callable[[VisitorClient], str]
SCRUBBING: tuple[Act, ...] = (
    VisitorClient.scrub_file,
    VisitorClient.scrub_facts,
    VisitorClient.show_current_frame,
    VisitorClient.timeline,
)
RUNNING: tuple[Act, ...] = (VisitorClient.reconstruct, VisitorClient.predict, VisitorClient.attend)
READING: tuple[Act, ...] = (VisitorClient.statistics, VisitorClient.errors, VisitorClient.refusal)


def answer(visitor: VisitorClient, act: Act) -> Answer:
    began, is_error = time.perf_counter(), False
    try:
        problem = act(visitor)
    except (Refused, httpx.HTTPError, ConnectionError, LookupError) as error:
        problem, is_error = f"{type(error).__name__}: {error}"[:200], True
    return Answer(act.__name__, time.perf_counter() - began, problem, is_error)
