"""The fit of a motion that is known, and mirror images of windows."""

from dataclasses import replace

import numpy as np
import torch

from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from tests.models.small import AUTOENCODER, PREDICTOR, generator
from training.recipe import RecipeConfig
from training.recipe.mirrored import mirrored_windows
from training.recipe.motion import SIDE, MotionBatches, MotionFit
from training.recipe.unique_frames import Windows
from training.steps import TrainState, train_step

FURTHEST = 8  # pixels, under an action of 1


class Turning:
    """Pairs of smooth pictures, the second turned to the side by its last action times `FURTHEST` pixels."""

    def __init__(self, pairs):
        g = generator(0)
        coarse = torch.rand(pairs, 3, SIDE // 4, SIDE // 4 + 2 * FURTHEST, generator=g)
        wide = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")
        self.actions = torch.randint(-FURTHEST, FURTHEST + 1, (pairs,), generator=g)
        middle = 4 * FURTHEST
        starts = [(middle, middle + step) for step in self.actions.tolist()]
        self._pictures = torch.stack(
            [wide[pair, :, :, at : at + SIDE] for pair, both in enumerate(starts) for at in both]
        )

    def __len__(self):
        return len(self._pictures)

    def tensors(self, numbers):
        return self._pictures[numbers]

    def longest_window(self, most):
        return 2

    def learned_windows(self, frames):
        actions = (self.actions / FURTHEST).numpy()[:, None, None].astype(np.float32)
        return Windows(np.arange(len(self)).reshape(-1, 2), actions)


def fitted(config):
    frames = Turning(64)
    sizes = replace(PREDICTOR, shifts=(0, 0), motion_fields=config.motion_fields)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(1, AUTOENCODER, sizes))
    model.reset_weights(generator(0))
    batches, objective = MotionBatches(model, frames, config), MotionFit(model)
    batches.prepare()
    state = TrainState(model, config.phase_config(config.motion_lr, config.motion_steps))
    losses = [
        train_step(state, objective, batches.draw(state.generator)).losses["loss"] for _ in range(config.motion_steps)
    ]
    return model, losses


def test_the_motion_of_an_action_is_found_on_both_sides_also_in_mirror_images():
    config = RecipeConfig(motion_fields=1, motion_steps=120, motion_lr=1e-2, warmup_steps=5, mirrored_channel=1)
    model, losses = fitted(config)
    assert np.mean(losses[-10:]) < 0.2 * np.mean(losses[:5])
    for action in (-0.75, 0.5):
        flow = model.predictor.flow(torch.tensor([[[action]]]))[0, :, 1:-1, 1:-1] * SIDE
        # The pixel at x equals that of the last picture at x + action × FURTHEST.
        assert (flow[0].mean() - action * FURTHEST).abs() < 1 and flow[1].abs().mean() < 1


def test_a_mirror_image_has_the_other_sign_of_the_named_channel_alone():
    windows = Windows(np.arange(200).reshape(100, 2), np.full((100, 1, 2), 0.5, dtype=np.float32))
    mirrored, is_mirrored = mirrored_windows(windows, 2, generator(0))
    assert 30 < int(is_mirrored.sum()) < 70
    assert (mirrored.actions[..., 0] == 0.5).all()
    assert (mirrored.actions[:, 0, 1] == np.where(is_mirrored, -0.5, 0.5)).all()
    assert (windows.actions == 0.5).all()


def test_without_a_channel_nothing_is_mirrored_or_drawn():
    windows, g = Windows(np.arange(4).reshape(2, 2), np.ones((2, 1, 2), dtype=np.float32)), generator(3)
    same, is_mirrored = mirrored_windows(windows, 0, g)
    assert same is windows and not is_mirrored.any()
    assert torch.equal(torch.rand(1, generator=g), torch.rand(1, generator=generator(3)))
