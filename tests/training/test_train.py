import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

import models
from session import SessionMarks, SessionRecorder, load_session
from tests.cases import every_case
from tests.training.tiny import shared_model, until
from training import TrainingManager, backend, train
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.versions import list_versions

ROOT = Path(__file__).parents[2]


@pytest.fixture
def session_id(data):
    return (data / "id").read_text()


@pytest.fixture
def folder(data, tmp_path):
    """A data folder with the recording, and nothing saved yet."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    return tmp_path


@pytest.fixture
def keys(monkeypatch):
    """Small networks for the command; the keys by which it asked for them."""
    asked = []

    class Small(models.WorldModels):
        def get(self, key, action_channels):
            asked.append((key, action_channels))
            return shared_model()

    monkeypatch.setattr(backend, "WorldModels", Small)
    return asked


@pytest.fixture
def run(folder, session_id, keys):
    """Runs the command in this process; signals are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run_it(*arguments, session=session_id):
        return train.main(["--data", str(folder), "--session", session, *map(str, arguments)])

    yield run_it
    for number, handler in before.items():
        signal.signal(number, handler)


def step_of(folder, name="autoencoder"):
    return read_checkpoint(folder / "checkpoints" / "toroidal_dot" / f"{name}.pth").step


def test_steps_are_taken_reported_and_saved(run, folder, capsys, keys):
    assert run("--model", "autoencoder", "--steps", 3, "--frame", 5) == 0
    told = capsys.readouterr().out
    assert re.search(r"Autoencoder on frame 5 of \S+: Done after 3 steps and .* Evaluated loss 0\.\d+ before", told)
    assert f"Saved in {folder.name}/checkpoints/toroidal_dot: autoencoder.pth (step 3)." in told
    assert step_of(folder) == 3 and keys == [("toroidal_dot ('action',)", 1)]


def test_the_next_run_goes_on_unless_it_is_to_start_fresh(run, folder, capsys):
    run("--model", "predictor", "--steps", 2)
    run("--model", "predictor", "--steps", 3)
    assert "Going on from toroidal_dot/predictor_0.pth, step 2." in capsys.readouterr().out
    assert (step_of(folder), step_of(folder, "predictor_0")) == (5, 5)
    run("--model", "predictor", "--steps", 1, "--fresh")
    assert "Going on" not in capsys.readouterr().out
    assert (step_of(folder), step_of(folder, "predictor_0")) == (1, 1)
    # What lay there was not this run's: it is kept in the history, and the backup is that of the run before.
    robot = folder / "checkpoints" / "toroidal_dot"
    assert [one.files["predictor"].origin.step for one in list_versions(robot)] == [5, 2]
    assert step_of(folder, "predictor_0_backup") == 2


def test_both_trains_the_autoencoder_first(run, folder, capsys):
    assert run("--model", "both", "--steps", 2, "--range", 3, 9, "--batch-size", 2, "--held-out", 0.3) == 0
    told = capsys.readouterr().out
    assert told.index("Autoencoder on frames 3 to 9") < told.index("Predictor on frames 3 to 9")
    assert (step_of(folder), step_of(folder, "predictor_0")) == (4, 2)


def test_flagged_frames_can_be_left_out_and_that_is_reported_and_logged(run, folder, session_id, capsys):
    recording, marks = load_session(folder / "sessions" / session_id), SessionMarks(folder)
    options = ("--model", "autoencoder", "--steps", 1, "--leave-out-flagged")
    marks.flag(session_id, recording, 4, 5, "")
    assert run(*options) == 0 and ", 2 left out as flagged: Done" in capsys.readouterr().out
    log = next((folder / "checkpoints" / "toroidal_dot" / "runs").glob("*.jsonl")).read_text()
    assert json.loads(log.splitlines()[0])["config"]["left_out"] == {"ranges": {session_id: [[4, 5]]}}
    marks.flag(session_id, recording, None, None, "wrong calibration")
    assert run(*options) == 2 and "This recording is flagged as a whole" in capsys.readouterr().err


def test_a_threshold_that_is_reached_or_not_decides_the_exit_code(run, folder, capsys):
    goal = ["--model", "autoencoder", "--frame", 5, "--autoencoder-lr", 1e-3, "--warmup-steps", 0]
    assert run(*goal, "--threshold", 1e-9, "--max-steps", 4) == 1
    assert "Threshold 1e-09 not reached after 4 steps" in capsys.readouterr().out
    assert run(*goal, "--threshold", 100) == 0
    told = capsys.readouterr().out
    assert "Threshold 100 reached after 0 steps" in told and "Nothing was saved: no step was taken." in told
    assert step_of(folder) == 4


def test_both_ends_where_the_first_does_not_reach_its_threshold(run, folder):
    assert run("--model", "both", "--threshold", 1e-9, "--max-steps", 2) == 1
    assert not (folder / "checkpoints" / "toroidal_dot" / "predictor_0.pth").exists()


