import pytest

from tests.training.tiny import shared_model
from training import skill
from training.checkpoints.writer import save_checkpoint
from training.steps import TrainState


@pytest.fixture
def command(data, tmp_path):
    """The command on a folder with the recording and checkpoints of small networks."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    save_checkpoint(tmp_path / "checkpoints" / "toroidal_dot", TrainState(shared_model().model))

    def run(*arguments):
        return skill.main(["--data", str(tmp_path), "--session", (data / "id").read_text(), *arguments])

    return run


def test_the_command_prints_every_measure_with_its_sentence_and_the_verdicts(command, capsys):
    assert command("--frames", "2", "--held-out", "0.5") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 frames of toroidal_dot/session_") and lines[0].endswith("history 3")
    measures = [line for line in lines if line and not line.startswith("    ")]
    assert [line.split(":")[0] for line in measures[1:4]] == [
        "Skill over repeating the last frame",
        "Share explained",
        "Recorded action predicts best",
    ]
    assert sum(line.startswith("    ") for line in lines) == len(measures) - 3  # all but heading and verdicts
    # Weights of a file are no longer those that every model starts with, and their pictures are noise.
    assert lines[-2].startswith("autoencoder: untrained. Worse than") and lines[-1].startswith("predictor: unt")


def test_the_command_reports_wrong_usage(command, capsys):
    for arguments, code, message in (
        (["--frames", "0"], 2, "number of frames to measure"),
        (["--history-length", "9"], 2, "2 to 8 frames"),
        (["--held-out", "2"], 2, "held-out share"),
        (["--predictor", "nowhere.pth"], 1, "no checkpoint nowhere.pth"),
    ):
        assert command(*arguments) == code
        assert message in capsys.readouterr().err
