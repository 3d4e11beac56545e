"""The end of the server after a signal."""

import signal
from types import SimpleNamespace

from page.server import serving
from session.command_line import end_signals


def test_a_second_signal_does_not_disturb_the_end(monkeypatch):
    calls = []

    def active_jobs() -> list[object]:
        calls.append("jobs")
        signal.raise_signal(signal.SIGTERM)  # as `make` passes it on, while locks are held
        return []

    ending = SimpleNamespace(
        active_jobs=active_jobs,
        evaluator=SimpleNamespace(close=lambda timeout_s: calls.append("evaluator")),
        close=lambda timeout_s: calls.append("training"),
    )
    monkeypatch.setattr(serving, "exit_now", lambda: calls.append("exit"))
    monkeypatch.setattr(serving, "outlive_terminal", lambda: None)
    before = {number: signal.getsignal(number) for number in end_signals()}
    try:
        serving.end_on_signals(ending)
        signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert calls == ["jobs", "evaluator", "training", "exit"]
