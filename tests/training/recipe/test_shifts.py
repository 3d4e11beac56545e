import numpy as np
import pytest
import torch

from training.recipe.shifts import observed_shifts, without_detours

SIZE, PATCH = 64, 16


class MadeFrames:
    """Pairs of pictures, the second moved by one of some shifts around the edges, or a whole other picture."""

    def __init__(self, shifts, texture=1.0):
        g = torch.Generator().manual_seed(0)
        self._pictures = []
        for across, down in shifts:
            last = 0.5 + texture * (torch.rand(3, SIZE, SIZE, generator=g) - 0.5)
            # The pixel at x equals that of the last picture at x + across.
            self._pictures += [last, torch.roll(last, (-down, -across), dims=(1, 2))]

    def learned_windows(self, frames):
        assert frames == 2
        pairs = np.arange(len(self._pictures)).reshape(-1, 2)
        return type("Windows", (), {"pictures": pairs})

    def tensors(self, numbers):
        return torch.stack([self._pictures[number] for number in numbers])


def test_the_shifts_of_the_recordings_are_found_with_their_neighbours():
    found = observed_shifts(MadeFrames([(-22, 0)] * 3 + [(5, 9)] * 3), PATCH, 32)
    assert found[0] == (0, 0) and set(found[1:3]) == {(-22, 0), (5, 9)}
    assert {(-23, 0), (-21, 0), (5, 8), (5, 10)} <= set(found)
    # The way around the edges is another shift: that of what comes in on the other side.
    assert (-22 + SIZE, 0) in found


def test_movements_along_one_axis_have_neighbours_along_it_alone():
    assert all(down == 0 for _, down in observed_shifts(MadeFrames([(-22, 0)] * 4), PATCH, 32))


@pytest.mark.parametrize("frames", [MadeFrames([]), MadeFrames([(0, 0)] * 3), MadeFrames([(7, 0)] * 3, texture=0.0)])
def test_without_movement_or_texture_there_is_no_shift_but_none(frames):
    assert observed_shifts(frames, PATCH, 32) == [(0, 0)]


def test_their_number_is_limited():
    assert len(observed_shifts(MadeFrames([(-22, 0)] * 3 + [(5, 9)] * 3), PATCH, 4)) == 4


def test_ways_around_a_world_without_edges_are_left_out_and_no_others():
    around = [(0, 0), (-27, 0), (197, 0), (-26, 0), (198, 0), (3, 200), (3, -24)]
    assert without_detours(around, 224) == [(0, 0), (-27, 0), (-26, 0), (3, -24)]
    straight = [(0, 0), (-22, 0), (57, -22), (112, 0), (-112, 0), (130, 0)]
    assert without_detours(straight, 224) == straight
