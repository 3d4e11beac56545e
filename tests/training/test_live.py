"""The command, in this process with small networks, and once as it is in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import models
from models import AdaptiveWorldModelConfig, SharedWorldModel
from session import list_sessions, load_session, profile_of, record_demo
from session.recorder.recorder import SessionRecorder
from session.robots.simulator import SimulatorEntry
from tests.cases import every_case
from tests.training.tiny import AUTOENCODER, PREDICTOR, are_equal, make_manager, until
from training import backend, live
from training.checkpoints.manifest import Origin, read_state
from training.checkpoints.reader import read_checkpoint
from training.cli import StopRequest
from training.jobs.lock import FolderLock
from training.jobs.run_reader import newest_log

ROOT = Path(__file__).parents[2]
FEW = ("--max-train-steps", 1, "--steps", 3)


@pytest.fixture
def made(monkeypatch):
    """Small networks for the command; the world models that it used."""
    used = []

    class Small(models.WorldModels):
        def get(self, key, action_channels):
            config = AdaptiveWorldModelConfig(action_channels, AUTOENCODER, PREDICTOR)
            used.append(SharedWorldModel(config, torch.device("cpu")))
            return used[-1]

    monkeypatch.setattr(backend, "WorldModels", Small)
    return used


@pytest.fixture
def data_folder(tmp_path):
    """The data folder of the command."""
    return tmp_path


@pytest.fixture
def run(data_folder, made):
    """Runs the command in this process; signals are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield lambda *arguments: live.main(["--data", str(data_folder), *map(str, arguments)])
    for number, handler in before.items():
        signal.signal(number, handler)


def only_session(data):
    (summary,) = list_sessions(data / "sessions")
    return load_session(data / "sessions" / summary.session_id)


def step_of(data, name, robot="toroidal_dot"):
    return read_checkpoint(data / "checkpoints" / robot / f"{name}.pth").step


def test_a_run_records_trains_saves_and_logs_every_step(run, tmp_path, capsys, caplog):
    caplog.set_level("INFO")
    assert run(*FEW, "--selector", "sequence", "--sequence", '[{"action": 1}, {"action": 0}]') == 0
    session = only_session(tmp_path)
    assert (session.frame_count, session.actions.ravel().tolist()) == (4, [1, 0, 1])
    assert session.is_finished and session.skipped == ()
    assert (step_of(tmp_path, "autoencoder"), step_of(tmp_path, "predictor_0")) == (4 + 3, 3)
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("step ")]
    assert len(told) == 4
    assert re.fullmatch(r"step 0, reconstruction [\d.e-]+ \(trained 1×\), prediction none yet, next: action 1", told[0])
    assert re.fullmatch(
        r"step 3, reconstruction [\d.e-]+ \(trained 1×\), prediction [\d.e-]+ \(trained 1×\), end", told[3]
    )
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"Recording toroidal_dot/{session.name}" and last.endswith(": 4 frames, 3 actions.")


def test_the_next_run_goes_on_unless_it_is_to_start_fresh(run, tmp_path, capsys):
    for options in ((), (), ("--fresh",)):
        assert run(*FEW, *options) == 0
    told = capsys.readouterr().out
    assert told.count("Going on from toroidal_dot/predictor_0.pth, step 3.") == 1
    assert step_of(tmp_path, "predictor_0") == 3


def test_named_checkpoints_are_started_from(run, tmp_path, capsys, made):
    assert run(*FEW) == 0
    elsewhere = tmp_path / "elsewhere.pth"
    (tmp_path / "checkpoints" / "toroidal_dot" / "predictor_0.pth").rename(elsewhere)
    assert run("--steps", 1, "--no-training", "--predictor", elsewhere) == 0
    saved = read_checkpoint(elsewhere).tensors
    assert are_equal(dict(made[-1].model.predictor.state_dict()), saved)
    assert run("--steps", 1, "--predictor", tmp_path / "nothing.pth") == 1
    assert str(tmp_path) not in capsys.readouterr().err


