"""Request for an evaluation: a recording, a history length, and copies of the networks that do not change."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from models import NETWORKS, AdaptiveWorldModel, Network, SharedWorldModel, WeightsSource, weights_digest
from session import NoHistory, RecordedSession
from training.checkpoints.validate import ValidatedCheckpoint, put_in_place, validate_checkpoint
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
    own = copy_with_files(shared, files)
    weights = {network: source.describe() for network, source in own.weights.items()}
    digests = {network: weights_digest(own.network(network)) for network in NETWORKS}
    return ModelCopy(own.model, MappingProxyType(weights), MappingProxyType(digests))


def copy_with_files(shared: SharedWorldModel, files: Mapping[Network, Path]) -> SharedWorldModel:
    """The same as a model of its own, which can predict and imagine; raises CheckpointError."""
    own = shared.snapshot()
    for network, path in files.items():
        put_checkpoint(own, network, validate_checkpoint(path, own.network(network)), f"{path.parent.name}/{path.name}")
    return own


def put_checkpoint(own: SharedWorldModel, network: Network, checkpoint: ValidatedCheckpoint, name: str) -> None:
    """Use the weights of a checkpoint in a model that nobody else uses; `name`: its file as visitors see it."""
    put_in_place(checkpoint, own.model)
    own.set_weights_source({network: WeightsSource(name, checkpoint.info.step)})
