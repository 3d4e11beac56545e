"""Initialization of the predictor by space and time, in place of the random one.

From random weights a predictor must learn from pictures alone that the tokens of neighbouring patches are related; on a
picture that is black except for a dot it does not, within hours. Here the position embeddings begin with a code of row,
column and frame, and each head attends to one fixed patch of the previous frame: the same one, or a neighbour (the
convolutional initialization of ConViT, d'Ascoli et al. 2021, arXiv 2103.10697, with queries and keys of sines and
cosines that rotate with the offset). All weights remain trainable.

Sizes, of a predictor D wide: row and column have 3/8 of the width each, the frame 1/4. The same shares of a head.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from models.action_predictor import TransformerActionConditionedPredictor
from models.copying import Shift

CODE_SCALE = 1.5  # beside latents, whose spread is 1
GAIN = 1.4  # of queries and of keys: about half of a head's attention falls on its patch at the start
Offset = tuple[int, int]  # rows and columns from a patch to the one that is attended to
OFFSETS: tuple[Offset, ...] = ((0, 0), (0, -1), (0, 1), (-1, 0), (1, 0), (0, -2), (0, 2))
FREE_HEADS = 1
FRAMES_BACK = 1


def initialize_spatiotemporal(
    predictor: TransformerActionConditionedPredictor, grid: int, patch_size: int = 16
) -> None:
    """Initialize a predictor of frames of grid × grid patches, in place.

    The heads of a predictor that copies pixels attend to the patches that its first shifts come from. Raises
    ValueError if the width of a head is not a multiple of 16.
    """
    config = predictor.config
    if config.width // config.heads % 16:
        raise ValueError(f"a head is {config.width // config.heads} wide, which is not a multiple of 16.")
    frames = math.ceil(config.max_tokens / (grid * grid + 2))
    offsets = attended_offsets(predictor.shifts, patch_size, config.heads - FREE_HEADS)
    with torch.no_grad():
        code = _sequence_code(config.width, grid, frames)[: config.max_tokens]
        predictor.position_embedding.weight[: len(code)] += CODE_SCALE * code.to(predictor.future_query.device)
        for layer in predictor.transformer_layers:
            _set_attention(layer.self_attn.in_proj_weight, config.heads, offsets, grid, frames)


def _frequencies(count: int, positions: int) -> Tensor:
    """Radians per position: from half a turn over all positions to half a turn each."""
    return math.pi * torch.linspace(1 / positions, 1, count)


def _code(positions: int, width: int) -> Tensor:
    """Sines, then cosines of positions 0, 1, …: (positions, width)."""
    angles = torch.arange(positions)[:, None] * _frequencies(width // 2, positions)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def _sequence_code(width: int, grid: int, frames: int) -> Tensor:
    """The codes of all tokens of a sequence, (frames·(P + 1), D): class token, patches and action of each frame."""
    space, time = _code(grid, width * 3 // 8), _code(frames, width // 4)
    # Class token and action have no position in the picture.
    blank = torch.zeros(1, 2 * space.shape[1])
    patches = torch.cat([space.repeat_interleave(grid, dim=0), space.repeat(grid, 1)], dim=1)
    frame = torch.cat([blank, patches, blank])  # (P + 1, 3/4 D)
    return torch.cat([frame.repeat(frames, 1), time.repeat_interleave(len(frame), dim=0)], dim=1)


def attended_offsets(shifts: Sequence[Shift], patch_size: int, count: int) -> list[Offset]:
    """Up to `count` offsets: of the patches that a patch overlaps after each shift, then those of `OFFSETS`."""
    overlapped = [
        (row, column)
        for across, down in shifts
        for row in dict.fromkeys((math.floor(down / patch_size), math.ceil(down / patch_size)))
        for column in dict.fromkeys((math.floor(across / patch_size), math.ceil(across / patch_size)))
    ]
    return list(dict.fromkeys([*overlapped, *OFFSETS]))[:count]


def _set_attention(in_proj_weight: Tensor, heads: int, offsets: Sequence[Offset], grid: int, frames: int) -> None:
    """Let head h attend to `offsets[h]` in the previous frame; in_proj_weight (3·D, D): queries, keys, values."""
    width = in_proj_weight.shape[1]
    size = width // heads
    for head, (rows, columns) in enumerate(offsets):
        query, key = _query_and_key(width, size, grid, frames, (rows, columns, -FRAMES_BACK))
        rows_of_head = slice(head * size, (head + 1) * size)
        in_proj_weight[:width][rows_of_head] = query.to(in_proj_weight.device)
        in_proj_weight[width : 2 * width][rows_of_head] = key.to(in_proj_weight.device)


def _query_and_key(
    width: int, size: int, grid: int, frames: int, offset: tuple[int, int, int]
) -> tuple[Tensor, Tensor]:
    """Both (size, D). Their product is the sum of cos(f·(query's position + offset − key's position)) over some
    frequencies f of row, column and frame: largest if the key is `offset` (rows, columns, frames) away."""
    query, key = torch.zeros(size, width), torch.zeros(size, width)
    row, first = 0, 0
    for (share, positions), distance in zip(
        ((width * 3 // 8, grid),) * 2 + ((width // 4, frames),), offset, strict=True
    ):
        half, count = share // 2, share * size // width // 2
        frequencies = _frequencies(half, positions)
        for pick in torch.linspace(0, half - 1, count).round().int().tolist():
            sine, cosine = first + pick, first + half + pick
            turn = float(frequencies[pick]) * distance
            query[row, sine] = query[row + 1, cosine] = GAIN
            key[row, sine] = key[row + 1, cosine] = GAIN * math.cos(turn)
            key[row, cosine], key[row + 1, sine] = -GAIN * math.sin(turn), GAIN * math.sin(turn)
            row += 2
        first += share
    return query, key
