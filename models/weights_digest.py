"""A name for a network's weights that depends on nothing but the weights: not on the device, nor on the file they
came from. What was computed with them can be kept under it and found again."""

import hashlib

import torch
from torch import nn


def weights_digest(network: nn.Module) -> str:
    """SHA-256, hexadecimal, of the names, shapes, types and bytes of everything in a network's state dict."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # As bytes: NumPy does not know all of torch's types.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
