"""Copying of pixels: a predicted picture as a mixture of shifted copies of the last frame and of the decoded latents.

What a camera sees next is for the most part what it sees now, somewhere else. A network that generates every patch anew
blurs it; one that chooses for each patch by how much the last frame moved keeps it sharp (flow in place of pixels:
Zhou et al. 2016, arXiv 1605.03557; a mixture of fixed shifts: Finn et al. 2016, arXiv 1605.07157). What a shift would
take from outside the last frame is unknown, and is generated, unless a memory shows it (`models/episodic_memory.py`);
where the picture moves as a whole (`models/motion.py`), its border is repeated, and in a world without edges, as that
of the Toroidal Dot, what leaves a side comes in at the other.

Shapes: B batch, N patches, K shifts, S patch size, V values of a patch (S·S·3), H and W picture height and width.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.episodic_memory import Canvas, EpisodicMemory, Shift
from models.motion import warp
from models.network import PredictorOutput


class CopyHead(nn.Linear):
    """A choice for each patch: logits (…, K + 1) of K shifts and, last, of the generated patch.

    All are equal at first, or that of the generated patch is `generated`. A second one takes the embedded action in
    place of a patch's token.
    """

    def __init__(self, width: int, shifts: int, generated: float = 0.0) -> None:
        super().__init__(width, shifts + 1)
        self._generated = generated

    def reset_weights(self) -> None:
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)
        with torch.no_grad():
            self.bias[-1] = self._generated


def as_shifts(numbers: Sequence[int]) -> list[Shift]:
    """Columns and rows of each shift, from one sequence of numbers in this order."""
    return list(zip(numbers[::2], numbers[1::2], strict=True))


class Mixture(NamedTuple):
    """Patches, and the share of each of their values that was generated, both (B, N, V)."""

    patches: Tensor
    generated_share: Tensor


def mix_patches(
    output: PredictorOutput,
    last: Tensor,
    generated: Tensor,
    shifts: Sequence[Shift],
    patches: Tensor | None = None,
    memory: EpisodicMemory | None = None,
    wraps: bool = False,
) -> Mixture:
    """A mixture of the last picture (B, 3, H, W), shifted, and of generated patches (B, N, V).

    `output` has the logits (B, N, K + 1); with a flow, the last picture is moved along it before it is shifted, its
    border is repeated on all sides, and the flow is not learned from the mixture. `patches`: the numbers (B, N) of the
    patches, counted by rows; None: all. `memory` shows what is beyond the border, if it knows the place; if the world
    `wraps`, that is the opposite side.
    """
    size = int((generated.shape[2] // 3) ** 0.5)
    b, n = generated.shape[:2]
    shares = output.choice.float().softmax(dim=-1)[..., None, None, None]  # (B, N, K + 1, 1, 1, 1)
    rows, columns = _corners(last, size, patches)
    generated = generated.reshape(b, n, size, size, 3).permute(0, 1, 4, 2, 3)
    margin = max((abs(step) for shift in shifts for step in shift), default=0)
    windows, is_inside = (_windows(part, size) for part in _extended(output, last, shifts, margin, memory, wraps))
    picks = torch.arange(b, device=last.device)[:, None]
    copied, copied_share = torch.zeros_like(generated), torch.zeros_like(generated[:, :, :1])
    for number, (across, down) in enumerate(shifts):
        at_rows, at_columns = rows + (margin + down), columns + (margin + across)
        copied = copied + shares[:, :, number] * windows[picks, at_rows, at_columns]
        copied_share = copied_share + shares[:, :, number] * is_inside[picks, at_rows, at_columns]
    generated_share = (1 - copied_share).expand_as(generated)
    mixed = copied + generated_share * generated
    return Mixture(*(part.permute(0, 1, 3, 4, 2).reshape(b, n, -1) for part in (mixed, generated_share)))


def _corners(last: Tensor, size: int, patches: Tensor | None) -> tuple[Tensor, Tensor]:
    """Rows and columns of the first pixels of patches, (B, N) each."""
    across = last.shape[3] // size
    if patches is None:
        patches = torch.arange(across * (last.shape[2] // size), device=last.device).expand(len(last), -1)
    return patches // across * size, patches % across * size


def _extended(
    output: PredictorOutput,
    last: Tensor,
    shifts: Sequence[Shift],
    margin: int,
    memory: EpisodicMemory | None,
    wraps: bool,
) -> Canvas:
    """The last pictures (B, 3, H, W), moved along the flow if there is one, with a margin."""
    if memory is not None:
        return memory.extend(last, shifts, margin)
    is_known = torch.ones_like(last[:, :1])
    if wraps:
        return Canvas(*(F.pad(part, (margin,) * 4, mode="circular") for part in (last, is_known)))
    if output.flow is None:
        return Canvas(*(F.pad(part, (margin,) * 4) for part in (last, is_known)))
    # Beside a motion that is foreseen with an error, the border is the better guess of what comes in, to begin with.
    moved = warp(last, output.flow.detach())
    return Canvas(*(F.pad(part, (margin,) * 4, mode="replicate") for part in (moved, is_known)))


def _windows(picture: Tensor, size: int) -> Tensor:
    """All windows of S × S pixels of a picture (B, C, H, W), by their corner: a view (B, Y, X, C, S, S)."""
    return picture.unfold(2, size, 1).unfold(3, size, 1).permute(0, 2, 3, 1, 4, 5)