WRONG = [
    (["--model", "autoencoder", "--steps", "x"], "The number of steps must be a whole number"),
    (["--model", "autoencoder", "--steps", "0"], "The number of steps must be a whole number"),
    (["--model", "autoencoder", "--steps", "1.5"], "The number of steps must be a whole number"),
    (["--model", "autoencoder", "--threshold", "nan"], "The threshold must be a number"),
    (["--model", "autoencoder", "--threshold", "0.1", "--max-steps", "-1"], "The number of steps at most"),
    (["--model", "autoencoder", "--steps", "2", "--max-steps", "3"], "--max-steps goes with --threshold"),
    (["--model", "autoencoder", "--steps", "2", "--frame", "12"], "The frame must be a whole number from 0 to 11"),
    (["--model", "autoencoder", "--steps", "2", "--range", "5", "99"], "The last frame must be a whole number"),
    (["--model", "autoencoder", "--steps", "2", "--range", "9", "3"], "The range of frames is empty"),
    (["--model", "autoencoder", "--steps", "2", "--batch-size", "0"], "The batch size must be"),
    (["--model", "autoencoder", "--steps", "2", "--held-out", "1"], "The held-out share must be"),
    (["--model", "autoencoder", "--steps", "2", "--autoencoder-lr", "5"], "The autoencoder learning rate must be"),
    (["--model", "predictor", "--steps", "2", "--history-length", "9"], "A history has 2 to 8 frames"),
    (["--model", "predictor", "--steps", "2", "--frame", "0"], "choose frame 1 instead"),
    (["--model", "both", "--steps", "2", "--range", "0", "2"], "No frame from 0 to 2 has 3 context frames"),
]


@every_case(("arguments", "words"), WRONG)
def test_wrong_values_are_answered_in_one_sentence(run, folder, capsys, arguments, words):
    assert run(*arguments) == 2
    told = capsys.readouterr()
    assert words in told.err and told.err.count("\n") == 1 and told.out == ""
    assert not (folder / "checkpoints").exists()


@every_case(
    ("arguments", "words"),
    [
        (["--model", "brain", "--steps", 2], "invalid choice: 'brain'"),
        (["--steps", 2], "--model"),
        (["--model", "both"], "--threshold --steps is required"),
        (["--model", "both", "--steps", 2, "--threshold", 1], "not allowed with"),
        (["--model", "both", "--steps", 2, "--all", "--frame", 1], "not allowed with"),
        (["--model", "both", "--steps", 2, "--wings", 1], "--wings"),
    ],
)
def test_wrong_words_are_answered_in_one_sentence(run, capsys, arguments, words):
    with pytest.raises(SystemExit) as caught:
        run(*arguments)
    told = capsys.readouterr().err
    assert caught.value.code == 2 and words in told and told.count("\n") == 1


def test_a_missing_session_is_reported_with_those_that_exist(run, session_id, capsys):
    for wanted in ("nothing", "../../etc", "", "a\nb"):
        assert run("--model", "autoencoder", "--steps", 2, session=wanted) == 2
        told = capsys.readouterr().err
        assert "There is no session" in told and session_id in told and told.count("\n") == 1


def test_a_recording_without_frames_is_refused(tmp_path, capsys, keys):
    with SessionRecorder(tmp_path / "sessions", "ToroidalDotRobot", [{"action": 0.0}]) as recorder:
        pass
    arguments = ["--data", str(tmp_path), "--session", recorder.session_id, "--model", "autoencoder", "--steps", "2"]
    assert train.main(arguments) == 2
    assert "no frames" in capsys.readouterr().err


def test_a_missing_device_is_reported(run, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert run("--model", "autoencoder", "--steps", 2, "--device", "cuda") == 2
    assert "No CUDA device" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_not_trained_over(run, folder, capsys):
    run("--model", "autoencoder", "--steps", 1)
    path = folder / "checkpoints" / "toroidal_dot" / "autoencoder.pth"
    path.write_bytes(b"damaged")
    assert run("--model", "autoencoder", "--steps", 1) == 1
    assert "damaged" in (told := capsys.readouterr().err) and "--fresh" in told
    assert path.read_bytes() == b"damaged"


def test_a_failed_save_is_reported_and_is_no_success(run, folder, capsys):
    (folder / "checkpoints").write_text("a file where the folder should be")
    assert run("--model", "autoencoder", "--steps", 1) == 1
    assert "The checkpoint was not saved (Not a directory)" in capsys.readouterr().out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_stops_after_the_step_and_saves(run, folder, capsys, monkeypatch, number):
    jobs, real = [], TrainingManager.train

    def remembered(self, order):
        jobs.append(real(self, order))
        return jobs[-1]

    monkeypatch.setattr(TrainingManager, "train", remembered)

    def ask():
        until(lambda: jobs and jobs[0].snapshot().step >= 2)
        os.kill(os.getpid(), number)

    asking = threading.Thread(target=ask)
    asking.start()
    assert run("--model", "both", "--steps", 1_000_000) == 1
    asking.join(20)
    (job,) = jobs  # the predictor is not begun
    assert f"Interrupted after {job.snapshot().step} steps" in capsys.readouterr().out
    assert step_of(folder) == job.snapshot().step >= 2


def test_a_run_in_a_terminal_shows_a_bar_and_saves_when_the_terminal_closes(folder, session_id):
    """With networks of the usual size, in a process of its own."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    arguments = ["--data", folder, "--session", session_id, "--model", "autoencoder", "--steps", 100_000, "--frame", 5]
    command = [sys.executable, "-m", "training.train", *map(str, arguments)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
        os.close(theirs)
        seen = ""
        while not re.search(r"[2-9]/100000 .*evaluated loss 0\.\d+", seen):
            if not select.select([ours], [], [], 30)[0]:
                process.kill()
            seen += os.read(ours, 4096).decode(errors="replace")
        os.close(ours)  # from here on every message to the terminal fails
        process.send_signal(signal.SIGHUP)
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 1, seen
    step = int(re.search(r"Interrupted after (\d+) steps", told)[1])
    assert step >= 2 and step_of(folder) == step and "Traceback" not in seen
