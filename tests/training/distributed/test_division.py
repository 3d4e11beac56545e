"""The parts of a batch: whoever computes them, together they are the batch."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models import NETWORKS, AdaptiveWorldModel, AdaptiveWorldModelConfig, SharedWorldModel
from session import load_session, record_demo
from tests.cases import every_case
from tests.training.tiny import CONFIG, PREDICTOR, are_equal, optimizer_state, tensors_of
from training.checkpoints.shared_state import pack_state, unpack_state
from training.distributed import Division, Group, Part
from training.jobs.trainer import WorldModelTrainer
from training.recipe import RecipeConfig, UniqueFrames, is_held_out, recipe_phases
from training.recipe.reconstruction import PictureBatches
from training.values import InvalidValue


def test_parts_cover_a_batch_and_differ_by_a_row_at_most():
    for size in range(1, 14):
        rows = [list(range(size))[Part(number, 4).rows(size)] for number in range(4)]
        assert [*itertools.chain(*rows)] == list(range(size)) and max(map(len, rows)) - min(map(len, rows)) <= 1


def test_an_uneven_division_is_refused_in_a_sentence():
    Division(Group(), 3).check(6, "The batch size")
    with pytest.raises(
        InvalidValue, match="The batch size is 7, which 1 process × 3 micro-batches cannot share evenly"
    ):
        Division(Group(), 3).check(7, "The batch size")


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    recording = load_session(folder / record_demo(folder, "jetbot_sim", 24, seed=3))
    return UniqueFrames([recording], is_held_out)


STEPS = dict(autoencoder_steps=3, predictor_steps=3, motion_steps=3, dream_steps=6, warmup_steps=1)
BATCHES = dict(autoencoder_batch=6, predictor_batch=6, dreams=2, dreamed_frames=3)  # fewer dreams than parts
PLAIN = RecipeConfig(**STEPS, **BATCHES, kept_patches=6, moving_share=0.5)
COPYING = replace(PLAIN, kept_patches=0, kept_rows=2, max_shifts=8, reconstructed_share=0.5)
RECIPES = [PLAIN, COPYING, replace(COPYING, motion_fields=2)]


def learned(frames, config, accumulate):
    """The state after all phases of a recipe on batches in parts, and the losses of its steps."""
    channels = len(frames.recordings[0].profile.channels)
    sizes = replace(CONFIG, action_channels=channels, predictor=replace(PREDICTOR, dropout=0.0))
    shared = SharedWorldModel(sizes, torch.device("cpu"))
    trainer = WorldModelTrainer(shared, frames.recordings[0].folder, Division(Group(), accumulate))
    trainer.start_fresh(seed=1)
    losses = []
    for phase in recipe_phases(shared.model, frames, config):
        trainer.begin_phase(phase)
        phase.dataset.prepare()
        for _ in range(phase.condition.max_steps):
            metrics = trainer.step(phase.objective, trainer.draw(phase.dataset))
            losses += [*metrics.losses.values(), metrics.grad_norm]
    return trainer.state, losses


@every_case("config", RECIPES)
def test_all_objectives_learn_from_parts_what_they_learn_from_the_whole(frames, config):
    whole, losses = learned(frames, config, 1)
    parted, parted_losses = learned(frames, config, 3)
    assert parted_losses == pytest.approx(losses, rel=1e-4)
    assert torch.equal(parted.generator.get_state(), whole.generator.get_state())


def test_every_other_picture_of_the_whole_batch_is_mirrored(frames):
    batches, generator = PictureBatches(frames, 6, is_mirrored=True), torch.Generator()
    drawn = [batches.draw(generator.manual_seed(0), Part(number, 2)).target for number in range(2)]
    assert torch.equal(torch.cat(drawn), batches.draw(generator.manual_seed(0)).target)


def test_a_state_arrives_as_it_is_with_the_architecture_of_its_predictor(frames):
    state, _ = learned(frames, COPYING, 1)
    other = WorldModelTrainer(SharedWorldModel(replace(CONFIG, action_channels=3), torch.device("cpu")), None).state
    other = other.configured(state.config)
    unpack_state(pack_state(state), other)
    assert are_equal(tensors_of(other.model), tensors_of(state.model))
    assert are_equal(optimizer_state(other), optimizer_state(state)) and other.of("predictor").steps == 9
    assert other.of("predictor").current_lr == state.of("predictor").current_lr
    assert torch.equal(other.generator.get_state(), state.generator.get_state())


def test_the_document_counts_the_parameters_that_there_are():
    text = (Path(__file__).parents[3] / "docs" / "processes.md").read_text()
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(3))
    sizes = [sum(one.numel() for one in model.network(name).parameters()) for name in NETWORKS]
    assert all(f"{size:,} parameters" in text or f"predictor {size:,}" in text for size in sizes)
    for size in (sizes[0], sizes[1], sum(sizes)):
        row = [f"{2 * (n - 1) / n * 4 * size / 1e6:.1f}" for n in (2, 4, 8, 16, 64)]
        assert f"| {4 * size / 1e6:.1f} MB | {row[0]} MB | {' | '.join(row[1:])} |" in text
