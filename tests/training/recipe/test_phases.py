from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from session import load_session, record_demo
from session.robots.profiles import ActionChannel
from tests.cases import every_case
from tests.training.tiny import Remembering, Watched, are_equal, ended, shared_model, tensors_of
from training import TrainingJob
from training.jobs.request import RunRequest
from training.optim import schedule_factor
from training.recipe import RecipeConfig, UniqueFrames, is_held_out, recipe_phases, standard_config
from training.recipe.latent_batches import LatentBatches
from training.recipe.latent_prediction import sample_patches, sample_rows
from training.recipe.reconstruction import foreground
from training.values import InvalidValue

QUICK = RecipeConfig(
    autoencoder_steps=60,
    predictor_steps=60,
    dream_steps=40,
    dreamed_frames=2,
    dream_lr=1e-3,
    autoencoder_batch=4,
    predictor_batch=4,
    autoencoder_lr=3e-3,
    predictor_lr=3e-3,
    warmup_steps=5,
    kept_patches=6,
)


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return UniqueFrames([load_session(folder / record_demo(folder, "toroidal_dot", 40, seed=3))], is_held_out)


def learned(trainer, frames, config, *names):
    """Run some phases of the recipe; returns the losses of the last one's steps."""
    phases = [phase for phase in recipe_phases(trainer.shared.model, frames, config) if phase.name in names]
    tracker = Remembering()
    trainer.saves.clear()
    request = RunRequest("predictor", "demo", "", phases, 1_000_000)
    job = TrainingJob(trainer, phases, request.first_snapshot(), tracker)
    now = ended(job)
    assert now.status == "finished", now.message
    last = max(step for _, step, _ in tracker.phases)
    key = "training/loss" if phases[-1].name in ("reconstruct", "motion") else "training/total"
    return [numbers[key] for step, numbers in tracker.logged if key in numbers and step > last]


@dataclass(frozen=True)
class Stage:
    """A phase that was trained: losses, weights of both networks and error of three steps before and after it."""

    losses: list[float]
    autoencoder: tuple[dict, dict]
    predictor: tuple[dict, dict]
    errors: tuple[float, float]
    is_in_training: bool
    steps: dict[str, int]


@pytest.fixture(scope="module")
def stages(frames):
    """The three phases, trained one after the other."""
    trainer, stages = Watched(shared_model()), {}
    model = trainer.shared.model

    def state():
        return tensors_of(model.autoencoder), tensors_of(model.predictor), error_of_three_steps(model, frames)

    for name in ("reconstruct", "predict", "rollout"):
        before, losses, after = state(), learned(trainer, frames, QUICK, name), state()
        steps = {network: trainer.state.of(network).steps for network in ("autoencoder", "predictor")}
        stages[name] = Stage(losses, *zip(before, after, strict=True), model.training, steps)
    return stages


def test_the_autoencoder_learns_and_the_predictor_stays(stages):
    stage = stages["reconstruct"]
    assert len(stage.losses) == 60 and sum(stage.losses[-10:]) < 0.7 * sum(stage.losses[:10])
    assert are_equal(*stage.predictor) and not are_equal(*stage.autoencoder)
    assert not stage.is_in_training


def test_the_predictor_learns_and_the_autoencoder_stays(stages):
    stage = stages["predict"]
    assert len(stage.losses) == 60 and sum(stage.losses[-10:]) < 0.7 * sum(stage.losses[:10])
    assert are_equal(*stage.autoencoder)
    assert not stage.is_in_training


def test_rollouts_lower_the_error_after_imagined_frames(stages):
    """Judged apart from the loss: the picture after three steps in latents, from real frames on."""
    stage = stages["rollout"]
    assert len(stage.losses) == 40
    assert stage.errors[1] < stage.errors[0]
    assert are_equal(*stage.autoencoder)
    assert stage.steps == {"autoencoder": 60, "predictor": 100}  # one count over all phases


