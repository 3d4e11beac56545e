"""An episodic memory: pictures of the recordings that a predictor learned from, and what they show beside a frame.

A camera that turns brings in at one edge what its last frame does not show. Networks of this size generate the mean of
it; a remembered picture shows it (episodic memory: Pritzel et al. 2017, arXiv 1703.01988). The last frame is looked for
in all pictures, displaced by up to half of its size, first at a quarter of the resolution. The picture that fits best
and shows the whole margin at a side continues the frame there. If none fits, that side stays unknown.

Shapes: B batch, K pictures, H and W picture, h and w picture at a quarter of the resolution, M margin.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

COARSE = 4  # pixels of a picture along a side of a coarse one
ASIDE = 1  # coarse pixels by which a picture may be displaced across the direction in which it continues the frame
# Of the variance of a frame, of what its rows do not share with those of the remembered pictures. Measured in a drawn
# room: known places differ by less than 0.1, also in the thirtieth imagined frame, other rooms by 0.5 or more.
RECOGNISED = 0.25
FLAT = 1e-6  # a product of squares below which there is nothing to recognise

Shift = tuple[int, int]  # columns and rows, as in `models/copying.py`


class Canvas(NamedTuple):
    """Pictures with a margin, (B, 3, H + 2M, W + 2M), and where they are known, 0 or 1, (B, 1, H + 2M, W + 2M)."""

    pictures: Tensor
    is_known: Tensor


class Sides(NamedTuple):
    """Pixels of each side that shifts reach beyond the border."""

    left: int
    right: int
    top: int
    bottom: int

    @classmethod
    def reached_by(cls, shifts: Sequence[Shift]) -> "Sides":
        across, down = ([0, *(shift[axis] for shift in shifts)] for axis in (0, 1))
        return cls(-min(across), max(across), -min(down), max(down))


class Match(NamedTuple):
    """The remembered picture `number` shows at (y + down, x + across) what the frame shows at (y, x)."""

    number: int
    across: int
    down: int


class EpisodicMemory(nn.Module):
    """K pictures, uint8 (K, 3, S, S); black ones, which continue nothing, until they are filled in."""

    pictures: Tensor

    def __init__(self, count: int, size: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(count, 3, size, size, dtype=torch.uint8))
        self._small: tuple[tuple[int, int], Tensor] | None = None  # of which pictures, and these

    def clear(self) -> None:
        self.pictures.zero_()

    def fill(self, pictures: Tensor) -> None:
        """Remember pictures, uint8 (K, 3, S, S)."""
        self.pictures.copy_(pictures)

    @torch.no_grad()
    def extend(self, frames: Tensor, shifts: Sequence[Shift], margin: int) -> Canvas:
        """Frames (B, 3, H, W) in [0, 1] with a margin of M pixels, filled in at the sides that the shifts reach."""
        # A sweep gives the same frame for all of its actions.
        is_one = len(frames) > 1 and frames.stride(0) == 0
        unique = frames[:1] if is_one else frames
        canvas = Canvas(F.pad(unique, (margin,) * 4), F.pad(torch.ones_like(unique[:, :1]), (margin,) * 4))
        sides = Sides.reached_by(shifts)
        if any(sides) and unique.shape[2:] == self.pictures.shape[2:]:  # pictures of another size show nothing here
            for number, matches in enumerate(self._matches(unique, sides)):
                for match in matches:
                    self._continue(canvas, number, match, margin)
        return Canvas(*(part.expand(len(frames), -1, -1, -1) for part in canvas))

    def _matches(self, frames: Tensor, sides: Sides) -> list[list[Match]]:
        """For each frame the remembered pictures that continue it, one for each side that is reached and recognised."""
        with torch.autocast(frames.device.type, enabled=False):  # products in bfloat16 are too coarse to find a place
            return self._matches_in_float32(frames, sides)

    def _matches_in_float32(self, frames: Tensor, sides: Sides) -> list[list[Match]]:
        seen, kept = _coarse(frames), self._coarse_pictures()
        # What all pictures show in a row, such as wall above floor, says nothing about the place.
        rows = kept.mean(dim=(0, 2))[:, None]
        best = [_best_matches(seen - rows, kept - rows, side, reach) for side, reach in enumerate(sides) if reach]
        return [
            [self._refined(frame, match) for share, match in of_frame if share < RECOGNISED]
            for frame, of_frame in zip(frames, zip(*best, strict=True), strict=True)
        ]

    def _coarse_pictures(self) -> Tensor:
        """The coarse pictures (K, h, w), computed again if the pictures are others: that takes as long as a search."""
        which = self.pictures.data_ptr(), self.pictures._version
        if self._small is None or self._small[0] != which:
            self._small = which, _coarse(self.pictures.float()) / 255
        return self._small[1]

    def _refined(self, frame: Tensor, match: Match) -> Match:
        """The match to a pixel: along the rows, then along the columns, then along the rows again."""
        remembered, frame = self.pictures[match.number].float().mean(dim=0) / 255, frame.mean(dim=0)
        number, across, down = match
        steps = range(-COARSE, COARSE + 1)
        for is_across in (True, False, True):
            places = [(across + step, down) if is_across else (across, down + step) for step in steps]
            across, down = min(places, key=lambda place: _difference(frame, remembered, *place))
        return Match(number, across, down)

    def _continue(self, canvas: Canvas, number: int, match: Match, margin: int) -> None:
        """Fill in what a remembered picture shows of the unknown part of a canvas."""
        remembered = self.pictures[match.number].float() / 255
        high, wide = canvas.pictures.shape[2:]
        left, top = margin - match.across, margin - match.down
        rows, columns = slice(max(0, top), top + remembered.shape[1]), slice(max(0, left), left + remembered.shape[2])
        part = remembered[:, rows.start - top : high - top, columns.start - left : wide - left]
        pictures, is_known = canvas.pictures[number][:, rows, columns], canvas.is_known[number][:, rows, columns]
        pictures.copy_(torch.where(is_known > 0, pictures, part))
        is_known.fill_(1)


def _coarse(pictures: Tensor) -> Tensor:
    """Grey pictures at a quarter of the resolution: (B, 3, H, W) to (B, h, w)."""
    return F.avg_pool2d(pictures, COARSE).mean(dim=1)


def _best_matches(seen: Tensor, kept: Tensor, side: int, reach: int) -> list[tuple[float, Match]]:
    """For each of the frames (B, h, w) the picture (K, h, w) that leaves the least of it unexplained, and this share,
    among displacements at which pictures show `reach` pixels beyond one side."""
    places = _displacements(side, reach, seen.shape[1:])
    if not places:
        return [(1.0, Match(0, 0, 0))] * len(seen)
    shares = torch.stack([_unexplained(*_overlap(seen, kept, *place)) for place in places], dim=1)  # (B, places, K)
    least, chosen = shares.flatten(1).min(dim=1)
    found = []
    for share, place in zip(least.tolist(), chosen.tolist(), strict=True):
        across, down = places[place // len(kept)]
        found.append((share, Match(place % len(kept), COARSE * across, COARSE * down)))
    return found


def _displacements(side: int, reach: int, size: Sequence[int]) -> list[tuple[int, int]]:
    """Columns and rows, in coarse pixels, by which a picture is displaced that shows `reach` pixels beyond a side."""
    is_across = side < 2  # as the sides are in order
    most = (size[1] if is_across else size[0]) // 2
    sign = 1 if side % 2 == 0 else -1  # what is left of the frame is in a picture that lies further left
    along = [sign * step for step in range(-(-reach // COARSE), most + 1)]
    beside = range(-ASIDE, ASIDE + 1)
    return [(step, other) if is_across else (other, step) for step in along for other in beside]


def _overlap(seen: Tensor, kept: Tensor, across: int, down: int) -> tuple[Tensor, Tensor]:
    """The parts (…, y, x) of frames and of displaced pictures, both (…, H, W), that show the same."""
    high, wide = seen.shape[-2:]
    seen = seen[..., max(0, -down) : high - max(0, down), max(0, -across) : wide - max(0, across)]
    kept = kept[..., max(0, down) : high + min(0, down), max(0, across) : wide + min(0, across)]
    return seen, kept


def _unexplained(seen: Tensor, kept: Tensor) -> Tensor:
    """The share (B, K) of the squares of frames (B, y, x) that pictures (K, y, x) leave unexplained, from 0 to 1:
    1 − cosine², so that a frame that is paler, as imagined ones are, is like itself all the same."""
    seen, kept = seen.flatten(1), kept.flatten(1)
    products = (seen @ kept.T).clamp(min=0)
    squares = seen.square().sum(dim=1)[:, None] * kept.square().sum(dim=1)
    return 1 - products.square() / squares.clamp(min=FLAT)


def _difference(frame: Tensor, remembered: Tensor, across: int, down: int) -> float:
    """The mean squared difference of a frame (H, W) and a displaced picture (H, W), where they overlap."""
    seen, kept = _overlap(frame, remembered, across, down)
    return float((seen - kept).square().mean())
