"""Building blocks of both networks: positions, attention, feed-forward parts and FiLM.

Owns layers without knowledge of pictures, frames or robots. The networks that arrange them are in
`masked_autoencoder.py` and `action_predictor.py`. Attribute names are those of existing checkpoints.

Shapes: B batch, N tokens, Q query tokens (the last ones), D width, H heads, E width of an action embedding.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TOKEN_STD = 0.02  # spread of learned tokens and embeddings at the start, as in the masked autoencoder paper


def sincos_positions(grid: int, width: int) -> Tensor:
    """Fixed 2-D sine-cosine positions for a class token and a row-major square grid of patches.

    Returns (1, 1 + grid², width) float32; the class token's position is zero, the first half of the width
    encodes the row and the second the column, both as coordinates in [0, 1].
    """
    # For shapes alone, torch would load its symbolic mathematics: two seconds of a program's start.
    if torch.get_default_device().type == "meta":
        return torch.empty(1, 1 + grid**2, width)
    quarter = width // 4
    # float64 until the end: float32 powers and angles cost three digits at the high frequencies.
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.linspace(0, 1, grid, dtype=torch.float64)[:, None] * frequencies
    line = torch.cat([angles.sin(), angles.cos()], dim=1)  # (grid, D/2)
    rows = line[:, None].expand(grid, grid, 2 * quarter)
    columns = line[None, :].expand(grid, grid, 2 * quarter)
    patches = torch.cat([rows, columns], dim=2).reshape(grid * grid, width)
    return torch.cat([torch.zeros(1, width, dtype=torch.float64), patches])[None].float()


def initialize_linears(module: nn.Module, generator: torch.Generator | None) -> None:
    """Fill every Linear (Xavier uniform, zero bias) and reset every LayerNorm inside `module`, in order."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight, generator=generator)
            nn.init.zeros_(part.bias)
        elif isinstance(part, nn.LayerNorm):
            part.reset_parameters()


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, N, D) to (B, H, N, D/H)."""
    b, n, d = x.shape
    return x.reshape(b, n, heads, d // heads).transpose(1, 2)


def join_heads(x: Tensor) -> Tensor:
    """(B, H, N, D/H) to (B, N, D)."""
    b, h, n, width = x.shape
    return x.transpose(1, 2).reshape(b, n, h * width)


class Attention(nn.Module):
    """Self-attention of all tokens to all tokens: (B, N, D) to (B, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (split_heads(part, self.heads) for part in self.qkv(x).chunk(3, dim=-1))
        return self.proj(join_heads(F.scaled_dot_product_attention(query, key, value)))


class Mlp(nn.Module):
    """Linear, exact GELU, Linear, four times as wide inside: (B, N, D) to (B, N, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    """Pre-norm transformer block of the autoencoder's encoder: (B, N, D) to (B, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def causal_mask(queries: int, keys: int, device: torch.device) -> Tensor:
    """(Q, N) booleans, true for the keys that each of the last Q of N tokens may attend to: itself and earlier ones."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(diagonal=keys - queries)


class CausalSelfAttention(nn.Module):
    """Attention of the last Q tokens to themselves and everything before: (B, N, D) to (B, Q, D).

    `before` (1, M, D): tokens that precede those of every sequence of a batch, passed once for all.
    """

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def reset_weights(self, generator: torch.Generator | None) -> None:
        """Xavier weights and zero biases for the joint projection (`initialize_linears` skips what is no Linear)."""
        nn.init.xavier_uniform_(self.in_proj_weight, generator=generator)
        nn.init.zeros_(self.in_proj_bias)

    def _project(self, x: Tensor, queries: int, before: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Queries (B, H, Q, D/H) of the last tokens, keys and values (B, H, N, D/H) of all, those of `before` first."""
        n, width = x.shape[1], x.shape[2]
        query = F.linear(x[:, n - queries :], self.in_proj_weight[:width], self.in_proj_bias[:width])
        key, value = self._keys_and_values(x)
        if before is not None:
            shared = (part.expand(x.shape[0], -1, -1) for part in self._keys_and_values(before))
            key, value = (torch.cat(parts, dim=1) for parts in zip(shared, (key, value), strict=True))
        return split_heads(query, self.heads), split_heads(key, self.heads), split_heads(value, self.heads)

    def _keys_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        width = x.shape[2]
        return F.linear(x, self.in_proj_weight[width:], self.in_proj_bias[width:]).chunk(2, dim=-1)

    def weights(self, x: Tensor, queries: int) -> Tensor:
        """Attention of each of the last Q tokens on all tokens: (B, H, Q, N) float32, rows sum to 1."""
        query, key, _ = self._project(x, queries)
        scores = query @ key.transpose(-2, -1) / query.shape[-1] ** 0.5
        is_hidden = ~causal_mask(queries, x.shape[1], x.device)
        return scores.masked_fill_(is_hidden, float("-inf")).softmax(dim=-1, dtype=torch.float32)

    def forward(self, x: Tensor, queries: int, before: Tensor | None = None) -> Tensor:
        query, key, value = self._project(x, queries, before)
        n = key.shape[2]
        # is_causal aligns fewer queries with the first keys, not the last: those need an explicit mask.
        is_whole = queries == n
        attended = F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if is_whole else causal_mask(queries, n, x.device),
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=is_whole,
        )
        return self.out_proj(join_heads(attended))


