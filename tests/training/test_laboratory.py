"""What a server holds: one world model a robot, and files below one folder."""

import dataclasses

import pytest

from session import JETBOT, TOROIDAL_DOT
from training import CheckpointNotFound, Laboratory


def test_a_robot_has_one_world_model_and_one_workshop_for_all(tmp_path):
    laboratory = Laboratory(tmp_path, "cpu")
    assert laboratory.shared_model(JETBOT) is laboratory.shared_model(JETBOT)
    assert laboratory.shared_model(JETBOT) is not laboratory.shared_model(TOROIDAL_DOT)
    workshop = laboratory.workshop_of(JETBOT)
    assert workshop is laboratory.workshop_of(JETBOT) and workshop.shared is laboratory.shared_model(JETBOT)
    assert workshop.directory == tmp_path / "checkpoints" / "jetbot"


def test_robots_of_one_name_with_other_channels_share_no_network(tmp_path):
    other = dataclasses.replace(JETBOT, channels=JETBOT.channels[:1])
    laboratory = Laboratory(tmp_path, "cpu")
    assert laboratory.shared_model(other) is not laboratory.shared_model(JETBOT)
    assert laboratory.shared_model(dataclasses.replace(JETBOT, channels=())).model.predictor.action_channels == 1


def test_a_typed_path_is_below_the_checkpoints_as_they_are_shown(tmp_path):
    laboratory = Laboratory(tmp_path / "saved", "cpu")
    file = tmp_path / "saved" / "checkpoints" / "jetbot" / "best.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert laboratory.typed_path("saved/checkpoints/jetbot/best.pth") == file.resolve()
    assert "saved/checkpoints/jetbot/best.pth" in laboratory.checkpoint_menu(JETBOT)[0][0]
    for typed in (None, "", "../best.pth", 5):
        with pytest.raises(CheckpointNotFound, match="saved/checkpoints"):
            laboratory.typed_path(typed)
