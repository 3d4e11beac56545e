"""A visitor who knows what every answer must say: the pictures of his recording say whose they are.

Owns what is asked and what must come back; how often, and beside whom, is decided elsewhere. Every question returns an
empty text, or what was wrong with its answer.
"""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from benchmarks.coded_recordings import read_file, record_coded, shown_pictures
from benchmarks.raw_client import RawClient, Refused

ROBOTS = ("jetbot_sim", "toroidal_dot")
FEWEST_FRAMES = 30
CONTEXT = 3


@dataclass(frozen=True)
class Answer:
    """`problem`: what of another visitor was in it, or why there was none; empty where all was well."""

    name: str
    seconds: float
    problem: str = ""
    is_error: bool = False


class Guest:
    """A visitor with a recording of his own below `data`; `owner` is the number in its pictures."""

    def __init__(self, address: str, data: Path, owner: int, frames: int | None = None) -> None:
        self.owner, self.frames = owner, frames or FEWEST_FRAMES + owner  # no two recordings are of the same length
        self.session_id = record_coded(data / "sessions", owner, self.frames, ROBOTS[owner % len(ROBOTS)])
        self.client, self.frame, self.random = RawClient(address), 0, random.Random(owner)
        self.open()

    def open(self) -> str:
        """His recording, as the first thing after a page was loaded, and its second frame: the first has no history."""
        self.frame = 1
        shown = self.client.ask("load_session", self.session_id)[0]["value"]
        wrong = self._same((shown["session"], shown["frame"]), (self.session_id, 0))
        return wrong or self._told(self.client.ask("show_frame", self.frame)[0])

    def stop_training(self) -> None:
        """End the job of this robot, and wait until it has."""
        self.client.ask("stop_training", False)
        while "<b>Training</b> none" not in self.client.ask("describe_status")[0]:
            threading.Event().wait(0.05)

    def scrub_file(self) -> str:
        frame = self.random.randrange(self.frames)
        return self._compared(self.client.get(f"recorded/frame/{frame}/{self.session_id}").content, frame)

    def scrub_facts(self) -> str:
        self.frame = self.random.randrange(1, self.frames)
        return self._told(self.client.ask("show_frame", {"session": self.session_id, "frame": self.frame})[0])

    def look_where_it_was(self) -> str:
        return self._told(self.client.ask("show_frame", None)[0])

    def timeline(self) -> str:
        told = self.client.get(f"recorded/timeline/{self.session_id}").json()
        return self._same((told["session"], told["frames"]), (self.session_id, self.frames))

    def reconstruct(self) -> str:
        return self._pictured("run_autoencoder", "Input, frame {}")

    def predict(self) -> str:
        return self._pictured("run_predictor", "Actual, frame {}", CONTEXT)

    def attend(self) -> str:
        return self._pictured("look_at_attention", "Frame {}, to be predicted", CONTEXT)

    def statistics(self) -> str:
        html = self.client.ask("describe_session")[0]
        return "" if f" of {self.frames:,} frames" in html else "another recording's statistics"

    def errors(self) -> str:
        told = self.client.ask("evaluation_status", None, None)[1]["value"]
        return self._same((told["session"], told["frames"]), (self.session_id, self.frames))

    def refusal(self) -> str:
        try:
            return f"no refusal: {self.client.ask('show_frame', 10**6)[0][:80]}"
        except Refused as told:
            return "" if f"from 0 to {self.frames - 1}," in str(told) else f"another's refusal: {told}"

    def _pictured(self, function: str, title: str, context: int = 0) -> str:
        """What the networks make of the frame last shown; `context`: how many frames before it must be named."""
        html = self.client.ask(function, None, *[context][: bool(context)])[0]
        mine = shown_pictures(html).get(title.format(self.frame))
        if not mine:
            return f"not frame {self.frame}"
        before = ", ".join(map(str, range(max(0, self.frame - context), self.frame)))
        is_named = f" {before}: prediction MSE" in html or f" {before}: autoencoder" in html or not context
        return self._compared(mine, self.frame) if is_named else f"not the context of frame {self.frame}"

    def _compared(self, content: bytes, frame: int) -> str:
        return self._same(read_file(content), (self.owner, frame))

    def _told(self, html: str) -> str:
        return "" if f"Frame {self.frame} · {self.frame + 1} of {self.frames} ·" in html else f"another frame: {html}"

    @staticmethod
    def _same(found: object, expected: object) -> str:
        return "" if found == expected else f"{found} instead of {expected}"


Act = Callable[[Guest], str]
SCRUBBING: tuple[Act, ...] = (Guest.scrub_file, Guest.scrub_facts, Guest.look_where_it_was, Guest.timeline)
RUNNING: tuple[Act, ...] = (Guest.reconstruct, Guest.predict, Guest.attend)
READING: tuple[Act, ...] = (Guest.statistics, Guest.errors, Guest.refusal)


def answer(guest: Guest, act: Act) -> Answer:
    began, is_error = time.perf_counter(), False
    try:
        problem = act(guest)
    except (Refused, httpx.HTTPError, ConnectionError, LookupError) as error:
        problem, is_error = f"{type(error).__name__}: {error}"[:200], True
    return Answer(act.__name__, time.perf_counter() - began, problem, is_error)
