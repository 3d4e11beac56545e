"""The predictor: latents of past frames and the actions between them to the latents of the next frame.

Owns the network alone; frames and actions are chosen, and predicted latents decoded, elsewhere. Actions arrive scaled
to [-1, 1]; a robot's channels are just a number here.

Shapes: B batch, T history, P tokens of a frame (197), D width, A action channels, E action embedding width,
N tokens of the whole sequence (T·(P + 1) + P, at most 4096), H heads.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.copying import CopyHead, as_shifts
from models.episodic_memory import EpisodicMemory
from models.layers import (
    TOKEN_STD,
    ActionEmbedding,
    CausalLayer,
    CausalSelfAttention,
    Dropout,
    FiLM,
    initialize_linears,
)
from models.motion import MAX_FIELDS, MotionHead
from models.network import MAX_LAYERS, MAX_SIZE, Predictor, PredictorConfig, PredictorOutput, TokenLayout

FRAME_TOKEN, ACTION_TOKEN, FUTURE_TOKEN = 0, 1, 2
EXAMPLE_TOKENS = 8
MAX_REMEMBERED_BYTES = 1 << 28  # a config comes from a file as well, and is built before its tensors are compared
RARELY = -2.0  # logit of the generated patch, beside a moved picture
MAX_SHIFTS, MAX_SHIFT, MAX_REMEMBERED = 256, 1024, 1024


@dataclass(frozen=True)
class ActionPredictorConfig(PredictorConfig):
    """Sizes and options of the predictor; the default sizes are those of existing checkpoints.

    `attention_dropout` drops attention weights in training, as the notebook did (0.1). It is off because on a
    CPU it forces torch's slow attention path, more than half of a training step. `delta_latent` makes the
    network predict the change from the last context frame. `shifts`, columns and rows in turn, let it copy pixels of
    the last frame (`models/copying.py`), and `motion_fields` moves that frame as a whole by the actions before it is
    shifted (`models/motion.py`). Of `remembered` pictures of `picture_size` pixels a side it takes what lies beyond the
    border of that frame (`models/episodic_memory.py`). With `chooses_by_action` the last action by itself favours some
    shifts, of all patches alike, beside what their tokens say. If the world `wraps`, what leaves one side of the
    picture comes in at the other. Raises ValueError if values do not fit together.
    """

    training_only: ClassVar[frozenset[str]] = frozenset({"dropout", "attention_dropout"})
    adopted: ClassVar[frozenset[str]] = frozenset(
        {"shifts", "motion_fields", "remembered", "picture_size", "chooses_by_action", "wraps"}
    )
    width: int = 256
    layers: int = 6
    heads: int = 8
    action_hidden: int = 128
    action_width: int = 64
    max_tokens: int = 4096
    film_after: tuple[int, ...] = (0, 2)
    dropout: float = 0.1
    attention_dropout: float = 0.0
    delta_latent: bool = False
    shifts: tuple[int, ...] = ()
    motion_fields: int = 0
    remembered: int = 0
    picture_size: int = 224
    chooses_by_action: bool = False
    wraps: bool = False

    def __post_init__(self) -> None:
        self.check_sizes(MAX_SIZE, "width", "heads", "action_hidden", "action_width", "max_tokens", "picture_size")
        self.check_sizes(MAX_LAYERS, "layers")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}.")
        if not all(0 <= index < self.layers for index in self.film_after):
            raise ValueError(f"film_after {self.film_after} names a layer that is not one of {self.layers}.")
        if len(self.shifts) % 2 or len(self.shifts) > 2 * MAX_SHIFTS or any(abs(n) > MAX_SHIFT for n in self.shifts):
            raise ValueError(f"shifts are not pairs of numbers up to {MAX_SHIFT}, {MAX_SHIFTS} at most.")
        if not 0 <= self.motion_fields <= MAX_FIELDS or (self.motion_fields and not self.shifts):
            raise ValueError(f"motion_fields is not from 0 to {MAX_FIELDS}, or there are no shifts.")
        if self.chooses_by_action and not self.shifts:
            raise ValueError("chooses_by_action is of use to a predictor with shifts.")
        if self.wraps and (not self.shifts or max(map(abs, self.shifts)) > self.picture_size):
            raise ValueError("wraps is of use to a predictor with shifts, none of them wider than the picture.")
        if self.wraps and (self.remembered or self.motion_fields):
            raise ValueError("wraps excludes remembered pictures and motion_fields.")
        if not 0 <= self.remembered <= MAX_REMEMBERED:
            raise ValueError(f"remembered is not from 0 to {MAX_REMEMBERED}.")
        if 3 * self.remembered * self.picture_size**2 > MAX_REMEMBERED_BYTES:
            raise ValueError(f"remembered pictures take more than {MAX_REMEMBERED_BYTES} bytes.")
        if self.remembered and (self.motion_fields or not self.shifts):
            raise ValueError("remembered pictures are of use to a predictor with shifts and without motion_fields.")
        for name, rate in (("dropout", self.dropout), ("attention_dropout", self.attention_dropout)):
            if not 0 <= rate < 1:
                raise ValueError(f"{name} {rate} is not in [0, 1).")

    def build(self, action_channels: int) -> "TransformerActionConditionedPredictor":
        """A predictor of these sizes with random weights, for a robot with this number of action channels."""
        return TransformerActionConditionedPredictor(action_channels, self)


def gather_tokens(tokens: Tensor, positions: Tensor) -> Tensor:
    """The tokens (B, N, D) at positions (B, K): (B, K, D)."""
    return tokens.gather(1, positions[..., None].expand(-1, -1, tokens.shape[2]))


def sequence_positions(subset: Tensor, t: int, p: int) -> Tensor:
    """Positions in the whole sequence, (B, T·(K + 1) + K), of the tokens `subset` (B, K) of each of `t` frames of `p`
    tokens, of all actions, and of the same future tokens."""
    action = subset.new_full((len(subset), 1), p)
    frame = torch.cat([subset, action], dim=1)
    return torch.cat([frame + index * (p + 1) for index in range(t + 1)], dim=1)[:, :-1]


class TransformerActionConditionedPredictor(Predictor):
    """Causal transformer over frame, action and future tokens, modulated by the last action (FiLM, arXiv 1709.07871).

    Called with latents (B, T, P, D) and scaled actions (B, T, A), where action i leads from frame i to the
    next one and the last action to the frame to predict; returns its latents (B, P, D).
    """

    action_parts = ("action_embed.", "action_token_proj.", "film_layers.", "motion_head.", "action_choice.")
    action_input = "action_embed.net.0.weight"  # (hidden, A): the one shape that depends on the robot

    def __init__(self, action_channels: int, config: ActionPredictorConfig = ActionPredictorConfig()) -> None:
        super().__init__()
        if action_channels < 1:
            raise ValueError(f"action_channels {action_channels} is not at least 1.")
        self.action_channels = action_channels
        self.config = config
        width, action_width = config.width, config.action_width
        self.action_embed = ActionEmbedding(action_channels, config.action_hidden, action_width)
        self.film_layers = nn.ModuleDict({str(index): FiLM(action_width, width) for index in config.film_after})
        self.action_token_proj = nn.Linear(action_width, width)
        self.position_embedding = nn.Embedding(config.max_tokens, width)
        self.token_type_embedding = nn.Embedding(3, width)
        self.future_query = nn.Parameter(torch.empty(1, 1, width))
        self.dropout = Dropout(config.dropout)
        self.transformer_layers = nn.ModuleList(
            CausalLayer(width, config.heads, config.dropout, config.attention_dropout) for _ in range(config.layers)
        )
        self.layer_norm = nn.LayerNorm(width)
        self.output_head = nn.Linear(width, width)
        self.shifts, self.wraps = as_shifts(config.shifts), config.wraps
        if self.shifts:
            # A moved picture is a good guess before anything is learned, a generated one is not.
            self.copy_head = CopyHead(width, len(self.shifts), RARELY if config.motion_fields else 0.0)
        if config.chooses_by_action:
            self.action_choice = CopyHead(action_width, len(self.shifts))
        if config.motion_fields:
            self.motion_head = MotionHead(action_channels, config.motion_fields)
        if config.remembered:
            self.memory = EpisodicMemory(config.remembered, config.picture_size)
        self.reset_weights()

    def reset_weights(self, generator: torch.Generator | None = None) -> None:
        """Draw all weights anew, from `generator` or torch's own; FiLM starts as the identity, the memory empty."""
        initialize_linears(self, generator)
        for tokens in (self.position_embedding.weight, self.token_type_embedding.weight, self.future_query):
            nn.init.normal_(tokens, std=TOKEN_STD, generator=generator)
        for part in self.modules():
            if isinstance(part, CausalSelfAttention):
                part.reset_weights(generator)
            elif isinstance(part, FiLM | CopyHead):
                part.reset_weights()
            elif isinstance(part, MotionHead):
                part.reset_fields(generator)
            elif isinstance(part, EpisodicMemory):
                part.clear()

    def layer_groups(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            ("Action embedding", ("action_embed.",)),
            ("FiLM", ("film_layers.",)),
            ("Action token", ("action_token_proj.",)),
            ("Position embedding", ("position_embedding.",)),
            ("Token types, future query", ("token_type_embedding.", "future_query")),
            *((f"Layer {index + 1}", (f"transformer_layers.{index}.",)) for index in range(self.config.layers)),
            ("Output", ("layer_norm.", "output_head.")),
            ("Copying", ("copy_head.", "action_choice.")),
            ("Motion of the picture", ("motion_head.",)),
        ]

    def example_output(self) -> Tensor:
        """The prediction from one frame of a few equal tokens and an action in the middle of its range."""
        latents = torch.ones(1, 1, EXAMPLE_TOKENS, self.config.width)
        return self(latents, torch.zeros(1, 1, self.action_channels))

    def _sequence(self, latents: Tensor, embedded: Tensor) -> Tensor:
        """Each frame's tokens and its action's token, then the future queries: (B, N, D), without positions."""
        b, t, p, d = latents.shape
        action_tokens = self.action_token_proj(embedded)[:, :, None]  # (B, T, 1, D)
        history = torch.cat([latents, action_tokens], dim=2).reshape(b, t * (p + 1), d)
        return torch.cat([history, self.future_query.expand(b, p, d)], dim=1)

    def token_layout(self, t: int, p: int) -> TokenLayout:
        """The tokens that the network processes of a history of `t` frames of `p` tokens: the oldest are cut."""
        device = self.future_query.device
        kinds = torch.full((t + 1, p + 1), FRAME_TOKEN, device=device)
        kinds[:, -1] = ACTION_TOKEN
        kinds[-1] = FUTURE_TOKEN
        places = torch.arange(t + 1, device=device)[:, None].repeat(1, p + 1)
        places[-1] = -1
        # No action follows the future: the last of the t + 1 rows is one token shorter.
        return TokenLayout(*(self._newest(x.flatten()[:-1], dim=0) for x in (kinds, places)))

    def _newest(self, x: Tensor, dim: int) -> Tensor:
        """The last `max_tokens` tokens of a whole sequence along `dim`; the oldest are cut."""
        count = min(x.shape[dim], self.config.max_tokens)
        return x.narrow(dim, x.shape[dim] - count, count)

    def _embed(self, latents: Tensor, embedded: Tensor) -> Tensor:
        """The sequence with types and positions, its oldest tokens cut: (B, N, D)."""
        _, t, p, _ = latents.shape
        tokens = self._newest(self._sequence(latents, embedded), dim=1)
        tokens = tokens + self.token_type_embedding(self.token_layout(t, p).kinds)
        # Positions are counted after the cut: the oldest remaining token has position 0.
        return self.dropout(tokens + self.position_embedding.weight[: tokens.shape[1]])

    def _embed_inputs(self, latents: Tensor, actions: Tensor) -> tuple[Tensor, Tensor]:
        """The input of the first layer (B, N, D), and the last action's embedding (B, E)."""
        b, t, _, d = latents.shape
        assert d == self.config.width, f"expected latents {self.config.width} wide, got {d}"
        expected = (b, t, self.action_channels)
        assert t > 0 and actions.shape == expected, f"expected actions {expected}, got {tuple(actions.shape)}"
        embedded = self.action_embed(actions)
        return self._embed(latents, embedded), embedded[:, -1]

    def _apply_layer(self, index: int, tokens: Tensor, action: Tensor, queries: int) -> Tensor:
        """The last Q tokens after a layer and its FiLM, if it has one: (B, N, D) to (B, Q, D)."""
        return self._modulate(index, self.transformer_layers[index](tokens, queries=queries), action)

    def _modulate(self, index: int, tokens: Tensor, action: Tensor) -> Tensor:
        """Tokens (B, N, D) after the FiLM of a layer, unchanged if it has none."""
        return self.film_layers[str(index)](tokens, action) if str(index) in self.film_layers else tokens

    def _output(self, tokens: Tensor, action: Tensor, last_frame: Tensor, first: int) -> PredictorOutput:
        """Tokens (B, N, D) through the layers from `first` on, to the next frame's latents, of the same tokens as those
        of the last context frame: (B, P, D)."""
        p, last = last_frame.shape[1], len(self.transformer_layers) - 1
        for index in range(first, last + 1):
            # The last layer's older tokens are not used: leaving them out is exact and saves most of a layer.
            tokens = self._apply_layer(index, tokens, action, queries=p if index == last else tokens.shape[1])
        tokens = self.layer_norm(tokens[:, -p:])
        predicted = self.output_head(tokens).to(last_frame.dtype)  # autocast rounds it
        if self.config.delta_latent:
            predicted = predicted + last_frame
        return PredictorOutput(predicted, self._choice(tokens, action) if self.shifts else None)

    def _choice(self, tokens: Tensor, action: Tensor) -> Tensor:
        """Logits (B, P - 1, K + 1) of the K shifts and of the generated patch; the class token is no patch."""
        choice = self.copy_head(tokens[:, 1:])
        return choice + self.action_choice(action)[:, None] if self.config.chooses_by_action else choice

    def flow(self, actions: Tensor) -> Tensor | None:
        """The flow (B, 2, G, G) of the picture under scaled actions (B, T, A); None without motion fields."""
        return self.motion_head(actions) if self.config.motion_fields else None

    def forward(self, latents: Tensor, actions: Tensor, subset: Tensor | None = None) -> Tensor:
        """Latents (B, T, P, D) and scaled actions (B, T, A) to the next frame's latents (B, P, D).

        `subset`, integers (B, K) below P: only these tokens of every frame are used and predicted, to (B, K, D). A
        training step on a few tokens costs a fraction (patch dropout: Liu et al. 2022, arXiv 2208.07220).
        """
        return self.output(latents, actions, subset).latents

    def output(self, latents: Tensor, actions: Tensor, subset: Tensor | None = None) -> PredictorOutput:
        """`forward`, with the choice of a predictor that copies pixels; the first token of `subset` is the class."""
        tokens, action = self._embed_inputs(latents, actions)
        if subset is None:
            return self._output(tokens, action, latents[:, -1], first=0)._replace(flow=self.flow(actions))
        _, t, p, _ = latents.shape
        assert tokens.shape[1] == (t + 1) * (p + 1) - 1, "a history that is cut cannot be thinned"
        tokens = gather_tokens(tokens, sequence_positions(subset, t, p))
        output = self._output(tokens, action, gather_tokens(latents[:, -1], subset), first=0)
        return output._replace(flow=self.flow(actions))

    def sweep(self, latents: Tensor, actions: Tensor) -> PredictorOutput:
        """`output` of one history with several last actions: latents (1, T, P, D), scaled actions (C, T, A) that
        differ in the last action alone, to latents (C, P, D).

        Tokens before the last action do not depend on it until the first FiLM: they are computed once for all.
        """
        c, last = len(actions), latents.shape[2] + 1  # the last action and the future tokens
        tokens, action = self._embed_inputs(latents.expand(c, -1, -1, -1), actions)
        before, tokens = tokens[:1, :-last], tokens[:, -last:]
        first = self.transformer_layers[0]
        tokens = first(tokens, queries=last, before=before)
        before = first(before, queries=before.shape[1]).expand(c, -1, -1)
        tokens = self._modulate(0, torch.cat([before, tokens], dim=1), action)
        return self._output(tokens, action, latents[:, -1], first=1)._replace(flow=self.flow(actions))

    def attention(self, latents: Tensor, actions: Tensor, layers: Collection[int]) -> dict[int, Tensor]:
        """Attention of the future tokens in these layers, counted from 0: (B, H, P, N) float32 each.

        Takes latents and actions as `forward` does. Only these weights are stored, and no layer after the last
        requested one is run: eight frames are 1,781 tokens, and the weights of all tokens in all layers would be
        600 MB.
        """
        assert layers and set(layers) <= set(range(self.config.layers)), f"{layers} are not layers of the predictor"
        tokens, action = self._embed_inputs(latents, actions)
        p, last = latents.shape[2], max(layers)
        weights = {}
        for index in range(last + 1):
            if index in layers:
                weights[index] = self.transformer_layers[index].self_attn.weights(tokens, queries=p)
            if index < last:
                tokens = self._apply_layer(index, tokens, action, queries=tokens.shape[1])
        return weights
