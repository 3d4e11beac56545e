"""Motion of the whole picture: where each of its points was in the last frame, by the last actions alone.

A camera that drives and turns moves its picture by amounts that no list of shifts names: what is near moves further,
and every steering moves it by another amount. The flow is a mean field and a few further ones, whose coefficients a
small network takes from the actions, and the last picture is sampled along it (Jaderberg et al. 2015, arXiv
1506.02025). It sees no picture: so few numbers are fitted to a thousand frames in seconds, and cannot memorize them.

Shapes: B batch, T history, A action channels, F fields, G points along a side of a field, H and W picture.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

ACTIONS = 3  # the last ones: what a car does now follows from its steering of a moment ago
GRID = 7
HIDDEN = 32
FIRST_FIELD = 0.15  # of the picture's size: most robots turn, and the fit of small motions finds no large one
MAX_FIELDS = 64


class MotionHead(nn.Module):
    """Scaled actions (B, T, A) to the flow (B, 2, G, G): columns and rows, in sizes of the picture, from points of the
    next frame to those of the last one that look the same."""

    def __init__(self, action_channels: int, fields: int) -> None:
        super().__init__()
        # Beside each action a 1, or a 0 if the history is too short for it.
        self.net = nn.Sequential(
            nn.Linear(ACTIONS * (action_channels + 1), HIDDEN), nn.GELU(), nn.Linear(HIDDEN, fields)
        )
        self.mean = nn.Parameter(torch.empty(2, GRID, GRID))
        self.fields = nn.Parameter(torch.empty(fields, 2, GRID, GRID))
        self.reset_fields()

    def reset_fields(self, generator: torch.Generator | None = None) -> None:
        """No motion on average; the first field is a turn to the side, the others are small and random."""
        nn.init.zeros_(self.mean)
        nn.init.normal_(self.fields, std=1e-3, generator=generator)
        with torch.no_grad():
            self.fields[0, 0] = FIRST_FIELD

    def forward(self, actions: Tensor) -> Tensor:
        recent = F.pad(actions[:, -ACTIONS:].flip(1), (0, 1), value=1.0)  # (B, up to ACTIONS, A + 1), newest first
        recent = F.pad(recent, (0, 0, 0, ACTIONS - recent.shape[1]))
        return self.mean + torch.einsum("bf,fcij->bcij", self.net(recent.flatten(1)), self.fields)


def warp(last: Tensor, flow: Tensor) -> Tensor:
    """The last picture (B, C, H, W) moved along a flow (B, 2, G, G); what comes in at the edges is its border again."""
    high, wide = last.shape[2:]
    fine = F.interpolate(flow, size=(high, wide), mode="bilinear", align_corners=False)
    rows, columns = (2 * (torch.arange(size, device=last.device) + 0.5) / size - 1 for size in (high, wide))
    still = torch.stack([columns.expand(high, wide), rows[:, None].expand(high, wide)])
    places = (still + 2 * fine).permute(0, 2, 3, 1)  # (B, H, W, 2), from -1 to 1 over the picture
    return F.grid_sample(last, places, padding_mode="border", align_corners=False)