def test_its_numbers_are_a_log_that_the_page_does_not_take_for_a_training_job(run, tmp_path):
    assert run("--steps", 2, "--max-train-steps", 1) == 0
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    (path,) = folder.glob("runs/*_live.jsonl")
    head, *steps, end = (json.loads(line) for line in path.read_text().splitlines())
    assert head["config"]["live"]["steps"] == 2 and head["run"]["started_by"] == "the live loop"
    assert [step["step"] for step in steps if "step" in step] == [0, 1, 2]
    assert {"reconstruction/loss", "prediction/loss", "prediction/train_steps", "seconds"} <= steps[-1].keys()
    assert end["status"] == "finished" and newest_log(folder) is None
    origin = Origin.read(read_state(folder)["files"]["predictor_0.pth"])
    assert (origin.log, origin.recordings) == (path.name, (f"toroidal_dot/{only_session(tmp_path).name}",))
    assert origin.made_by == "training by the live loop"
    ((label, log),) = make_manager(folder).earlier_runs()
    assert log == path.name and label.endswith(", live loop, 2 steps")
    # While the loop runs, the page shows it as the run of another program.
    path.write_text("".join(f"{json.dumps(line)}\n" for line in (head, *steps)))
    assert make_manager(folder).last_run() is None
    lock = FolderLock(folder)
    assert lock.take(live.STARTED_BY) is None
    now = make_manager(folder).last_run()
    assert now.status == "elsewhere" and {"reconstruction", "prediction"} <= now.curves.keys()
    assert "step 2 / 2" in now.message and now.gates == {"reconstruction": 0.0005, "prediction": 0.001}
    assert now.references.keys() == {"repeating the last frame"}
    lock.release()


def test_without_training_nothing_is_learned_or_written_but_the_recording(run, tmp_path, made):
    assert run("--steps", 2, "--no-training", "--selector", "uncertainty", "--dropout-passes", 2) == 0
    assert only_session(tmp_path).frame_count == 3
    assert not list(tmp_path.glob("checkpoints/**/*.pth")) and made[-1].weights["autoencoder"].step is None


def test_uneven_turns_are_written_to_the_recording(run, tmp_path):
    options = ("--robot", "jetbot_sim", "--seed", 3, "--uneven", 0.2)
    assert run("--steps", 1, "--no-training", *options) == 0
    assert only_session(tmp_path).simulator == SimulatorEntry("jetbot_sim", 3, {"uneven": 0.2})


def test_an_environment_of_gymnasium_is_a_robot(run, tmp_path, capsys):
    robot = "gym:tests.session.robots.environments:Rail-v0"
    assert run("--robot", robot, "--steps", 2, "--repeat", 5, "--no-training") == 0  # an action takes an episode
    assert capsys.readouterr().out.splitlines()[-1].endswith(": 4 frames, 2 actions.")
    session = only_session(tmp_path)
    assert session.previous.tolist() == [-1, 0, -1, 2] and session.profile.name == "rail_v0"
    made_by = json.loads((session.folder / "session_meta.json").read_bytes())["gymnasium"]
    assert made_by == {"version": 1, "id": robot.removeprefix("gym:"), "seed": 0, "repeat": 5}


def test_uncertainty_is_logged_for_every_action_and_a_seed_repeats_the_choices(run, tmp_path, caplog):
    caplog.set_level("INFO")
    for _ in range(2):
        assert run(*FEW, "--fresh", "--selector", "uncertainty", "--seed", 4, "--dropout-passes", 3) == 0
    told = [record.getMessage() for record in caplog.records if "uncertainty" in record.getMessage()]
    assert len(told) == 6 and told[:3] == told[3:]
    assert re.search(r"uncertainty [\d.e-]+ [\d.e-]+, next: action [01]$", told[0])


def test_recorded_actions_are_taken_again(run, tmp_path):
    session_id = record_demo(tmp_path / "sessions", "toroidal_dot", 4, seed=2)
    assert run("--max-train-steps", 1, "--selector", "recorded", "--replay", session_id) == 0
    newest, first = (
        load_session(tmp_path / "sessions" / one.session_id) for one in list_sessions(tmp_path / "sessions")
    )
    assert newest.actions.tolist() == first.actions.tolist() and newest.action_count == 3


