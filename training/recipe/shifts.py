"""The shifts by which a predictor may copy pixels: those by which the pictures of recordings move, by block matching.

Each patch of a frame is looked for everywhere in the frame before. Shapes: H and W picture, S patch size, N patches,
M matched patches, C candidates.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.copying import Shift
from session.spread import spread_starts
from training.recipe.unique_frames import UniqueFrames

MATCHED_PAIRS = 32  # of frames
CANDIDATES = 256  # shifts that are compared with each other
LEAST_CHANGE = 1e-3  # mean squared difference of a patch that moved, full brightness 1
LEAST_TEXTURE = 1e-3  # variance of a patch that can be told from others
MATCHES_WITHIN = 0.25  # of the difference: what remains at the best place of a patch that was found again
LEAST_PAIRS = 2  # that a shift is seen in
RINGS = (0.1875, 0.4375, 0.875)  # of a patch: 3, 7 and 14 of 16 pixels
LEAST_GAIN = 0.01  # of the whole difference, explained by one more shift


def observed_shifts(frames: UniqueFrames, patch_size: int, most: int) -> list[Shift]:
    """Up to `most` shifts that explain the changes of the frames to learn from, the most important first.

    The first one is always (0, 0). Movements lie between whole pixels: the last ones are neighbours of the others.
    """
    windows = frames.learned_windows(2)
    moved = np.unique(windows.pictures[windows.pictures[:, 0] != windows.pictures[:, 1]], axis=0)
    pairs = [_MatchedPair(frames, moved[place], patch_size) for place in spread_starts(len(moved), MATCHED_PAIRS)]
    candidates = _candidates(pairs)
    errors = torch.cat([pair.errors(candidates) for pair in pairs]) if pairs else torch.zeros(0, 1)
    chosen = [candidates[index] for index in _cover(errors, most)]
    return list(dict.fromkeys([*chosen, *_neighbours(chosen)]))[:most]


def without_detours(shifts: Sequence[Shift], size: int) -> list[Shift]:
    """The shifts without those that lead around a world without edges to where a smaller one leads as well.

    There are such shifts only if the pictures, `size` pixels wide and high, show such a world.
    """
    known = set(shifts)
    return [
        (across, down)
        for across, down in shifts
        if (_around(across, size), down) not in known and (across, _around(down, size)) not in known
    ]


def _around(step: int, size: int) -> int | None:
    """The smaller step to the same place the other way around, or None if this one is the smaller."""
    other = step - size if step > 0 else step + size
    return other if abs(other) < abs(step) else None


def rings(patch_size: int, most: int) -> list[Shift]:
    """Up to `most` shifts around (0, 0), the nearest first: on rings whose distances double, up to a patch.

    What remains of a motion that is foreseen with an error; mixed, they blur by as much as it is uncertain.
    """
    radii = [max(1, round(patch_size * share)) for share in RINGS]
    ways = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    around = [(radius * across, radius * down) for radius in radii for across, down in ways]
    return list(dict.fromkeys([(0, 0), *around]))[:most]


class _MatchedPair:
    """The mean squared differences of each patch of a frame from all windows of the frame before it.

    `numbers` are those of the two pictures.
    """

    def __init__(self, frames: UniqueFrames, numbers: np.ndarray, size: int) -> None:
        last, target = frames.tensors(numbers).mean(dim=1)
        before, patches = (_patches(picture, size) for picture in (last, target))
        unmoved = (before - patches).square().mean(dim=(1, 2))
        is_moved = (unmoved > LEAST_CHANGE) & (patches.var(dim=(1, 2)) > LEAST_TEXTURE)
        self._unmoved, patches = unmoved[is_moved], patches[is_moved][:, None]
        number, across = torch.arange(len(unmoved))[is_moved], target.shape[1] // size
        self._rows, self._columns = number // across * size, number % across * size
        products = F.conv2d(last[None, None], patches)[0] if len(patches) else torch.zeros(0, 1, 1)
        squares = F.conv2d(last[None, None].square(), torch.ones(1, 1, size, size))[0]
        self._differences = (squares + patches.square().sum(dim=(1, 2, 3))[:, None, None] - 2 * products) / size**2

    def votes(self) -> Counter[Shift]:
        """The shifts at which patches are found again, each with the sum of the differences that it explains."""
        votes: Counter[Shift] = Counter()
        if not len(self._unmoved):
            return votes
        least, place = self._differences.flatten(1).min(dim=1)
        across = self._differences.shape[2]
        shifts = zip((place % across - self._columns).tolist(), (place // across - self._rows).tolist(), strict=True)
        is_found = least < MATCHES_WITHIN * self._unmoved
        for shift, gain in zip(shifts, (is_found * (self._unmoved - least)).tolist(), strict=True):
            votes[shift] += gain
        return +votes

    def errors(self, candidates: Sequence[Shift]) -> Tensor:
        """The differences (M, C) that remain after each candidate; of the unmoved patch if it leads outside."""
        count, high, wide = self._differences.shape
        shifts = torch.tensor(candidates)
        rows, columns = self._rows[:, None] + shifts[:, 1], self._columns[:, None] + shifts[:, 0]
        is_inside = (rows >= 0) & (rows < high) & (columns >= 0) & (columns < wide)
        picks = torch.arange(count)[:, None]
        found = self._differences[picks, rows.clamp(0, high - 1), columns.clamp(0, wide - 1)]
        return torch.where(is_inside, found, self._unmoved[:, None])


def _patches(picture: Tensor, size: int) -> Tensor:
    """A picture (H, W) as its patches, row by row: (N, S, S)."""
    return picture.unfold(0, size, size).unfold(1, size, size).flatten(0, 1)


def _candidates(pairs: Sequence[_MatchedPair]) -> list[Shift]:
    """(0, 0), and the shifts that were seen in several pairs, those that explain most first."""
    votes: Counter[Shift] = Counter()
    seen: Counter[Shift] = Counter()
    for pair in pairs:
        of_pair = pair.votes()
        votes += of_pair
        seen.update(of_pair.keys())
    often = [shift for shift, _ in votes.most_common() if seen[shift] >= LEAST_PAIRS and shift != (0, 0)]
    return [(0, 0), *often][:CANDIDATES]


def _cover(errors: Tensor, most: int) -> list[int]:
    """Candidates, one after the other the one that lowers the least errors (M, C) most; the first one is given."""
    chosen = [0]
    remaining = errors[:, 0].clone()
    least_gain = LEAST_GAIN * float(remaining.sum())
    while len(chosen) < most and len(errors):
        sums = torch.minimum(errors, remaining[:, None]).sum(dim=0)
        best = int(sums.argmin())
        if float(remaining.sum() - sums[best]) <= least_gain:
            break
        chosen.append(best)
        remaining = torch.minimum(remaining, errors[:, best])
    return chosen


def _neighbours(chosen: Sequence[Shift]) -> list[Shift]:
    """The shifts a pixel before and after those that are chosen, along the directions in which anything moves."""
    axes = [axis for axis, place in (((1, 0), 0), ((0, 1), 1)) if any(shift[place] for shift in chosen)]
    return [
        (across + sign * axis[0], down + sign * axis[1])
        for across, down in chosen
        if (across, down) != (0, 0)
        for axis in axes
        for sign in (-1, 1)
    ]
