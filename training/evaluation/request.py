"""What is to be evaluated: a recording, a history length, and networks that stay as they are while it lasts."""

import contextlib
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from models import NETWORKS, AdaptiveWorldModel, Network, SharedWorldModel, WeightsSource, weights_digest
from session import NoHistory, RecordedSession
from training.checkpoints.validate import load_checkpoint
from training.evaluation.results import EvaluationKey


@dataclass(frozen=True)
class EvaluationRequest:
    """What a visitor asks to be evaluated. `files`: checkpoints to use in place of the weights in use, by network;
    `is_kept`: whether the result goes to the disk, or only stays in memory."""

    session_id: str
    recording: RecordedSession
    history_length: int
    started_by: str = ""
    files: Mapping[Network, Path] = field(default_factory=dict)
    is_kept: bool = True

    def check(self) -> None:
        """Raises SessionError where the recording has no frames or the history length is not 2 to 8."""
        with contextlib.suppress(NoHistory):
            self.recording.history(0, self.history_length)


@dataclass(frozen=True, eq=False)
class ModelCopy:
    """Networks that nobody else has; where the weights of each came from, in words, and their digests."""

    model: AdaptiveWorldModel
    weights: Mapping[Network, str]
    digests: Mapping[Network, str]

    def key(self, order: EvaluationRequest) -> EvaluationKey:
        """What the errors of the ordered recording depend on."""
        return EvaluationKey(order.session_id, order.recording.version, order.history_length, **self.digests)


def private_networks(shared: SharedWorldModel, files: Mapping[Network, Path]) -> ModelCopy:
    """A copy of a shared model as it is now, with the weights of `files` put in; raises CheckpointError."""
    with shared.lock:
        model, used = copy.deepcopy(shared.model), dict(shared.weights)
    for network, path in files.items():
        info = load_checkpoint(path, model.network(network))
        used[network] = WeightsSource(f"{path.parent.name}/{path.name}", info.step)
    weights = {network: one.describe() for network, one in used.items()}
    digests = {network: weights_digest(model.network(network)) for network in NETWORKS}
    return ModelCopy(model, MappingProxyType(weights), MappingProxyType(digests))
