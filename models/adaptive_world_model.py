"""The world model: an autoencoder and a predictor side by side, and the losses that training minimizes.

Owns the interplay of the two networks. Neither owns the other's parameters. Optimizers, files and threads are
elsewhere.

Shapes: B batch, T history, P tokens of a frame (197), D width, A action channels, C candidate actions,
H and W picture height and width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.action_predictor import ActionPredictorConfig
from models.copying import mix_patches
from models.layers import Dropout
from models.masked_autoencoder import MaskedAutoencoderConfig
from models.network import Network, NetworkConfig, NetworkModule, PredictorConfig, PredictorOutput

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


class PredictedFrame(NamedTuple):
    """Predicted latents (B, P, D) and the predicted picture (B, 3, H, W), not clipped."""

    latents: Tensor
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

    def replace_predictor(self, config: PredictorConfig, generator: torch.Generator | None = None) -> None:
        """Use a fresh predictor of another config, on the same device; its weights are drawn from `generator`."""
        predictor = config.build(self.config.action_channels)
        predictor.reset_weights(generator)
        self.config = replace(self.config, predictor=config)
        self.predictor = predictor.to(self.autoencoder.cls_token.device).train(self.predictor.training)

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

    def predict(self, latents: Tensor, actions: Tensor, last: Tensor) -> PredictedFrame:
        """The next frame after latents (B, T, P, D), scaled actions (B, T, A) and the last picture (B, 3, H, W)."""
        return self._frame(self.predictor.output(latents, actions), last)

    def predict_counterfactuals(
        self, latents: Tensor, actions: Tensor, candidates: Tensor, last: Tensor
    ) -> PredictedFrame:
        """The next frame for each of C candidate actions in place of the last.

        Takes one history: latents (1, T, P, D), scaled actions (1, T, A), scaled candidates (C, A), and its last
        picture (1, 3, H, W).
        """
        b, t = latents.shape[:2]
        c, a = candidates.shape
        assert b == 1 and actions.shape == (1, t, a), f"one history of {t} expected, got {tuple(actions.shape)}"
        earlier = actions[:, :-1].expand(c, t - 1, a)
        output = self.predictor.sweep(latents, torch.cat([earlier, candidates[:, None]], dim=1))
        return self._frame(output, last.expand(c, -1, -1, -1))

    def _frame(self, output: PredictorOutput, last: Tensor) -> PredictedFrame:
        if output.choice is None:
            return PredictedFrame(output.latents, self.decode(output.latents))
        generated = self.autoencoder.decode_all_patches(output.latents)
        predictor = self.predictor
        mixed = mix_patches(output, last, generated, predictor.shifts, memory=predictor.memory, wraps=predictor.wraps)
        return PredictedFrame(output.latents, self.autoencoder.unpatchify(mixed.patches))

    def use_generator(self, generator: torch.Generator | None) -> None:
        """Draw the random numbers of training steps from `generator`; None: from torch's own."""
        for part in self.modules():
            if isinstance(part, Dropout):
                part.generator = generator

    def autoencoder_loss(self, images: Tensor, mask_ratio: float, noise: Tensor | None = None) -> Tensor:
        """Loss of one masked step on pictures (B, 3, H, W): a scalar; `noise` (B, P - 1) chooses the patches."""
        return self.autoencoder(images, mask_ratio, noise)

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
        predicted, picture = self.predict(context, actions, frames[:, -1])
        image = F.mse_loss(picture, target)
        latent = F.mse_loss(predicted, self.encode(target))
        return PredictionLosses(image_weight * image + latent_weight * latent, image, latent, picture.detach())
