"""The command line, and the preparations before the server starts."""

import socket
from pathlib import Path

import pytest

import session_explorer_gradio as script
from page.server.launch import free_port
from page.server.serving import prepare
from page.server.settings import Settings
from session import list_sessions, record_demo
from tests.cases import every_case


def test_by_default_the_network_can_reach_the_server_with_keys(monkeypatch):
    monkeypatch.delenv("GRADIO_SERVER_NAME", raising=False)
    monkeypatch.delenv("GRADIO_SERVER_PORT", raising=False)
    assert script.parse_command_line([]) == Settings()
    assert (Settings().host, Settings().open, Settings().share) == ("0.0.0.0", False, False)


def test_options_and_environment_are_respected(monkeypatch):
    monkeypatch.setenv("GRADIO_SERVER_NAME", "127.0.0.2")
    monkeypatch.setenv("GRADIO_SERVER_PORT", "9000")
    assert (script.parse_command_line([]).host, script.parse_command_line([]).port) == ("127.0.0.2", 9000)
    options = ["--data", "d", "--host", "127.0.0.3", "--port", "8080", "--read-only", "--no-browser", "--device", "cpu"]
    settings = script.parse_command_line(options)
    assert settings == Settings(Path("d"), "127.0.0.3", 8080, False, False, True, "cpu")
    assert script.parse_command_line(["--precision", "float32"]).precision == "float32"
    assert script.parse_command_line(["--open", "--allow-host", "lab", "--allow-host", "x"]).names == ("lab", "x")


@every_case(
    "wrong",
    [
        *(["--port", "99999"], ["--port", "x"], ["--device", "tpu"], ["--precision", "half"]),
        *(["--nonsense"], ["--host", "::1"], ["--open", "--share"]),
    ],
)
def test_wrong_options_end_with_a_usage_line(wrong, capsys):
    with pytest.raises(SystemExit):
        script.parse_command_line(wrong)
    assert "usage:" in capsys.readouterr().err


def test_a_port_in_use_gives_the_next_free_one():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert free_port("127.0.0.1", port) > port


def test_the_first_start_records_a_demo_of_both_robots(tmp_path):
    explorer = script.Explorer(Settings(data=tmp_path))
    prepare(explorer)
    assert {summary.robot for summary in list_sessions(explorer.sessions_folder)} == {"jetbot", "toroidal_dot"}
    prepare(explorer)
    assert len(list_sessions(explorer.sessions_folder)) == 2


def test_the_start_says_which_folder_is_served_and_how_much_it_holds(tmp_path, caplog):
    caplog.set_level("INFO")
    prepare(script.Explorer(Settings(data=tmp_path / "new")))
    assert caplog.messages[-1] == f"Serving {tmp_path / 'new'}: 2 recordings."


def test_a_folder_inside_a_data_folder_is_refused_with_a_sentence(tmp_path, capsys):
    record_demo(tmp_path / "sessions", "toroidal_dot", 3, seed=1)
    with pytest.raises(SystemExit):
        script.parse_command_line(["--data", str(tmp_path / "sessions")])
    assert f"did you mean {tmp_path}?" in capsys.readouterr().err


def test_read_only_records_nothing(tmp_path):
    explorer = script.Explorer(Settings(data=tmp_path, read_only=True))
    prepare(explorer)
    assert list_sessions(explorer.sessions_folder) == []
