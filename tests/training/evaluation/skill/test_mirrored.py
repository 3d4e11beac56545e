from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import SharedWorldModel
from models.adaptive_world_model import PredictedFrame
from session import load_session
from session.batch import build_batch
from tests.cases import every_case
from tests.session.tub_files import record, write_tub
from tests.training.tiny import CONFIG
from training.evaluation.skill.measure import measure_skill
from training.evaluation.skill.mirrored import compare_with_mirror, mirrored_channels
from training.evaluation.skill.rows import skill_rows

ANGLES = (0.5, -0.8, 0.1, -0.25, 0.9, 0.0)


def shared_model():
    return SharedWorldModel(replace(CONFIG, action_channels=2), torch.device("cpu"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    """Frames under strong and weak angles to both sides, each its own step."""
    folder = tmp_path_factory.mktemp("tubs") / "tub"
    records = [record(index, **{"user/angle": ANGLES[index % len(ANGLES)] + index / 1000}) for index in range(30)]
    return load_session(Path(f"{write_tub(folder, records)}@stride=1"))


@pytest.fixture
def patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def model_that(patch, brightness):
    """Shows the last frame, brighter by what `brightness` makes of the scaled angles."""
    shared = shared_model()

    def predict_counterfactuals(latents, actions, candidates, last):
        return PredictedFrame(latents[:, -1], last + brightness(candidates[:, 0])[:, None, None, None])

    patch.setattr(shared.model, "predict_counterfactuals", predict_counterfactuals)
    return shared


def scores(shared, recording):
    batches = [build_batch(recording, recording.history(target, 2)) for target in range(6, 18)]
    names = recording.profile.channel_names
    return [
        (float(batch.actions[0, -1, 0]), compare_with_mirror(shared, batch, names, mirrored_channels(recording)))
        for batch in batches
    ]


def test_only_a_channel_with_strong_values_on_both_sides_has_a_mirror_image(recording):
    assert mirrored_channels(recording) == [recording.profile.channel_names.index("angle")]


@every_case("model", ["away from the true side", "ignores the angle", "knows its strength alone"])
def test_strong_actions_are_scored_by_the_side_alone(recording, patch, model):
    brightness, right = {
        "away from the true side": (lambda angles: (angles - 2) * 0.1, None),
        "ignores the angle": (torch.zeros_like, 0.5),
        "knows its strength alone": (torch.abs, 0.5),
    }[model]
    found = scores(model_that(patch, brightness), recording)
    for angle, compared in found:
        assert len(compared) == (abs(angle) > 0.3)
        for score in compared:
            assert score.channel == "angle"
            # Darker than the truth by 0.2 less a tenth of the angle: the nearer, the further to the right.
            assert score.right == (right if right is not None else float(angle > 0))


def test_the_measure_is_a_row_with_its_baseline(recording):
    skill = measure_skill(shared_model(), recording, "id", 2, frames=6)
    (row,) = [one for one in skill_rows(skill) if "mirror image" in one.title]
    count = sum(len(one.mirrors) for one in skill.targets)
    assert row.title.startswith("Recorded angle") and row.value.endswith(f" of {count}") and count
    assert row.beside.startswith("by chance 50 %")
