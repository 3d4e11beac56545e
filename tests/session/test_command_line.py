import argparse
import ast
import os
import pty
import re
import signal
import sys
from pathlib import Path

import pytest

from session import command_line
from session.command_line import LastingStream, end_signals, path_option, run_command, session_option, terminal_words
from session.errors import SessionNotFound
from tests.cases import every_case
from tests.test_policy import ROOT


@every_case("typed, path", [("~/robots", "HOME/robots"), ("~", "HOME"), ("a/~/b", "a/~/b"), ("/x", "/x"), ("x~", "x~")])
def test_a_tilde_is_the_home_folder(typed, path, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=path_option)
    for arguments in ([f"--data={typed}"], ["--data", typed]):
        assert parser.parse_args(arguments).data == Path(path.replace("HOME", str(tmp_path)))


@every_case("typed, session_id", [
    ("jetbot/session_a", "jetbot/session_a"), ("jetbot/session_a/", "jetbot/session_a"), ("session_a", "session_a"),
    ("HOME/data/sessions/jetbot/session_a/", "jetbot/session_a"),
    ("./data/sessions/jetbot/session_a", "jetbot/session_a"),
    ("~/data/sessions/jetbot/episode_1@stride=2", "jetbot/episode_1@stride=2"),
    ("sessions/nothing", "sessions/nothing"),
    ("data/sessions/gone/session_a", "data/sessions/gone/session_a"), ("", ""),
])  # fmt: skip
def test_a_session_may_be_named_by_its_path(typed, session_id, tmp_path, monkeypatch):
    (tmp_path / "data" / "sessions" / "jetbot" / "session_a").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert session_option(typed.replace("HOME", str(tmp_path))) == session_id


def test_ctrl_c_ends_a_command_in_a_sentence(capsys):
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as caught:
        run_command(interrupted)
    assert caught.value.code == 130 and capsys.readouterr().err == "Ended by Ctrl-C.\n"


def test_the_home_of_nobody_is_wrong_usage():
    with pytest.raises(argparse.ArgumentTypeError, match="the home folder of ~nobody_here is not known"):
        path_option("~nobody_here/x")


def test_a_closed_terminal_ends_a_program_unless_that_is_ignored():
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert end_signals() == [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup has it
        assert end_signals() == [signal.SIGINT, signal.SIGTERM]
    finally:
        signal.signal(signal.SIGHUP, before)


@every_case("is_pipe", [True, False])
def test_what_is_written_to_a_terminal_or_pipe_that_is_gone_is_lost_and_nothing_else(is_pipe):
    ours, theirs = os.pipe() if is_pipe else pty.openpty()
    raw = os.fdopen(theirs, "w", buffering=1, encoding="utf-8")
    stream = LastingStream(raw)
    print("before", file=stream)
    assert b"before" in os.read(ours, 100)
    os.close(ours)
    with pytest.raises(OSError):
        os.write(theirs, b"straight")
    print("after", file=stream)
    stream.flush()
    assert stream.fileno() == theirs and stream.encoding == "utf-8"
    with pytest.raises(OSError):  # what it still holds cannot be written
        raw.close()


def test_a_command_runs_with_streams_that_last_and_ends_with_its_exit_code(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["name", "--steps", "3"])
    for name in ("stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))

    def main(arguments):
        assert isinstance(sys.stdout, LastingStream) and isinstance(sys.stderr, LastingStream)
        return len(arguments)

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == 2


def test_a_system_that_cannot_open_recordings_safely_is_told_in_a_sentence(monkeypatch):
    monkeypatch.setattr(os, "supports_dir_fd", set())  # as on Windows
    with pytest.raises(SystemExit) as ended:
        command_line.require_supported_system()
    assert "Linux or macOS" in ended.value.code and "WSL" in ended.value.code


def test_the_page_s_buttons_are_not_named_in_a_terminal():
    """Every sentence of the packages that commands print."""
    of_the_page_alone = {
        "session/command_line.py",
        "training/evaluation/evaluator.py",
        "training/evaluation/rollouts/imagination.py",
        "training/jobs/manager.py",
    }
    for path in [*ROOT.glob("session/**/*.py"), *ROOT.glob("training/**/*.py")]:
        if path.relative_to(ROOT).as_posix() in of_the_page_alone:
            continue
        texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        for text in (text for text in texts if isinstance(text, str) and re.search(r"\bpress (?=[A-Z])", text)):
            assert not re.search(r"\bpress (?=[A-Z])", terminal_words(text)), f"{path}: {text}"
    assert terminal_words(SessionNotFound()) == (
        "There is no session of that name; give the name of its folder below sessions/."
    )