@torch.inference_mode()
def error_of_three_steps(model, frames):
    windows = frames.learned_windows(6)
    context = torch.stack([model.encode(frames.tensors(numbers)) for numbers in windows.pictures[:, :3]])
    picture = frames.tensors(windows.pictures[:, 2])
    actions = torch.from_numpy(windows.actions)
    for step in range(3):
        imagined, picture = model.predict(context, actions[:, step : step + 3], picture)
        context = torch.cat([context[:, 1:], imagined[:, None]], dim=1)
    targets = frames.tensors(windows.pictures[:, 5])
    counts = 1 + QUICK.foreground_weight * (targets > 0.5)
    return (counts * (picture - targets).square()).mean().item()


def names(frames, config, loaded=None):
    return [phase.name for phase in recipe_phases(shared_model().model, frames, config, loaded)]


def test_phases_whose_network_is_known_or_that_have_no_steps_are_left_out(frames):
    assert names(frames, QUICK) == ["reconstruct", "predict", "rollout"]
    assert names(frames, replace(QUICK, dream_steps=0)) == ["reconstruct", "predict"]
    assert names(frames, QUICK, {"autoencoder": 9}) == ["predict", "rollout"]
    assert names(frames, QUICK, {"autoencoder": 9, "predictor": 7}) == ["rollout"]
    (rollout,) = recipe_phases(shared_model().model, frames, QUICK, {"autoencoder": 9, "predictor": 7})
    assert rollout.first_step == 7


@pytest.mark.parametrize("name", ["reconstruct", "predict", "rollout"])
def test_the_same_random_numbers_teach_the_same_and_others_something_else(frames, name):
    short = replace(QUICK, autoencoder_steps=3, predictor_steps=3, dream_steps=3)

    def taught(seed):
        trainer = Watched(shared_model())
        trainer.state.generator.manual_seed(seed)
        if name == "rollout":
            trainer.state.renew("predictor", 3)
        learned(trainer, frames, short, name)
        return tensors_of(trainer.shared.model)

    first = taught(0)
    assert are_equal(first, taught(0))
    assert not are_equal(first, taught(1))


def test_all_patches_are_kept_if_their_number_is_0(frames):
    config = replace(QUICK, predictor_steps=2, kept_patches=0, starts_in_space_and_time=False)
    assert len(learned(Watched(shared_model()), frames, config, "predict")) == 2


def test_held_out_frames_have_a_curve_of_their_own_and_are_never_drawn(frames):
    phases = recipe_phases(shared_model().model, frames, QUICK)
    held_out = set(np.flatnonzero(frames.is_held_out).tolist())
    assert held_out
    for phase in phases:
        assert 0 < len(phase.dataset.held_out_batches()) <= 16 and 0 < len(phase.dataset.evaluation_batches()) <= 16
    assert not held_out & set(frames.learned_windows(4).pictures.flatten().tolist())


def test_kept_patches_are_those_where_something_is_and_others_by_chance():
    is_there = torch.zeros(200, 16, dtype=torch.bool)
    is_there[:, [3, 9]] = True
    kept = sample_patches(is_there, 5, torch.rand(is_there.shape, generator=torch.Generator().manual_seed(0)))
    assert kept.shape == (200, 6) and (kept[:, 0] == 0).all()
    assert (kept.diff(dim=1) > 0).all()
    assert all({4, 10} <= set(row.tolist()) for row in kept)
    assert set(kept[:, 1:].flatten().tolist()) == set(range(1, 17))


def test_foreground_is_what_differs_from_the_background():
    found = foreground(torch.tensor([[0.5, 0.04], [0.96, 0.0]]), torch.tensor([1.0, 0.0]))
    assert found.tolist() == [[1, 0], [0, 0]]


def test_the_rate_warms_up_and_falls_to_a_twentieth():
    config = RecipeConfig(warmup_steps=50).phase_config(1e-3, 1000)
    assert schedule_factor(0, 1e-3, config) == pytest.approx(1 / 50)
    assert schedule_factor(49, 1e-3, config) == 1 and schedule_factor(1000, 1e-3, config) == pytest.approx(0.05)


def test_weights_that_run_away_end_the_run_unsaved(frames):
    trainer = Watched(shared_model())
    with torch.no_grad():
        trainer.shared.model.autoencoder.cls_token.fill_(float("nan"))
    phases = recipe_phases(trainer.shared.model, frames, QUICK)[:1]
    request = RunRequest("autoencoder", "demo", "", phases, 60)
    now = ended(TrainingJob(trainer, phases, request.first_snapshot(), Remembering()))
    assert now.status == "failed" and "no longer a finite number" in now.message and trainer.saves == []


