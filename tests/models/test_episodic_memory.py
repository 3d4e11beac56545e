"""What remembered pictures show beyond the border of a frame, against a panorama that is known."""

from dataclasses import replace

import pytest
import torch

from models import AdaptiveWorldModel, AdaptiveWorldModelConfig
from models.copying import mix_patches
from models.episodic_memory import EpisodicMemory, Sides
from models.network import PredictorOutput
from tests.models.small import AUTOENCODER, PREDICTOR, generator, history

SIZE, MARGIN = 32, 9
SHIFTS = [(0, 0), (-6, 0), (9, 0)]
CONFIG = replace(PREDICTOR, shifts=(0, 0, -6, 0, 9, 0), remembered=5, picture_size=SIZE)


def panorama(seed=1):
    """A wall of coloured blocks of 8 pixels, (3, 32, 160), in whole grey levels."""
    blocks = torch.rand(3, SIZE // 8, 20, generator=generator(seed))
    return (blocks.repeat_interleave(8, 1).repeat_interleave(8, 2) * 255).round() / 255


def view(wall, left):
    return wall[None, :, :, left : left + SIZE]


def filled(wall, lefts):
    memory = EpisodicMemory(len(lefts), SIZE)
    memory.fill(torch.cat([(view(wall, left) * 255).round().byte() for left in lefts]))
    return memory


def test_a_place_that_is_known_is_continued_to_a_pixel_at_both_sides():
    wall = panorama()
    memory = filled(wall, [10, 30, 53, 70, 100])
    canvas = memory.extend(view(wall, 42), SHIFTS, MARGIN)
    rows, left = slice(MARGIN, MARGIN + SIZE), 42 - MARGIN
    known = canvas.is_known[0, 0, rows] > 0
    assert known[:, MARGIN - 6 : MARGIN + SIZE + 9].all()
    wide = wall[:, :, left : left + SIZE + 2 * MARGIN]
    assert torch.allclose(canvas.pictures[0, :, rows][:, known], wide[:, known], atol=1e-6)
    assert not canvas.is_known[0, 0, :MARGIN].any()  # nothing is known above


def test_the_frame_itself_is_never_replaced():
    wall = panorama()
    blurred = view(wall, 42) * 0.5 + 0.25  # as imagined frames are paler
    canvas = filled(wall, [30, 53]).extend(blurred, SHIFTS, MARGIN)
    inside = slice(MARGIN, MARGIN + SIZE)
    assert torch.equal(canvas.pictures[..., inside, inside], blurred)
    assert canvas.is_known[0, 0, MARGIN, MARGIN - 6]  # and it is recognised nevertheless


@pytest.mark.parametrize("memory", [filled(panorama(2), [10, 30, 53, 70]), EpisodicMemory(4, SIZE)])
def test_what_is_not_recognised_stays_unknown(memory):
    canvas = memory.extend(view(panorama(), 42), SHIFTS, MARGIN)
    assert canvas.is_known.sum() == SIZE * SIZE and canvas.pictures.isfinite().all()
    flat = memory.extend(torch.zeros(1, 3, SIZE, SIZE), SHIFTS, MARGIN)
    assert flat.is_known.sum() == SIZE * SIZE


def test_pictures_of_another_size_continue_nothing():
    memory = EpisodicMemory(2, SIZE // 2)
    memory.fill(torch.full((2, 3, SIZE // 2, SIZE // 2), 9, dtype=torch.uint8))
    assert memory.extend(view(panorama(), 42), SHIFTS, MARGIN).is_known.sum() == SIZE * SIZE


def test_only_sides_that_shifts_reach_are_looked_up():
    assert Sides.reached_by(SHIFTS) == (6, 9, 0, 0)
    assert Sides.reached_by([(-2, -5)]) == (2, 0, 5, 0)
    wall = panorama()
    memory = filled(wall, [30, 53])
    canvas = memory.extend(view(wall, 42), [(0, 0), (-6, 0)], MARGIN)
    assert canvas.is_known[0, 0, MARGIN, MARGIN - 6] and not canvas.is_known[..., MARGIN + SIZE :].any()
    assert memory.extend(view(wall, 42), [(0, 0)], 0).pictures.shape == (1, 3, SIZE, SIZE)


def test_a_sweep_looks_its_frame_up_once():
    wall = panorama()
    memory = filled(wall, [30, 53])
    frame = view(wall, 42)
    swept = memory.extend(frame.expand(3, -1, -1, -1), SHIFTS, MARGIN)
    one = memory.extend(frame, SHIFTS, MARGIN)
    assert swept.pictures.stride(0) == 0 and torch.equal(swept.pictures[2], one.pictures[0])


def test_a_shift_takes_the_pixels_beyond_the_border_from_the_memory():
    wall = panorama()
    choice = torch.full((1, 16, 4), -1e4)
    choice[:, :, 1] = 1e4
    generated = torch.zeros(1, 16, 192)
    output = PredictorOutput(torch.zeros(0), choice)
    mixed, share = mix_patches(output, view(wall, 42), generated, SHIFTS, memory=filled(wall, [30]))
    assert torch.allclose(AUTOENCODER.build().unpatchify(mixed), view(wall, 36), atol=1e-6) and not share.any()


def test_a_world_model_predicts_with_its_memory_and_forgets_it_with_its_weights():
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, CONFIG)).eval()
    wall = panorama()
    frames, actions, _ = history(b=1)
    last = view(wall, 42)
    frames[:, -1] = last
    latents = model.encode_history(frames)
    empty = model.predict(latents, actions, last).picture
    model.predictor.memory.fill(filled(wall, [10, 30, 53, 70, 100]).pictures)
    known = model.predict(latents, actions, last).picture
    assert not torch.equal(empty, known)
    assert model.predict_counterfactuals(latents, actions, actions[0, -1:], last).picture.allclose(known, atol=1e-5)
    model.predictor.reset_weights(generator())
    assert not model.predictor.memory.pictures.any()


@pytest.mark.parametrize(
    "values",
    [
        {"remembered": -1},
        {"remembered": 2000},
        {"shifts": ()},
        {"motion_fields": 1},
        {"picture_size": 0},
        {"picture_size": 60000},
    ],
)
def test_values_that_do_not_fit_are_refused(values):
    with pytest.raises(ValueError, match=r"remembered|picture_size"):
        replace(CONFIG, **values)
