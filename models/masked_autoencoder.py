"""The masked autoencoder: pictures to latents and back (He et al. 2021, arXiv 2111.06377).

Owns the network and its losses on pictures. Optimizers, schedules and files are elsewhere.
Method names follow the paper's published program; the decoder is smaller than there: no attention.

Shapes: B batch, H and W picture height and width, P tokens of a frame (197: class token and 196 patches),
K patches that remain after masking, D width.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.layers import TOKEN_STD, Block, initialize_linears, sincos_positions
from models.network import MAX_LAYERS, MAX_SIZE, NetworkConfig, NetworkModule


@dataclass(frozen=True)
class MaskedAutoencoderConfig(NetworkConfig):
    """Sizes of the autoencoder; the defaults are those of existing checkpoints.

    Raises ValueError if the sizes do not fit together.
    """

    image_size: int = 224
    patch_size: int = 16
    width: int = 256
    blocks: int = 5
    heads: int = 4
    decoder_width: int = 128

    def __post_init__(self) -> None:
        self.check_sizes(MAX_SIZE, "image_size", "patch_size", "width", "heads", "decoder_width")
        self.check_sizes(MAX_LAYERS, "blocks")
        if self.image_size % self.patch_size:
            raise ValueError(f"image_size {self.image_size} is not a multiple of patch_size {self.patch_size}.")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of heads {self.heads}.")
        for name, width in (("width", self.width), ("decoder_width", self.decoder_width)):
            if width % 4:
                raise ValueError(f"{name} {width} is not a multiple of 4, which the positions need.")

    def build(self) -> "MaskedAutoencoderViT":
        """An autoencoder of these sizes with random weights."""
        return MaskedAutoencoderViT(self)

    @property
    def grid(self) -> int:
        """Patches along one side of a picture."""
        return self.image_size // self.patch_size

    @property
    def patches(self) -> int:
        """Patches of a picture."""
        return self.grid**2

    @property
    def tokens(self) -> int:
        """Tokens of a picture: its patches and the class token."""
        return self.patches + 1


class PatchEmbed(nn.Module):
    """Pictures (B, 3, H, W) to one token a patch, row by row: (B, P - 1, D)."""

    def __init__(self, patch_size: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, width, kernel_size=patch_size, stride=patch_size)

    def forward(self, images: Tensor) -> Tensor:
        return self.proj(images).flatten(2).transpose(1, 2)


class MaskedAutoencoderViT(NetworkModule):
    """Masked autoencoder over RGB pictures in [0, 1] (He et al. 2021, arXiv 2111.06377).

    It has no dropout: training and evaluation mode compute the same.
    """

    kind = "autoencoder"
    picture_input = "patch_embed.proj.weight"  # (D, 3, S, S)

    def __init__(self, config: MaskedAutoencoderConfig = MaskedAutoencoderConfig()) -> None:
        super().__init__()
        self.config = config
        width, decoder_width = config.width, config.decoder_width
        self.patch_embed = PatchEmbed(config.patch_size, width)
        self.cls_token = nn.Parameter(torch.empty(1, 1, width))
        self.register_buffer("pos_embed", sincos_positions(config.grid, width))
        self.blocks = nn.ModuleList(Block(width, config.heads) for _ in range(config.blocks))
        self.norm = nn.LayerNorm(width, eps=1e-5)
        self.decoder_embed = nn.Linear(width, decoder_width)
        self.mask_token = nn.Parameter(torch.empty(1, 1, decoder_width))
        self.register_buffer("decoder_pos_embed", sincos_positions(config.grid, decoder_width))
        self.decoder_pred = nn.Sequential(
            nn.Linear(decoder_width, decoder_width),
            nn.ReLU(),
            nn.Linear(decoder_width, 3 * config.patch_size**2),
        )
        self.reset_weights()

    def reset_weights(self, generator: torch.Generator | None = None) -> None:
        """Draw all learned weights anew, from `generator` or torch's own."""
        initialize_linears(self, generator)
        # The convolution is a Linear on a flattened patch: with its own shape Xavier would compute another fan-in.
        nn.init.xavier_uniform_(self.patch_embed.proj.weight.flatten(1), generator=generator)
        nn.init.zeros_(self.patch_embed.proj.bias)
        nn.init.normal_(self.cls_token, std=TOKEN_STD, generator=generator)
        nn.init.normal_(self.mask_token, std=TOKEN_STD, generator=generator)

    def layer_groups(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            ("Patch embedding", ("patch_embed.",)),
            ("Class and mask token", ("cls_token", "mask_token")),
            *((f"Block {index + 1}", (f"blocks.{index}.",)) for index in range(self.config.blocks)),
            ("Final norm", ("norm.",)),
            ("Decoder", ("decoder_embed.", "decoder_pred.")),
        ]

    def example_output(self) -> Tensor:
        """The reconstruction of a grey picture."""
        size = self.config.image_size
        return self.reconstruct(torch.full((1, 3, size, size), 0.5))

    def patchify(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) to flattened patches (B, P - 1, 768), each by row, column, colour."""
        b, colours, _, _ = images.shape
        grid, size = self.config.grid, self.config.patch_size
        x = images.reshape(b, colours, grid, size, grid, size)
        return x.permute(0, 2, 4, 3, 5, 1).reshape(b, grid * grid, size * size * colours)

    def unpatchify(self, patches: Tensor) -> Tensor:
        """Flattened patches (B, P - 1, 768) to pictures (B, 3, H, W): the inverse of `patchify`."""
        b = patches.shape[0]
        grid, size = self.config.grid, self.config.patch_size
        x = patches.reshape(b, grid, grid, size, size, 3)
        return x.permute(0, 5, 1, 3, 2, 4).reshape(b, 3, grid * size, grid * size)

    def random_masking(
        self, x: Tensor, mask_ratio: float, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Keep int((P - 1)·(1 - mask_ratio)) patches of each picture: those of the lowest noise, by default random.

        Takes (B, P - 1, D) and the noise (B, P - 1); returns the remaining ones (B, K, D), the mask (B, P - 1) with 1
        for each patch that was removed, and ids_restore (B, P - 1), which puts remaining and removed ones in place.
        """
        b, patches, width = x.shape
        k = int(patches * (1 - mask_ratio))
        noise = torch.rand(b, patches, device=x.device) if noise is None else noise
        ids_shuffle = noise.argsort(dim=1)
        ids_restore = ids_shuffle.argsort(dim=1)
        remaining = x.gather(1, ids_shuffle[:, :k, None].expand(b, k, width))
        mask = (ids_restore >= k).to(x.dtype)
        return remaining, mask, ids_restore

    def _with_class_token(self, patches: Tensor) -> Tensor:
        """(B, K, D) patches that have their positions to (B, 1 + K, D)."""
        cls_token = self.cls_token + self.pos_embed[:, :1]
        return torch.cat([cls_token.expand(patches.shape[0], -1, -1), patches], dim=1)

    def _embed(self, images: Tensor) -> Tensor:
        """Pictures to patch tokens with positions, (B, P - 1, D)."""
        size = self.config.image_size
        assert images.shape[1:] == (3, size, size), f"expected (B, 3, {size}, {size}), got {tuple(images.shape)}"
        return self.patch_embed(images) + self.pos_embed[:, 1:]

    def _transform(self, tokens: Tensor) -> Tensor:
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def forward_encoder(
        self, images: Tensor, mask_ratio: float, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode the patches of pictures (B, 3, H, W) that a random mask leaves.

        Returns latents (B, 1 + K, D), and mask and ids_restore of `random_masking`.
        """
        patches, mask, ids_restore = self.random_masking(self._embed(images), mask_ratio, noise)
        return self._transform(self._with_class_token(patches)), mask, ids_restore

    def forward_decoder(self, latents: Tensor, ids_restore: Tensor) -> Tensor:
        """Latents of the remaining patches (B, 1 + K, D) to all flattened patches (B, P - 1, 768)."""
        x = self.decoder_embed(latents)
        b, _, width = x.shape
        masked = ids_restore.shape[1] + 1 - x.shape[1]
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(b, masked, width)], dim=1)
        patches = shuffled.gather(1, ids_restore[:, :, None].expand(-1, -1, width))
        return self._decode_patches(patches)

    def _decode_patches(self, embedded: Tensor) -> Tensor:
        """Decoder tokens of all patches in place (B, P - 1, decoder width) to (B, P - 1, 768)."""
        # Each token is decoded by itself, so the class token, which is no part of the picture, is not needed.
        return self.decoder_pred(embedded + self.decoder_pos_embed[:, 1:])

    def forward_loss(self, images: Tensor, patches: Tensor) -> Tensor:
        """Mean squared error over all patches, masked or not (the paper counts masked ones only)."""
        return F.mse_loss(patches, self.patchify(images))

    def forward(self, images: Tensor, mask_ratio: float, noise: Tensor | None = None) -> Tensor:
        """The loss of one masked step on pictures (B, 3, H, W): a scalar; `noise` (B, P - 1) chooses the patches."""
        latents, _, ids_restore = self.forward_encoder(images, mask_ratio, noise)
        return self.forward_loss(images, self.forward_decoder(latents, ids_restore))

    def encode(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to latents (B, P, D), class token first."""
        return self._transform(self._with_class_token(self._embed(images)))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, P, D) to pictures (B, 3, H, W), not clipped to [0, 1]."""
        return self.unpatchify(self.decode_all_patches(latents))

    def decode_all_patches(self, latents: Tensor) -> Tensor:
        """Latents (B, P, D) to flattened patches (B, P - 1, 768), not clipped."""
        return self._decode_patches(self.decoder_embed(latents[:, 1:]))

    def decode_patches(self, latents: Tensor, patches: Tensor) -> Tensor:
        """Latents (B, K, D) of some patches, integers (B, K) from 0, to these patches, flattened: (B, K, 768)."""
        positions = self.decoder_pos_embed[0, 1:][patches]
        return self.decoder_pred(self.decoder_embed(latents) + positions)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) through the encoder and the decoder, nothing masked."""
        return self.decode(self.encode(images))

    def reconstruction_loss(self, images: Tensor) -> Tensor:
        """Mean squared error of `reconstruct`: a scalar."""
        return F.mse_loss(self.reconstruct(images), images)