@every_case(
    "wrong",
    [
        {"autoencoder_steps": 0},
        {"predictor_batch": 65},
        {"predictor_lr": float("nan")},
        {"history_length": 9},
        {"foreground_weight": -1.0},
        {"mask_ratio_high": 1.0},
        {"kept_patches": -1},
        {"dreamed_frames": 101},
        {"dream_steps": -1},
        {"moving_share": 1.1},
        {"reconstructed_share": -0.1},
        {"warmup_steps": 0},
        {"motion_fields": 65},
        {"motion_steps": 0},
        {"mirrored_channel": -1},
        {"seed": -1},
        {"seed": 1.5},
    ],
)
def test_numbers_that_nothing_can_be_learned_with_are_refused(wrong):
    with pytest.raises(InvalidValue, match="must be"):
        RecipeConfig(**wrong)


COPYING = replace(
    QUICK,
    autoencoder_steps=8,
    predictor_steps=8,
    dream_steps=8,
    max_shifts=8,
    kept_patches=0,
    kept_rows=2,
    foreground_weight=0.0,
    longest_history=4,
    dreams=2,
)


@pytest.fixture(scope="module")
def copying(frames):
    """A predictor that copies pixels, before and after its last phase."""
    trainer = Watched(shared_model())
    learned(trainer, frames, COPYING, "reconstruct", "predict")
    before = tensors_of(trainer.shared.model.predictor)
    return trainer, before, learned(trainer, frames, COPYING, "rollout")


def test_a_predictor_that_copies_replaces_the_other_and_learns_in_rollouts(copying):
    trainer, before, losses = copying
    predictor = trainer.shared.model.predictor
    assert predictor.shifts[0] == (0, 0) and (-27, 0) in predictor.shifts
    assert len(losses) == 8 and not are_equal(before, tensors_of(predictor))
    assert trainer.state.of("predictor").steps == 16


def test_rollouts_of_copying_start_at_learned_frames_and_learn_from_no_held_out_one(copying, frames):
    model = copying[0].shared.model
    (phase,) = [one for one in recipe_phases(model, frames, COPYING) if one.name == "rollout"]
    phase.dataset.prepare()
    generator = torch.Generator().manual_seed(1)
    batches = [phase.dataset.draw(generator) for _ in range(20)]
    rollouts = [batch for batch in batches if batch.rolled_out]
    assert 0 < len(rollouts) < 20 and {batch.rolled_out for batch in rollouts} == {2}
    assert not all(batch.is_learned.all() for batch in rollouts)  # some lead through held-out frames
    batch = rollouts[0]
    assert len(batch.context) == 2 and batch.pictures.shape[:2] == (4, 2) and batch.following.shape[:2] == (3, 2)
    phase.objective.losses(batch, generator).total.backward()
    assert model.predictor.copy_head.weight.grad.any()
    model.zero_grad(set_to_none=True)
    model.eval()


def test_a_predictor_that_copies_remembers_frames_to_learn_from_also_one_that_was_trained_before(frames):
    remembering = replace(COPYING, remembered=5, predictor_steps=2, dream_steps=2)
    trainer = Watched(shared_model())
    learned(trainer, frames, remembering, "predict")
    predictor = trainer.shared.model.predictor
    kept = predictor.memory.pictures
    assert len(kept) == predictor.config.remembered == 5 and predictor.config.picture_size == kept.shape[-1]
    numbers = [(frames.pictures == one).flatten(1).all(dim=1).nonzero().flatten().tolist() for one in kept]
    assert all(number and not frames.is_held_out[number].any() for number in numbers)

    trainer = Watched(shared_model())
    learned(trainer, frames, COPYING, "predict")
    before = tensors_of(trainer.shared.model.predictor)
    (phase,) = recipe_phases(trainer.shared.model, frames, remembering, {"autoencoder": 8, "predictor": 8})
    phase.initialize()
    after = tensors_of(trainer.shared.model.predictor)
    assert torch.equal(after.pop("memory.pictures"), kept) and are_equal(after, before)
    network = trainer.shared.model.predictor
    phase.initialize()  # a second time changes nothing
    assert trainer.shared.model.predictor is network


