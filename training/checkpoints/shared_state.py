"""The state of training from one process to the others: weights, optimizers, steps and random numbers.

The content is what checkpoints hold, in memory.
"""

import io

import torch

from models import NETWORKS, Architecture
from training.checkpoints.manifest import restore_random_state
from training.checkpoints.writer import copy_contents
from training.steps import TrainState


def pack_state(state: TrainState) -> bytes:
    """The state as bytes; nothing may change it during the call."""
    contents = copy_contents(state, NETWORKS)
    buffer = io.BytesIO()
    torch.save([contents.networks, contents.steps, contents.random_state], buffer)
    return buffer.getvalue()


def unpack_state(content: bytes, state: TrainState) -> None:
    """Replace a state, with the architecture of its predictor, by one that `pack_state` has packed."""
    networks, steps, random_state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    for network, part in networks.items():
        architecture = Architecture.from_dict(part["config"])
        if architecture != Architecture.of(state.model.network(network)):
            state.model.replace_predictor(architecture.config)
        state.model.network(network).load_state_dict(part["model_state_dict"], strict=True)
        optimizer, saved = state.renew(network, steps[network]), part["optimizer_state_dict"]
        # One that has taken no step yet has no state. Any other fits: it is that of the same parameters.
        assert not saved["state"] or optimizer.restore(saved, steps[network])
    restore_random_state(state.generator, random_state)
