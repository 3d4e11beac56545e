"""Reference networks, the baseline of `benchmarks.networks`: the same two networks, written plainly.

torch's own attention module with a float mask and attention dropout, tokens stacked one by one, frames encoded one
after the other, a separate forward pass to evaluate the loss, one candidate action after the other. They load the
weights of `models` by name, and compute the same numbers without dropout.

Shapes: T history, P tokens of a frame (197), D width, A action channels, C candidate actions.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import AdaptiveWorldModel, MaskedAutoencoderViT, TransformerActionConditionedPredictor

IMAGE_WEIGHT, LATENT_WEIGHT = 0.8, 0.2
DROPOUT = 0.1


class ReferenceBlock(nn.Module):
    """Pre-norm block of the encoder: (1, N, D) to (1, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        normed = self.norm1(x)
        x = x + self.attn(normed, normed, normed)[0]
        return x + self.mlp(self.norm2(x))


class ReferenceAutoencoder(nn.Module):
    """Masked autoencoder for one picture (1, 3, H, W) at a time."""

    def __init__(self, like: MaskedAutoencoderViT) -> None:
        super().__init__()
        config, self.config = like.config, like.config
        self.patch_embed = nn.Conv2d(3, config.width, config.patch_size, config.patch_size)
        self.cls_token = nn.Parameter(like.cls_token.detach().clone())
        self.mask_token = nn.Parameter(like.mask_token.detach().clone())
        self.register_buffer("pos_embed", like.pos_embed.clone())
        self.register_buffer("decoder_pos_embed", like.decoder_pos_embed.clone())
        self.blocks = nn.ModuleList(ReferenceBlock(config.width, config.heads) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(config.width)
        self.decoder_embed = nn.Linear(config.width, config.decoder_width)
        self.decoder_pred = nn.Sequential(
            nn.Linear(config.decoder_width, config.decoder_width),
            nn.ReLU(),
            nn.Linear(config.decoder_width, 3 * config.patch_size**2),
        )
        self.load_state_dict({reference_name(key): value for key, value in like.state_dict().items()})

    def encode(self, image: Tensor, kept: Tensor | None = None) -> Tensor:
        """Latents of a picture's patches, or of those in `kept`."""
        patches = self.patch_embed(image).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]
        if kept is not None:
            patches = patches[:, kept]
        x = torch.cat([self.cls_token + self.pos_embed[:, :1], patches], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def decode(self, latents: Tensor, kept: Tensor | None = None) -> Tensor:
        """A picture from latents, with the mask token for each patch that is not in `kept`."""
        x = self.decoder_embed(latents)[:, 1:]
        if kept is not None:
            whole = self.mask_token.repeat(1, self.config.patches, 1)
            whole[:, kept] = x
            x = whole
        patches = self.decoder_pred(x + self.decoder_pos_embed[:, 1:])
        grid, size = self.config.grid, self.config.patch_size
        return patches.reshape(1, grid, grid, size, size, 3).permute(0, 5, 1, 3, 2, 4).reshape(1, 3, *2 * [grid * size])

    def masked_loss(self, image: Tensor, mask_ratio: float) -> Tensor:
        """Loss of one masked step."""
        kept = torch.randperm(self.config.patches)[: int(self.config.patches * (1 - mask_ratio))]
        return F.mse_loss(self.decode(self.encode(image, kept), kept), image)


class ReferenceLayer(nn.Module):
    """Post-norm layer of the predictor over all tokens: (1, N, D) to (1, N, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(width, heads, dropout=DROPOUT, batch_first=True)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ffn = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[1]
        mask = torch.triu(torch.full((n, n), float("-inf")), diagonal=1)
        x = self.norm1(x + self.dropout(self.self_attn(x, x, x, attn_mask=mask)[0]))
        return self.norm2(x + self.dropout(self.ffn(x)))


class ReferencePredictor(nn.Module):
    """Predictor for one history: list of T latents (1, P, D) and actions (1, T, A) to latents (1, P, D)."""

    def __init__(self, like: TransformerActionConditionedPredictor) -> None:
        super().__init__()
        config, width, action_width = like.config, like.config.width, like.config.action_width
        self.action_embed = nn.ModuleDict({"net": nn.Sequential(
            nn.Linear(like.action_channels, config.action_hidden), nn.GELU(),
            nn.Linear(config.action_hidden, action_width), nn.GELU(), nn.LayerNorm(action_width),
        )})  # fmt: skip
        self.film_layers = nn.ModuleDict({
            str(index): nn.ModuleDict({name: nn.Linear(action_width, width) for name in ("to_gamma", "to_beta")})
            for index in config.film_after
        })  # fmt: skip
        self.action_token_proj = nn.Linear(action_width, width)
        self.position_embedding = nn.Embedding(config.max_tokens, width)
        self.token_type_embedding = nn.Embedding(3, width)
        self.future_query = nn.Parameter(torch.empty(1, 1, width))
        self.dropout = nn.Dropout(DROPOUT)
        self.transformer_layers = nn.ModuleList(ReferenceLayer(width, config.heads) for _ in range(config.layers))
        self.layer_norm = nn.LayerNorm(width)
        self.output_head = nn.Linear(width, width)
        self.load_state_dict(like.state_dict())

    def forward(self, latents: list[Tensor], actions: Tensor) -> Tensor:
        embedded = self.action_embed["net"](actions)
        tokens, types = [], []
        for time, frame in enumerate(latents):
            tokens += [frame[:, index] for index in range(frame.shape[1])]
            tokens.append(self.action_token_proj(embedded[:, time]))
            types += [0] * frame.shape[1] + [1]
        futures = latents[0].shape[1]
        tokens += [self.future_query[:, 0] for _ in range(futures)]
        types += [2] * futures
        x = torch.stack(tokens, dim=1) + self.token_type_embedding(torch.tensor(types))
        x = self.dropout(x + self.position_embedding(torch.arange(len(tokens))))
        for index, layer in enumerate(self.transformer_layers):
            x = layer(x)
            if str(index) in self.film_layers:
                film = self.film_layers[str(index)]
                x = x * (1 + film["to_gamma"](embedded[:, -1:])) + film["to_beta"](embedded[:, -1:])
        return self.output_head(self.layer_norm(x)[:, -futures:])


class ReferenceWorldModel:
    """Both networks with the weights of `like`, and their training steps and sweep; each network has its own AdamW."""

    def __init__(self, like: AdaptiveWorldModel) -> None:
        self.autoencoder = ReferenceAutoencoder(like.autoencoder)
        self.predictor = ReferencePredictor(like.predictor)
        self.optimizers = [torch.optim.AdamW(one.parameters(), lr=1e-4) for one in (self.autoencoder, self.predictor)]

    def autoencoder_step(self, image: Tensor, mask_ratio: float) -> float:
        """Take one masked step on a picture (1, 3, H, W); returns the loss without a mask before it."""
        with torch.no_grad():
            loss = F.mse_loss(self.autoencoder.decode(self.autoencoder.encode(image)), image).item()
        self._step(self.autoencoder.masked_loss(image, mask_ratio), self.optimizers[:1])
        return loss

    def prediction_loss(self, frames: Tensor, actions: Tensor, target: Tensor) -> Tensor:
        """Loss of frames (1, T, 3, H, W), scaled actions (1, T, A) and the next picture (1, 3, H, W)."""
        with torch.no_grad():
            context = [self.autoencoder.encode(frame) for frame in frames.unbind(1)]
        predicted = self.predictor(context, actions)
        image = F.mse_loss(self.autoencoder.decode(predicted), target)
        return IMAGE_WEIGHT * image + LATENT_WEIGHT * F.mse_loss(predicted, self.autoencoder.encode(target))

    def predictor_step(self, frames: Tensor, actions: Tensor, target: Tensor) -> float:
        """Take one joint step; returns the loss in evaluation mode before it."""
        self.predictor.eval()
        with torch.no_grad():
            loss = self.prediction_loss(frames, actions, target).item()
        self.predictor.train()
        self._step(self.prediction_loss(frames, actions, target), self.optimizers)
        self.predictor.eval()
        return loss

    @torch.no_grad()
    def sweep(self, frames: Tensor, actions: Tensor, candidates: Tensor) -> list[Tensor]:
        """Pictures (1, 3, H, W) predicted for each candidate (C, A) in place of the last action."""
        self.predictor.eval()
        pictures = []
        for candidate in candidates:
            context = [self.autoencoder.encode(frame) for frame in frames.unbind(1)]
            changed = torch.cat([actions[:, :-1], candidate[None, None]], dim=1)
            pictures.append(self.autoencoder.decode(self.predictor(context, changed)))
        return pictures

    def _step(self, loss: Tensor, optimizers: list[torch.optim.Optimizer]) -> None:
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()


def reference_name(key: str) -> str:
    """Name in `ReferenceAutoencoder` of a weight of the autoencoder."""
    for ours, plain in (
        ("patch_embed.proj.", "patch_embed."),
        ("attn.qkv.", "attn.in_proj_"),
        ("attn.proj.", "attn.out_proj."),
        ("mlp.fc1.", "mlp.0."),
        ("mlp.fc2.", "mlp.2."),
    ):
        key = key.replace(ours, plain)
    return key