def test_saves_come_at_the_interval(run, tmp_path, caplog):
    caplog.set_level("INFO")
    assert run("--max-train-steps", 1, "--steps", 5, "--save-every", 2) == 0
    saves = [record.getMessage() for record in caplog.records if record.getMessage().startswith("Saved")]
    assert [re.search(r"predictor_0.pth \(step (\d)\)", told)[1] for told in saves] == ["2", "4", "5"]


WRONG = [
    (["--steps", "0"], "The number of steps must be a whole number"),
    (["--steps", "x"], "The number of steps must be a whole number"),
    (["--seed", "-1"], "The seed must be a whole number"),
    (["--seed", "1.5"], "The seed must be a whole number"),
    (["--reconstruction-gate", "nan"], "The reconstruction gate must be a number"),
    (["--prediction-gate", "-1"], "The prediction gate must be a number"),
    (["--max-train-steps", "0"], "The number of training steps at most must be"),
    (["--history-length", "9"], "The history length must be"),
    (["--batch-size", "0"], "The batch size must be"),
    (["--save-every", "0"], "between saves must be"),
    (["--dropout-passes", "1"], "The number of dropout passes must be"),
    (["--robot", "jetbot_sim", "--uneven", "2"], "uneven is a number from 0 to 0.9"),
    (["--uneven", "0.2"], "no option uneven"),
    (["--robot", "my_robot:Rover", "--uneven", "0.2"], "--uneven is for simulated robots"),
    (["--repeat", "2"], "--repeat is for environments of Gymnasium"),
    (["--robot", "gym:nowhere_at_all:Rail-v0"], "There is no module nowhere_at_all"),
    (["--autoencoder-lr", "5"], "The autoencoder learning rate must be"),
    (["--robot", "spot"], "There is no simulated robot of that name"),
    (["--robot", "nowhere_at_all:Robot"], "The robot failed to be imported (ModuleNotFoundError"),
    (["--selector", "constant", "--action", '{"action": 7}'], "action 7 is beyond what this robot does"),
    (["--selector", "sequence", "--sequence", "[]"], "at least one action"),
    (["--selector", "recorded"], "name a session with --replay"),
    (["--selector", "recorded", "--replay", "../../etc"], "no session of that name"),
]


@every_case(("arguments", "words"), WRONG)
def test_wrong_values_are_answered_in_one_sentence(run, data_folder, capsys, arguments, words):
    assert run(*arguments) == 2
    told = capsys.readouterr()
    assert words in told.err and told.err.count("\n") == 1 and told.out == ""
    assert list(data_folder.iterdir()) == []


def test_another_program_that_trains_is_named_and_nothing_is_recorded(run, tmp_path, capsys):
    manager = make_manager(tmp_path / "checkpoints" / "toroidal_dot")
    with manager.exclusive_trainer("the other one", live.TrainingConfig()):
        assert run(*FEW) == 1
    assert "Another program is training these networks (the other one)" in capsys.readouterr().err
    assert list_sessions(tmp_path / "sessions") == []


class Fragile:
    """A robot that fails at its third picture."""

    profile = profile_of("Fragile", [{"wheel": 0.0}, {"wheel": 1.0}])
    action_space = [{"wheel": 0.0}, {"wheel": 1.0}]  # noqa: RUF012

    def __init__(self):
        self.seen = 0

    def observe(self):
        self.seen += 1
        return np.zeros((20, 20, 3), dtype=np.uint8 if self.seen < 3 else np.float32)

    def act(self, action):
        return 0.0


def test_a_robot_that_fails_ends_with_a_sentence_a_whole_recording_and_what_was_learned(run, tmp_path, caplog):
    assert run(*FEW, "--robot", "tests.training.test_live:Fragile", "--steps", 9) == 1
    assert "The robot's picture is float32 (20, 20, 3)" in caplog.text and "Traceback" not in caplog.text
    session = only_session(tmp_path)
    assert (session.frame_count, session.action_count, session.skipped) == (2, 2, ()) and session.is_finished
    assert step_of(tmp_path, "predictor_0", "fragile") == 1


