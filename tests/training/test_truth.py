import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from session import NoHistory, ToroidalDotRobot, load_session, record_demo
from session.robots.toroidal_dot import locate_dot
from tests.cases import every_case
from tests.session.session_files import change_meta
from tests.training.tiny import shared_model
from training import truth
from training.checkpoints.writer import save_checkpoint
from training.evaluation import accuracy as accuracy_module
from training.evaluation.accuracy import NoGroundTruth, measure_truth, summarize
from training.steps import TrainState


def picture_of(x, y):
    robot = ToroidalDotRobot()
    robot.x, robot.y = x, y
    return robot.observe()


@pytest.fixture
def predicting(monkeypatch):
    """Replace the networks with a function from (x, y, action) to pictures."""

    def put(picture):
        def run(shared, frames, actions, target, candidates, recorded):
            before = locate_dot((frames[0, -1].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))
            x, y = (round(value) % 224 for value in before)
            pictures = [picture(x, y, int(action > 0)) for action in candidates[:, 0]]
            return SimpleNamespace(candidates=[SimpleNamespace(picture=one) for one in pictures])

        monkeypatch.setattr(accuracy_module, "run_prediction", run)

    return put


def measure(recording, **options):
    return measure_truth(shared_model(), recording, "a session", 3, **options)


def test_a_model_that_is_right_is_within_a_pixel_everywhere(recording, predicting):
    predicting(lambda x, y, action: picture_of((x + 27 * action) % 224, y))
    result = measure(recording)
    assert result.actions == ("stay", "move")
    for candidate in (None, 0, 1):
        summary = result.shares(candidate)
        assert (summary.near, summary.visible) == (1, 1) and summary.mean_pixels < 0.5
    with_history = [target for target in range(recording.frame_count) if has_history(recording, target)]
    assert result.shares().pairs == 2 * len(with_history)
    assert result.shares(1).pairs == len(with_history)


def has_history(recording, target):
    with contextlib.suppress(NoHistory):
        return bool(recording.history(target, 3))
    return False


def test_a_model_that_ignores_actions_is_right_about_staying_alone(recording, predicting):
    predicting(lambda x, y, action: picture_of(x, y))
    result = measure(recording)
    assert result.shares(0).near == 1
    assert result.shares(1).near == 0 and result.shares(1).mean_pixels == pytest.approx(27, abs=0.5)
    assert result.shares().near == 0.5
    # It repeats the last frame, and that is how it is judged.
    assert all(one.pixels == pytest.approx(one.repeat_pixels, abs=0.5) for one in result.deviations)
    assert [result.shares(action).repeat_near for action in (0, 1, None)] == [1, 0, 0.5]


def test_a_dot_three_pixels_off_is_not_near_and_a_missing_dot_not_visible(recording, predicting):
    predicting(lambda x, y, action: picture_of((x + 27 * action + 3) % 224, y) if action else picture_of(x, y) * 0)
    result = measure(recording)
    assert result.shares(1).near == 0 and result.shares(1).median_pixels == pytest.approx(3, abs=0.5)
    assert result.shares(0).visible == 0 and result.shares(0).mean_pixels is None


def test_only_included_frames_are_measured(recording, predicting):
    predicting(lambda x, y, action: picture_of(x, y))
    assert len(measure(recording, frames=3).deviations) == 6
    places = [locate_dot(np.asarray(recording.picture(index))) for index in range(recording.frame_count)]
    column = round(places[4].x)
    result = measure(recording, is_included=lambda _, frame: round(places[frame].x) == column)
    assert result.deviations and all(round(places[one.frame].x) == column for one in result.deviations)


def test_the_summary_of_no_predictions_is_empty():
    assert summarize([]) == accuracy_module.AccuracySummary(0, 0, 0, None, None, 0)


def test_another_robot_has_no_ground_truth(tmp_path):
    jetbot = load_session(change_meta(tmp_path / record_demo(tmp_path, "jetbot_sim", 6, seed=0), simulator=None))
    with pytest.raises(NoGroundTruth, match="names no simulator"):
        measure(jetbot)


@every_case("frames", [0, 2001, 1.5, None])
def test_an_invalid_number_of_frames_is_refused(recording, frames):
    with pytest.raises(accuracy_module.InvalidValue, match="number of frames"):
        measure(recording, frames=frames)


def test_every_fifth_column_is_held_out():
    held_out = [x for x in range(224) if ToroidalDotRobot().at((x, 30)).is_held_out]
    assert held_out == list(range(3, 224, 5))


@pytest.fixture
def command(data, tmp_path):
    """The command on a folder with the recording and checkpoints of small networks, whose sizes the files state."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    save_checkpoint(tmp_path / "checkpoints" / "toroidal_dot", TrainState(shared_model().model))

    def run(*arguments, session=(data / "id").read_text(), folder=tmp_path):
        return truth.main(["--data", str(folder), "--session", session, *arguments])

    return run


def test_the_command_prints_a_table(command, capsys):
    assert command("--frames", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["action", "stay", "move", "all"]
    assert lines[-1].split()[1] == "4"


def test_the_command_measures_rollouts(command, capsys):
    assert command("--rollout", "4", "--frames", "2") == 0
    first, _, *rows = capsys.readouterr().out.splitlines()
    assert first == "2 rollouts of 4 steps under the recorded actions"
    assert [row.split()[0] for row in rows] == ["latents", "pictures", "repeating"]


@pytest.mark.parametrize(
    ("arguments", "options", "code", "message"),
    [
        (["--rollout", "51"], {}, 2, "number of steps"),
        (["--rollout", "40"], {}, 2, "ask for fewer steps"),
        (["--frames", "0"], {}, 2, "number of frames"),
        (["--history-length", "9"], {}, 2, "2 to 8 frames"),
        ([], {"session": "toroidal_dot/none"}, 2, "session"),
        (["--predictor", "nowhere.pth"], {}, 1, "no checkpoint nowhere.pth"),
        (["--device", "cuda"], {}, 2, "No CUDA device"),
    ],
)
def test_the_command_reports_wrong_usage(command, capsys, monkeypatch, arguments, options, code, message):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert command(*arguments, **options) == code
    assert message in capsys.readouterr().err


def test_the_command_reports_missing_checkpoints(command, tmp_path, capsys):
    for file in Path(tmp_path / "checkpoints" / "toroidal_dot").glob("*.pth"):
        file.unlink()
    assert command() == 1
    assert "There is no checkpoint" in capsys.readouterr().err
