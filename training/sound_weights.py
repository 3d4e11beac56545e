"""Whether weights in use are worth saving: a file of weights that only give NaN must not replace a good one."""

import copy
from collections.abc import Iterable

from models import Network, SharedWorldModel
from training.checkpoint import check_works
from training.checkpoint_errors import CheckpointNumbersBad
from training.checkpoint_writer import CheckpointNotSaved


def require_sound(shared: SharedWorldModel, networks: Iterable[Network]) -> None:
    """Try the named networks as they would be tried when loaded again; raises CheckpointNotSaved.

    To be called while holding the model's lock.
    """
    for network in networks:
        module = shared.network(network)
        on_cpu = module if shared.device.type == "cpu" else copy.deepcopy(module).to("cpu")
        try:
            check_works(network, on_cpu)
        except CheckpointNumbersBad as problem:
            raise CheckpointNotSaved(
                f"The weights of the {network} give numbers that are not finite and were not saved; the checkpoint "
                "saved before is still there. Load a checkpoint."
            ) from problem
