"""Every button at every wrong moment, by the raw API and in a browser: an error message each time, and no loss."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Error

from tests.app.hostile import FOREIGN, Answer
from tests.app.pending import Pending
from tests.app.tabs import Tabs
from tests.app.timed_events import ADOPTIONS, COMMANDS, MOMENTS, Moment, World, world
from tests.promises import count
from training.checkpoints.reader import read_checkpoint

PROMISE = "bad numbers, bad moments"
ENDING = (
    *COMMANDS,
    *ADOPTIONS,
    "cancel_evaluation",
    "load_session",
    "open_page",
    "record_demos",
)  # pressed last
TABS = ("Predictor", "Training", "Inside the model", "Errors", "Autoencoder")
# Messages of the browser for rejected requests, and for requests that were aborted when the page was left.
OF_REQUESTS = ("Failed to load resource", "AbortError: signal is aborted", "Unexpected error Connection errored out")


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def words_of(answer: Answer) -> str:
    """Text of an answer for the visitor, without HTML tags."""
    return answer.refusal or re.sub(r"<[^>]*>", " ", answer.text)


def complaint(answer: Answer, expected: str | None, data: Path) -> str:
    if answer.leaks(data):
        return f"tells of {answer.leaks(data)}"
    if not answer.is_done and not answer.is_plain():
        return f"refused with {answer.refusal}"
    if expected and not re.search(expected, words_of(answer), re.DOTALL):
        return f"says nothing of {expected}: {words_of(answer)[:300]}"
    return ""


def pressed(at: World, moment: Moment) -> Iterator[tuple[str, Answer]]:
    """Send the events of the moment, and in full every other event of the page; those that end the moment come last."""
    others = [event.name for event in at.visitor.events if event.name not in ENDING]
    for name in dict.fromkeys([*moment.said, *(*others, *ENDING)[: count(0, None)]]):
        yield name, at.visitor.ask(name)


@pytest.mark.promise(PROMISE)
def test_every_event_at_every_wrong_moment_is_answered_in_a_sentence(tmp_path, figure):
    tries, problems = 0, []
    moments = MOMENTS[: count(5, None)]
    for number, moment in enumerate(moments):
        with world(tmp_path / str(number), moment) as at:
            moment.prepare(at)
            before = files_of(at.data / "sessions")
            for name, answer in pressed(at, moment):
                problem = complaint(answer, moment.said.get(name), at.data)
                problems += [f"{moment.name}, {name}: {problem}"] if problem else []
                tries += 1
            assert at.visitor.ask("tick").is_done
        after = files_of(at.data / "sessions")
        problems += [f"{moment.name}: {path} was lost" for path in before if after.get(path) != before[path]]
        for checkpoint in (at.data / "checkpoints").glob("*/*.pth"):
            read_checkpoint(checkpoint)
    kinds = "without a sentence of ours or with a loss"
    figure(f"{tries} presses by API at {len(moments)} wrong moments: {len(problems)} {kinds}")
    assert not problems, "\n".join(problems)


class Tab:
    """A page with its messages and errors."""

    def __init__(self, tabs: Tabs) -> None:
        self.tabs, self.page = tabs, tabs.take()
        self.page.set_viewport_size({"width": 1400, "height": 1400})
        self.complaints: list[str] = []
        self.messages: set[str] = set()  # of the toasts over the page, which close by themselves
        self.pending = Pending(self.page)
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._catch)

    def leave(self) -> None:
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._catch)
        self.tabs.take_back(self.page)

    def _hear(self, message: ConsoleMessage) -> None:
        self._record(message.type, message.text)

    def _catch(self, problem: Error) -> None:
        self._record("error", str(problem))

    def _record(self, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(OF_REQUESTS):
            self.complaints.append(text)

    def show(self, address: str) -> None:
        self.page.goto(address)
        self.await_page()

    def await_page(self) -> None:
        self.page.wait_for_function("() => document.querySelector('#status')?.innerText.includes('Device')")
        self.pending.settle()

    def press_all(self) -> int:
        """Press every visible and enabled button, tab by tab; returns their number."""
        done: set[str] = set()
        for name in TABS:
            self.page.get_by_role("tab", name=name, exact=True).first.click()
            buttons = "[...document.querySelectorAll('button[id]')].filter(b => b.offsetParent && !b.disabled)"
            for button in self.page.evaluate(f"{buttons}.map(b => b.id)"):
                if button not in done and not button.startswith(("component-", "record-demo", "load-session")):
                    done.add(button)
                    with self.page.expect_request("**/queue/join*"):
                        self.page.locator(f"#{button}").click()
                    self.pending.settle()
                    self.messages |= set(self.page.locator("[data-testid=toast-text]").all_inner_texts())
        return len(done)


@pytest.mark.promise(PROMISE)
def test_every_button_at_every_wrong_moment_leaves_the_page_alive(tmp_path, tabs, figure):
    tries, problems = 0, []
    moments = MOMENTS[: count(1, None)]
    for number, moment in enumerate(moments):
        with world(tmp_path / str(number), moment) as at:
            tab = Tab(tabs)
            tab.show(f"{at.address}?session={at.session_id}&frame=4")
            moment.prepare(at)
            tries += tab.press_all()
            problems += [
                f"{moment.name}: {text}" for text in tab.messages if FOREIGN.search(text) or not text.endswith(".")
            ]
            tab.page.locator("#refresh").click()
            tab.page.reload()  # during the refresh
            tab.await_page()
            problems += [f"{moment.name}: {complaint}" for complaint in tab.complaints]
            assert tab.messages, moment.name
            tab.leave()
    figure(
        f"{tries} buttons in a browser at {len(moments)} wrong moments: "
        f"{len(problems)} without a sentence or in the console"
    )
    assert not problems, "\n".join(problems)
