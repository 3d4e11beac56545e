"""The contract of a network: the members that the world model, training, checkpoints and introspection use.

Owns the abstract classes alone. A new network is a file with a frozen config dataclass (a `NetworkConfig`) and a class
that it builds (a `Predictor`), and one row of `PREDICTORS` in `adaptive_world_model.py`.

Shapes: B batch, T history, P tokens of a frame (197), K tokens that are used of them, D width, A action channels,
C candidate actions, H heads, N tokens of the whole sequence.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from models.episodic_memory import EpisodicMemory

Network = Literal["autoencoder", "predictor"]
NETWORKS: tuple[Network, ...] = ("autoencoder", "predictor")
MAX_SIZE, MAX_LAYERS = 1 << 16, 128


class NetworkConfig(ABC):
    """Base of the config dataclasses. Fields are numbers, booleans, texts or tuples of them: checkpoints store them.

    `training_only` names the fields that change training alone: weights saved with other values fit all the same.
    `adopted` names those that a network in use takes over from a checkpoint: it is replaced by one of these values.
    """

    training_only: ClassVar[frozenset[str]] = frozenset()
    adopted: ClassVar[frozenset[str]] = frozenset()
    width: int

    def check_sizes(self, largest: int, *names: str) -> None:
        """Raises ValueError if one of the named fields is not from 1 to `largest`."""
        # The limits also keep a config that comes from a file from stalling the program.
        for name in names:
            if not 1 <= vars(self)[name] <= largest:
                raise ValueError(f"{name} {vars(self)[name]} is not from 1 to {largest}.")


class PredictorConfig(NetworkConfig):
    """Base of the predictors' configs; `layers` and `heads` are those of its attention."""

    layers: int
    heads: int

    @abstractmethod
    def build(self, action_channels: int) -> "Predictor":
        """A predictor of these sizes with random weights, for a robot with this number of action channels."""


class PredictorOutput(NamedTuple):
    """The next frame's latents (B, P, D) and, of a predictor that copies pixels, the logits (B, P - 1, S + 1) of its S
    shifts and of the decoded latents, for each patch, and the flow (B, 2, G, G) along which the last picture moves, if
    it foresees one (`models/motion.py`)."""

    latents: Tensor
    choice: Tensor | None = None
    flow: Tensor | None = None


class TokenLayout(NamedTuple):
    """The tokens of a sequence, integers (N,): their kinds and their frames 0..T-1 in the history, -1 for future."""

    kinds: Tensor
    places: Tensor


class NetworkModule(nn.Module, ABC):
    """Base of all networks of a world model."""

    kind: ClassVar[Network]
    config: NetworkConfig

    @abstractmethod
    def reset_weights(self, generator: torch.Generator | None = None) -> None:
        """Draw all learned weights anew, from `generator` or torch's own."""

    @abstractmethod
    def layer_groups(self) -> list[tuple[str, tuple[str, ...]]]:
        """The layers in the order of computation: a title, and how the names of their parameters begin.

        Every parameter belongs to exactly one; a group without parameters is skipped.
        """

    @abstractmethod
    def example_output(self) -> Tensor:
        """The output for a plain input, a test for weights whose outputs are not finite."""


class Predictor(NetworkModule):
    """Base of the networks that predict the next frame's latents.

    `action_parts`: how the names of the parameters begin that take in the actions.
    """

    kind: ClassVar[Network] = "predictor"
    action_parts: ClassVar[tuple[str, ...]]
    action_channels: int
    position_embedding: nn.Embedding
    shifts: Sequence[tuple[int, int]] = ()  # by which it copies pixels, columns and rows (`models/copying.py`)
    wraps: bool = False  # what leaves one side of a picture comes in at the other
    memory: EpisodicMemory | None  # of pictures that show what is beyond the last frame

    def __init__(self) -> None:
        super().__init__()
        self.memory = None

    @abstractmethod
    def forward(self, latents: Tensor, actions: Tensor, subset: Tensor | None = None) -> Tensor:
        """Latents (B, T, P, D) and scaled actions (B, T, A) to the next frame's latents (B, P, D).

        `subset`, integers (B, K) below P: only these tokens of every frame are used and predicted, to (B, K, D).
        """

    def output(self, latents: Tensor, actions: Tensor, subset: Tensor | None = None) -> PredictorOutput:
        """`forward`, with the choice of a predictor that copies pixels."""
        return PredictorOutput(self(latents, actions, subset))

    def sweep(self, latents: Tensor, actions: Tensor) -> PredictorOutput:
        """`output` of one history with several last actions: latents (1, T, P, D), scaled actions (C, T, A) that
        differ in the last action alone, to latents (C, P, D)."""
        return self.output(latents.expand(len(actions), -1, -1, -1), actions)

    @abstractmethod
    def token_layout(self, t: int, p: int) -> TokenLayout:
        """The tokens that the network processes of a history of `t` frames of `p` tokens."""

    @abstractmethod
    def attention(self, latents: Tensor, actions: Tensor, layers: Collection[int]) -> dict[int, Tensor]:
        """Attention of the future tokens in these layers, counted from 0: (B, H, P, N) float32 each."""
