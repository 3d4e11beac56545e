import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from session import NoHistory, ToroidalDotRobot, load_session, record_demo
from session.robots.toroidal_dot import locate_dot
from tests.training.tiny import shared_model
from training import truth
from training.checkpoints.writer import save_checkpoint
from training.evaluation import accuracy as accuracy_module
from training.evaluation.accuracy import NoGroundTruth, measure_truth, shares
from training.steps import TrainState
from training.unique_frames import is_held_out


def drawn(x, y):
    robot = ToroidalDotRobot()
    robot.x, robot.y = x, y
    return robot.observe()


@pytest.fixture
def predicting(monkeypatch):
    """Put a function of (x, y, action) to pictures in place of the networks."""

    def put(picture):
        def run(shared, frames, actions, target, candidates, recorded):
            before = locate_dot((frames[0, -1].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
            x, y = (round(value) % 224 for value in before)
            shown = [picture(x, y, int(action > 0)) for action in candidates[:, 0]]
            return SimpleNamespace(candidates=[SimpleNamespace(picture=one) for one in shown])

        monkeypatch.setattr(accuracy_module, "run_prediction", run)

    return put


def measured(recording, **options):
    return measure_truth(shared_model(), recording, "a session", 3, **options)


def test_a_model_that_is_right_is_within_a_pixel_everywhere(recording, predicting):
    predicting(lambda x, y, action: drawn((x + 27 * action) % 224, y))
    found = measured(recording)
    assert found.actions == ("stay", "move")
    for candidate in (None, 0, 1):
        told = found.shares(candidate)
        assert (told.near, told.visible) == (1, 1) and told.mean_pixels < 0.5
    with_history = [target for target in range(recording.frame_count) if has_history(recording, target)]
    assert found.shares().pairs == 2 * len(with_history)
    assert found.shares(1).pairs == len(with_history)


def has_history(recording, target):
    with contextlib.suppress(NoHistory):
        return bool(recording.history(target, 3))
    return False


def test_a_model_that_ignores_actions_is_right_about_staying_alone(recording, predicting):
    predicting(lambda x, y, action: drawn(x, y))
    found = measured(recording)
    assert found.shares(0).near == 1
    assert found.shares(1).near == 0 and found.shares(1).mean_pixels == pytest.approx(27, abs=0.5)
    assert found.shares().near == 0.5


def test_a_model_that_is_three_pixels_off_is_not_close_and_one_that_is_blind_not_visible(recording, predicting):
    predicting(lambda x, y, action: drawn((x + 27 * action + 3) % 224, y) if action else drawn(x, y) * 0)
    found = measured(recording)
    assert found.shares(1).near == 0 and found.shares(1).median_pixels == pytest.approx(3, abs=0.5)
    assert found.shares(0).visible == 0 and found.shares(0).mean_pixels is None


def test_only_asked_for_frames_are_looked_at(recording, predicting):
    predicting(lambda x, y, action: drawn(x, y))
    assert len(measured(recording, frames=3).deviations) == 6
    places = [locate_dot(np.asarray(recording.picture(index))) for index in range(recording.frame_count)]
    wanted = round(places[4].x)
    found = measured(recording, is_looked_at=lambda picture: round(locate_dot(picture).x) == wanted)
    assert found.deviations and all(round(places[one.frame].x) == wanted for one in found.deviations)


def test_nothing_is_told_of_no_predictions():
    assert shares([]) == accuracy_module.AccuracySummary(0, 0, 0, None, None)


def test_another_robot_has_no_truth(tmp_path):
    jetbot = load_session(tmp_path / record_demo(tmp_path, "jetbot_sim", 6, seed=0))
    with pytest.raises(NoGroundTruth, match="the Toroidal Dot"):
        measured(jetbot)


@pytest.mark.parametrize("frames", [0, 2001, 1.5, None])
def test_a_number_of_frames_that_is_none_is_refused(recording, frames):
    with pytest.raises(accuracy_module.InvalidValue, match="number of frames"):
        measured(recording, frames=frames)


def test_every_fifth_column_is_held_out():
    held = [x for x in range(224) if is_held_out(drawn(x, 30))]
    assert held == list(range(3, 224, 5))
    assert not is_held_out(np.zeros((224, 224, 3), dtype=np.uint8))


@pytest.fixture
def command(data, tmp_path):
    """The command on a folder with the recording and checkpoints of small networks, whose sizes the files state."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    save_checkpoint(tmp_path / "checkpoints" / "toroidal_dot", TrainState(shared_model().model))

    def run(*arguments, session=(data / "id").read_text(), folder=tmp_path):
        return truth.main(["--data", str(folder), "--session", session, *arguments])

    return run


def test_the_command_tells_a_table(command, capsys):
    assert command("--frames", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["action", "stay", "move", "all"]
    assert lines[-1].split()[1] == "4"


@pytest.mark.parametrize(
    ("arguments", "options", "code", "told"),
    [
        (["--frames", "0"], {}, 2, "number of frames"),
        (["--history-length", "9"], {}, 2, "2 to 8 frames"),
        ([], {"session": "toroidal_dot/none"}, 2, "session"),
        (["--predictor", "nowhere.pth"], {}, 1, "no checkpoint nowhere.pth"),
        (["--device", "cuda"], {}, 2, "No CUDA device"),
    ],
)
def test_the_command_says_what_is_wrong(command, capsys, monkeypatch, arguments, options, code, told):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command(*arguments, **options) == code
    assert told in capsys.readouterr().err


def test_the_command_says_what_is_missing(command, tmp_path, capsys):
    for file in Path(tmp_path / "checkpoints" / "toroidal_dot").glob("*.pth"):
        file.unlink()
    assert command() == 1
    assert "There is no checkpoint" in capsys.readouterr().err