def test_a_failed_save_is_reported_and_is_no_success(run, tmp_path, caplog):
    (tmp_path / "checkpoints").write_text("a file where the folder should be")
    assert run(*FEW) == 1
    assert "The checkpoint was not saved (Not a directory)" in caplog.text
    assert only_session(tmp_path).frame_count == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_finishes_recording_and_checkpoint(run, tmp_path, capsys, monkeypatch, number):
    recorders, real = [], SessionRecorder.record_action

    def remembered(self, action):
        recorders.append(self)
        return real(self, action)

    monkeypatch.setattr(SessionRecorder, "record_action", remembered)

    def ask():
        until(lambda: len(recorders) >= 2)
        os.kill(os.getpid(), number)

    asking = threading.Thread(target=ask)
    asking.start()
    assert run("--max-train-steps", 1, "--steps", 100_000) == 1
    asking.join(20)
    session = only_session(tmp_path)
    assert session.is_finished and session.skipped == () and 2 <= session.action_count < 100_000
    assert session.frame_count == session.action_count + 1
    assert step_of(tmp_path, "predictor_0") >= 1
    assert capsys.readouterr().out.endswith(f": {session.frame_count} frames, {session.action_count} actions.\n")


class Stuck(Fragile):
    """A robot whose second action never ends."""

    profile = profile_of("Stuck", [{"wheel": 0.0}, {"wheel": 1.0}])
    is_stuck = threading.Event()

    def act(self, action):
        if self.seen == 2:
            self.is_stuck.set()
            end = time.monotonic() + 60
            while time.monotonic() < end:  # one long wait may sleep through a signal that comes just before it
                threading.Event().wait(0.02)
        return 0.0


def test_a_second_request_ends_an_action_that_never_does(run, tmp_path, capsys, monkeypatch):
    requests = []

    class Remembered(StopRequest):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            requests.append(self)

    monkeypatch.setattr(live, "StopRequest", Remembered)

    def ask():
        assert Stuck.is_stuck.wait(30)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: requests[0].is_made)  # two of a signal that is not yet handled would be one
        os.kill(os.getpid(), signal.SIGINT)

    asking = threading.Thread(target=ask)
    asking.start()
    assert run(*FEW, "--robot", "tests.training.test_live:Stuck") == 1
    asking.join(20)
    assert "Ended at once; the recording is whole" in capsys.readouterr().err
    session = only_session(tmp_path)
    assert (session.frame_count, session.action_count) == (2, 1) and session.is_finished


def test_the_robot_of_the_documentation_runs_in_the_loop(run, tmp_path, monkeypatch):
    (example,) = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs" / "robots.md").read_text(encoding="utf-8"), re.DOTALL
    )
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "my_robot.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "code")
    assert run(*FEW, "--robot", "my_robot:Rover", "--selector", "uncertainty", "--dropout-passes", 2) == 0
    del sys.modules["my_robot"]
    session = only_session(tmp_path)
    assert (session.profile.name, session.profile.channel_names) == ("rover", ("left", "right"))
    assert (session.frame_count, session.action_count) == (4, 3)
    assert step_of(tmp_path, "predictor_0", "rover") == 3


def test_the_command_records_trains_and_ends_on_ctrl_c(tmp_path):
    """With networks of the usual size, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "training.live",
        "--max-train-steps",
        "1",
        "--steps",
        "9999",
        "--data",
        str(tmp_path),
    ]
    pipes = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        assert process.stdout.readline().startswith("Recording toroidal_dot/session_")
        seen = ""
        while "step 2," not in seen:
            seen += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        told, rest = process.communicate(timeout=60)
    session = only_session(tmp_path)
    assert process.returncode == 1 and "Traceback" not in seen + rest
    counts = f"{session.frame_count} frames, {session.action_count} actions."
    assert session.is_finished and told == f"toroidal_dot/{session.name}: {counts}\n"
    assert step_of(tmp_path, "predictor_0") >= 2
    assert json.loads((session.folder / "session_meta.json").read_text())["robot_type"] == "ToroidalDotRobot"
