"""The world model: an autoencoder and a predictor side by side, and the losses that training minimizes.

Owns the interplay of the two networks. Neither owns the other's parameters. Optimizers, files and threads are
elsewhere.

Shapes: B batch, T history, P tokens of a frame (197), D width, A action channels, C candidate actions,
H and W picture height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.action_predictor import ActionPredictorConfig
from models.layers import Dropout
from models.masked_autoencoder import MaskedAutoencoderConfig
from models.network import Network, NetworkConfig, NetworkModule, PredictorConfig

# Names that checkpoints store, with the config that builds a network of that name.
AUTOENCODERS: Mapping[str, type[NetworkConfig]] = MappingProxyType({"masked_autoencoder": MaskedAutoencoderConfig})
PREDICTORS: Mapping[str, type[PredictorConfig]] = MappingProxyType({"transformer": ActionPredictorConfig})


@dataclass(frozen=True)
class AdaptiveWorldModelConfig:
    """Sizes of both networks; raises ValueError if they do not fit together."""

    action_channels: int
    autoencoder: MaskedAutoencoderConfig = field(default_factory=MaskedAutoencoderConfig)
    predictor: PredictorConfig = field(default_factory=ActionPredictorConfig)

    def __post_init__(self) -> None:
        if self.action_channels < 1:
            raise ValueError(f"action_channels {self.action_channels} is not at least 1.")
        if self.autoencoder.width != self.predictor.width:
            raise ValueError(f"widths {self.autoencoder.width} and {self.predictor.width} of the networks differ.")


IMAGE_WEIGHT, LATENT_WEIGHT = 0.8, 0.2  # of the picture's and of the latents' error in a prediction step


class PredictionLosses(NamedTuple):
    """Scalars of one prediction batch, `total` the weighted sum of the other two, and the predicted pictures."""

    total: Tensor
    image: Tensor
    latent: Tensor
    picture: Tensor


class AdaptiveWorldModel(nn.Module):
    """Prediction of a robot's camera pictures: encode frames, predict latents, decode pictures."""

    def __init__(self, config: AdaptiveWorldModelConfig) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = config.autoencoder.build()
        self.predictor = config.predictor.build(config.action_channels)

    def network(self, name: Network) -> NetworkModule:
        """One of the two networks by its name."""
        return self.autoencoder if name == "autoencoder" else self.predictor

    def reset_weights(self, generator: torch.Generator | None = None) -> None:
        """Draw all learned weights of both networks anew, from `generator` or torch's own."""
        self.autoencoder.reset_weights(generator)
        self.predictor.reset_weights(generator)

    def encode(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) in [0, 1] to latents (B, P, D)."""
        return self.autoencoder.encode(images)

    def encode_history(self, frames: Tensor) -> Tensor:
        """Context frames (B, T, 3, H, W) to latents (B, T, P, D), all in one batch."""
        b, t = frames.shape[:2]
        return self.encode(frames.flatten(0, 1)).unflatten(0, (b, t))

    def decode(self, latents: Tensor) -> Tensor:
        """Latents (B, P, D) to pictures (B, 3, H, W), not clipped."""
        return self.autoencoder.decode(latents)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, H, W) through encoder and decoder, nothing masked."""
        return self.autoencoder.reconstruct(images)

    def predict(self, latents: Tensor, actions: Tensor) -> Tensor:
        """Latents (B, T, P, D) and scaled actions (B, T, A) to the next frame's latents (B, P, D)."""
        return self.predictor(latents, actions)

    def predict_counterfactuals(self, latents: Tensor, actions: Tensor, candidates: Tensor) -> Tensor:
        """The next frame's latents (C, P, D) for each candidate action in place of the last.

        Takes one history: latents (1, T, P, D), scaled actions (1, T, A), and scaled candidates (C, A).
        """
        b, t = latents.shape[:2]
        c, a = candidates.shape
        assert b == 1 and actions.shape == (1, t, a), f"one history of {t} expected, got {tuple(actions.shape)}"
        earlier = actions[:, :-1].expand(c, t - 1, a)
        return self.predictor.sweep(latents, torch.cat([earlier, candidates[:, None]], dim=1))

    def use_generator(self, generator: torch.Generator | None) -> None:
        """Draw the random numbers of training steps from `generator`; None: from torch's own."""
        for part in self.modules():
            if isinstance(part, Dropout):
                part.generator = generator

    def autoencoder_loss(self, images: Tensor, mask_ratio: float, generator: torch.Generator | None = None) -> Tensor:
        """Loss of one masked step on pictures (B, 3, H, W): a scalar; `generator` chooses the patches."""
        return self.autoencoder(images, mask_ratio, generator)

    def prediction_losses(
        self,
        frames: Tensor,
        actions: Tensor,
        target: Tensor,
        image_weight: float = IMAGE_WEIGHT,
        latent_weight: float = LATENT_WEIGHT,
    ) -> PredictionLosses:
        """Losses of predicting `target` (B, 3, H, W) from frames (B, T, 3, H, W) and scaled actions (B, T, A).

        total = image_weight·MSE(picture) + latent_weight·MSE(latents). Gradients reach the predictor, the decoder
        (by the predicted picture) and the encoder, the latter through the target's latents only: the context is
        encoded without gradients.
        """
        with torch.no_grad():
            context = self.encode_history(frames)
        predicted = self.predict(context, actions)
        picture = self.decode(predicted)
        image = F.mse_loss(picture, target)
        latent = F.mse_loss(predicted, self.encode(target))
        return PredictionLosses(image_weight * image + latent_weight * latent, image, latent, picture.detach())
