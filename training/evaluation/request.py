"""Request for an evaluation: a recording, a history length, and a copy of the networks that does not change."""

import contextlib
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from models import NETWORKS, AdaptiveWorldModel, Network, SharedWorldModel, WeightsSource, weights_digest
from session import NoHistory, RecordedSession
from training.checkpoints.validate import put_in_place, validate_checkpoint
from training.evaluation.results import EvaluationKey


@dataclass(frozen=True)
class EvaluationRequest:
    """A recording to evaluate, with options. `files`: checkpoints to use instead of the current weights, by network;
    `is_kept`: True to store the result on disk, False to hold it in memory only."""

    session_id: str
    recording: RecordedSession
    history_length: int
    started_by: str = ""
    files: Mapping[Network, Path] = field(default_factory=dict)
    is_kept: bool = True

    def check(self) -> None:
        """Raise SessionError if the recording has no frames or the history length is not 2 to 8."""
        with contextlib.suppress(NoHistory):
            self.recording.history(0, self.history_length)


@dataclass(frozen=True, eq=False)
class ModelCopy:
    """A copy of both networks, with the source of each one's weights as text, and their digests."""

    model: AdaptiveWorldModel
    weights: Mapping[Network, str]
    digests: Mapping[Network, str]

    def key(self, request: EvaluationRequest) -> EvaluationKey:
        """Everything that the errors of the requested recording depend on."""
        return EvaluationKey(request.session_id, request.recording.version, request.history_length, **self.digests)


def copy_model(shared: SharedWorldModel, files: Mapping[Network, Path]) -> ModelCopy:
    """A copy of a shared model in its current state, with weights loaded from `files`; raises CheckpointError."""
    with shared.lock:
        model, sources = copy.deepcopy(shared.model), dict(shared.weights)
    for network, path in files.items():
        checkpoint = validate_checkpoint(path, model.network(network))
        put_in_place(checkpoint, model)
        info = checkpoint.info
        sources[network] = WeightsSource(f"{path.parent.name}/{path.name}", info.step)
    weights = {network: source.describe() for network, source in sources.items()}
    digests = {network: weights_digest(model.network(network)) for network in NETWORKS}
    return ModelCopy(model, MappingProxyType(weights), MappingProxyType(digests))
