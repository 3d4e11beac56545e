"""Figures of the promises, printed at the end of a run."""

import signal
from collections.abc import Callable

import pytest

from models import precision


class Figures:
    """Gathers what the tests of promises report, in whichever process they run."""

    def __init__(self):
        self.figures: list[tuple[str, str]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self.figures += [value for name, value in report.user_properties if name == "promise"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.figures:
            terminalreporter.section("figures of the promises")
        for promise, words in self.figures:
            terminalreporter.write_line(f"{promise}: {words}")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(name): puts a promise of docs/reliability.md to the test")
    config.pluginmanager.register(Figures())
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # otherwise a run under nohup would have its servers ignore it too


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Reports what a test of a promise has found, in words with its numbers: "0 of 200 kills cost a checkpoint"."""
    promise = request.node.get_closest_marker("promise").args[0]
    return lambda words: request.node.user_properties.append(("promise", (promise, words)))


@pytest.fixture
def fast_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bfloat16 on any CPU, as if it had instructions for it and a measurement had found it faster."""
    monkeypatch.setattr(precision, "_has_instructions", lambda kind: True)
    monkeypatch.setattr(precision, "measured_gain", lambda: 2.0)
    precision._begun.cache_clear()
    yield
    precision._begun.cache_clear()
