import subprocess
import sys

import pytest

from session import GroundTruth, SimulatorEntry, load_session
from session.record.__main__ import main
from tests.cases import every_case


def record(capsys, data, *options):
    main([*options, "--data", str(data)])
    return load_session(data / "sessions" / capsys.readouterr().out.strip())


def test_on_a_terminal_the_address_that_opens_the_recording_is_said_last(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    main(["--steps", "1", "--data", str(tmp_path)])
    output = capsys.readouterr()
    assert f"?session={output.out.strip()} " in output.err.splitlines()[-1] and f"--data {tmp_path}" in output.err


def error_message(capsys, data, *options):
    with pytest.raises(SystemExit) as caught:
        main([*options, "--data", str(data)])
    assert caught.value.code == 2
    message = capsys.readouterr().err
    assert "Traceback" not in message and str(data) not in message
    return message


def test_the_command_prints_the_id_of_the_session_it_recorded(tmp_path):
    command = [sys.executable, "-m", "session.record", "--steps", "5", "--data", str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    session = load_session(tmp_path / "sessions" / process.stdout.strip())
    assert (session.frame_count, session.action_count) == (6, 5)
    assert process.stderr == ""


def test_a_constant_action(capsys, tmp_path):
    session = record(capsys, tmp_path, "--selector", "constant", "--steps", "4", "--action", '{"action": 1}')
    assert session.actions.tolist() == [[1.0]] * 4


def test_a_sequence_of_actions(capsys, tmp_path):
    sequence = '[{"action": 0}, {"action": 1}, {"action": 1}]'
    session = record(capsys, tmp_path, "--selector", "sequence", "--steps", "4", "--sequence", sequence)
    assert session.actions.ravel().tolist() == [0, 1, 1, 0]


def test_random_actions_of_a_seed(capsys, tmp_path):
    first, second = (
        record(capsys, tmp_path, "--robot", "jetbot_sim", "--steps", "20", "--seed", "3") for _ in range(2)
    )
    assert first.actions.tolist() == second.actions.tolist()


def test_uneven_turns_are_written_to_the_recording(capsys, tmp_path):
    session = record(capsys, tmp_path, "--robot", "jetbot_sim", "--steps", "5", "--seed", "3", "--uneven", "0.2")
    assert session.simulator == SimulatorEntry("jetbot_sim", 3, {"uneven": 0.2})
    assert GroundTruth(session, 5).is_simulated


def test_a_replay_takes_the_actions_of_another_session(capsys, tmp_path):
    first = record(capsys, tmp_path, "--robot", "jetbot_sim", "--steps", "6", "--seed", "3")
    name = f"jetbot/{first.name}"
    again = record(capsys, tmp_path, "--robot", "jetbot_sim", "--selector", "recorded", "--replay", name, "--seed", "9")
    assert again.actions.tolist() == first.actions.tolist()
    options = ("--selector", "recorded", "--replay", name)
    assert "holds 6 actions; choose --steps 6" in error_message(
        capsys, tmp_path, "--robot", "jetbot_sim", "--steps", "7", *options
    )
    assert "session of another robot" in error_message(capsys, tmp_path, "--robot", "toroidal_dot", *options)


@every_case(
    "options, message",
    [
        (["--steps", "0"], "whole number from 1"),
        (["--steps", "1.5"], "whole number from 1"),
        (["--steps", "9" * 50], "whole number from 1"),
        (["--steps", "-4"], "whole number from 1"),
        (["--seed", "nan"], "whole number from 0"),
        (["--max-disk-gb", "nan"], "gigabytes above 0"),
        (["--max-disk-gb", "0"], "gigabytes above 0"),
        (["--max-disk-gb", "many"], "gigabytes above 0"),
        (["--max-disk-gb", "1e-9"], "disk budget of 1e-09 GB is used up"),
        (["--robot", "spot"], "choose jetbot_sim, toroidal_dot, or an environment such as gym:CartPole-v1"),
        (["--robot", "jetbot_sim", "--uneven", "2"], "uneven is a number from 0 to 0.9"),
        (["--robot", "jetbot_sim", "--uneven", "nan"], "uneven is a number from 0 to 0.9"),
        (["--robot", "toroidal_dot", "--uneven", "0.2"], "no option uneven"),
        (["--selector", "constant", "--action", "{"], "--action is not JSON"),
        (["--selector", "constant", "--action", "5"], "An action is an object"),
        (["--selector", "constant", "--action", '{"action": "x"}'], "finite numbers"),
        (["--selector", "constant", "--action", '{"action": 7}'], "knows two actions"),
        (["--selector", "sequence", "--sequence", "{}"], "not a JSON list"),
        (["--selector", "sequence", "--sequence", "["], "not a JSON list"),
        (["--selector", "sequence", "--sequence", "[]"], "at least one action"),
        (["--selector", "recorded"], "nothing to replay"),
        (["--selector", "recorded", "--replay", "../../etc"], "no session of that name"),
    ],
)
def test_mistakes_end_with_a_plain_sentence(capsys, tmp_path, options, message):
    assert message in error_message(capsys, tmp_path, *options)
