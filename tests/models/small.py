"""Small networks for tests of behaviour: the real design at a size that takes milliseconds."""

import torch

from models import ActionPredictorConfig, AdaptiveWorldModelConfig, MaskedAutoencoderConfig

AUTOENCODER = MaskedAutoencoderConfig(image_size=32, patch_size=8, width=32, blocks=2, heads=4, decoder_width=16)
PREDICTOR = ActionPredictorConfig(width=32, layers=3, heads=4, action_hidden=16, action_width=8)


def small_config(action_channels=2):
    return AdaptiveWorldModelConfig(action_channels, AUTOENCODER, PREDICTOR)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def history(t=3, channels=2, size=32, seed=0, b=1):
    """Frames (B, T, 3, H, W), scaled actions (B, T, A), target (B, 3, H, W)."""
    g = generator(seed)
    frames = torch.rand(b, t, 3, size, size, generator=g)
    actions = torch.rand(b, t, channels, generator=g) * 2 - 1
    return frames, actions, torch.rand(b, 3, size, size, generator=g)