def test_a_motion_is_fitted_before_the_predictor_learns_and_stays_then(frames):
    (dot,) = frames.recordings
    profile = replace(dot.profile, channels=(ActionChannel("steering", -1.0, 1.0),))
    frames = UniqueFrames([replace(dot, profile=profile)], is_held_out)
    config = replace(COPYING, motion_fields=2, motion_steps=4, predictor_steps=2, mirrored_channel=1)
    assert names(frames, config) == ["reconstruct", "motion", "predict", "rollout"]
    trainer = Watched(shared_model())
    model = trainer.shared.model
    assert len(learned(trainer, frames, config, "motion")) == 4
    assert len(model.predictor.shifts) == 8
    before = tensors_of(model.predictor)
    assert len(learned(trainer, frames, config, "predict")) == 2
    after = tensors_of(model.predictor)
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved and not any(name.startswith("motion_head.") for name in moved)
    assert trainer.state.of("predictor").steps == 6  # one count over both


def test_a_channel_without_a_mirror_image_is_refused(frames):
    for channel, cause in ((1, "as wide to both sides"), (2, "at most 1")):
        with pytest.raises(InvalidValue, match=cause):
            recipe_phases(shared_model().model, frames, replace(QUICK, mirrored_channel=channel))


def test_whole_rows_are_kept():
    kept = sample_rows(torch.rand(5, 4, generator=torch.Generator().manual_seed(0)), 2)
    assert kept.shape == (5, 9) and not kept[:, 0].any()
    for tokens in kept[:, 1:]:
        rows = (tokens - 1).reshape(2, 4)
        assert (rows % 4 == torch.arange(4)).all() and len(set((rows // 4).flatten().tolist())) == 2
    assert sample_rows(torch.rand(1, 4), 9).shape == (1, 17)


def test_standard_values_follow_the_pictures(frames, tmp_path):
    assert standard_config(frames) == RecipeConfig()
    long = load_session(tmp_path / record_demo(tmp_path, "toroidal_dot", 120, seed=1))  # it goes around
    edgeless = standard_config(UniqueFrames([long], lambda *frame: False))
    assert edgeless.max_shifts and edgeless.chooses_by_action and not edgeless.dream_steps
    camera = load_session(tmp_path / record_demo(tmp_path, "jetbot_sim", 12, seed=1))
    values = standard_config(UniqueFrames([camera], lambda *frame: False))
    assert values.remembered and values.max_shifts and values.kept_rows
    assert not values.foreground_weight and not values.motion_fields
    steered = replace(camera, is_continuous=True, links=replace(camera.links, previous=np.arange(-1, 12)))
    moving = standard_config(UniqueFrames([steered], lambda *frame: False))
    assert moving.motion_fields and not moving.mirrored_channel
    channels = steered.profile.channel_names
    told = replace(steered, steering=channels[1])
    assert standard_config(UniqueFrames([told], lambda *frame: False)).mirrored_channel == 2
    assert not standard_config(UniqueFrames([told, steered], lambda *frame: False)).mirrored_channel
    standing = replace(steered, links=replace(camera.links, previous=np.arange(13)))
    assert not standard_config(UniqueFrames([standing], lambda *frame: False)).motion_fields


def test_windows_move_and_consist_of_reconstructions_as_often_as_the_config_says(frames):
    model = shared_model().model.eval()
    batches = LatentBatches(model, frames, replace(QUICK, moving_share=1.0, reconstructed_share=0.5), 0)
    batches.prepare()
    generator = torch.Generator().manual_seed(1)
    drawn = [batches.draw(generator) for _ in range(6)]
    is_real = torch.cat([(one.pictures[-1] - one.pictures[-2]).flatten(1).any(dim=1) for one in drawn])
    assert is_real.all()  # no window ends with an action that moves nothing
    for one in drawn:
        with torch.no_grad():
            again = model.encode(one.pictures[-2].float() / 255).half().float()
        assert (one.context[:, -1] - again).abs().max() < 1e-2  # pictures and latents belong together
    true = {tuple(picture.flatten()[:4000].tolist()) for picture in frames.pictures}
    shares = [tuple(picture.flatten()[:4000].tolist()) in true for one in drawn for picture in one.pictures[-1]]
    assert 0 < sum(shares) < len(shares)