class Dropout(nn.Module):
    """Dropout whose random numbers come from `generator` if one is set, else from torch's own.

    A training run that draws from a generator of its own can be stopped and resumed to the bit, no matter what other
    threads of the process draw meanwhile; torch's dropout can use only the generator that all threads share.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        mask = torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator)
        return x * mask.div_(1 - self.rate)


class CausalLayer(nn.Module):
    """Post-norm transformer layer of the predictor, for the last Q tokens: (B, N, D) to (B, Q, D).

    `before`: tokens (1, M, D) that precede those of every sequence of the batch.
    """

    def __init__(self, width: int, heads: int, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        self.self_attn = CausalSelfAttention(width, heads, attention_dropout)
        self.norm1 = nn.LayerNorm(width, eps=1e-5)
        self.norm2 = nn.LayerNorm(width, eps=1e-5)
        self.ffn = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, queries: int, before: Tensor | None = None) -> Tensor:
        attended = self.self_attn(x, queries, before)
        x = self.norm1(x[:, x.shape[1] - queries :] + self.dropout(attended))
        return self.norm2(x + self.dropout(self.ffn(x)))


class FiLM(nn.Module):
    """Feature-wise modulation x·(1+γ)+β by an action embedding (Perez et al. 2017, arXiv 1709.07871).

    Takes tokens (B, N, D) and embeddings (B, E); returns (B, N, D). γ and β start at zero: the identity.
    """

    def __init__(self, embedding_width: int, width: int) -> None:
        super().__init__()
        self.to_gamma = nn.Linear(embedding_width, width)
        self.to_beta = nn.Linear(embedding_width, width)

    def reset_weights(self) -> None:
        """Make the modulation the identity."""
        for linear in (self.to_gamma, self.to_beta):
            nn.init.zeros_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        gamma = self.to_gamma(embedding)[:, None]  # (B, 1, D): the same for every token
        beta = self.to_beta(embedding)[:, None]
        return x * (1 + gamma) + beta


class ActionEmbedding(nn.Module):
    """Scaled actions (..., A) to embeddings (..., E)."""

    def __init__(self, action_channels: int, hidden: int, width: int) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(action_channels, hidden),
            nn.GELU(),
            nn.Linear(hidden, width),
            nn.GELU(),
            nn.LayerNorm(width),
        )

    def forward(self, actions: Tensor) -> Tensor:
        return self.net(actions)
