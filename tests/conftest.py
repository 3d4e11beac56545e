"""Figures of the promises, told at the end of a run."""

from collections.abc import Callable

import pytest

FIGURES = pytest.StashKey[list[tuple[str, str]]]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "promise(name): puts a promise of docs/reliability.md to the test")
    config.stash[FIGURES] = []


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Reports what a test of a promise has found, in words with its numbers: "0 of 200 kills cost a checkpoint"."""
    promise = request.node.get_closest_marker("promise").args[0]
    return lambda told: request.config.stash[FIGURES].append((promise, told))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[FIGURES]:
        terminalreporter.section("figures of the promises")
    for promise, told in config.stash[FIGURES]:
        terminalreporter.write_line(f"{promise}: {told}")
