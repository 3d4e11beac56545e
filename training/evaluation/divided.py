"""Evaluation of one recording by several processes: each takes blocks of its frames, and all get all errors.

A process reads and encodes the frames of its own blocks, and the few before a block that are context of it.
"""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch

from models import AdaptiveWorldModel
from session import RecordedSession
from training.distributed import Group
from training.evaluation.evaluate import BatchErrors, batch_size_on, evaluate_frames
from training.evaluation.results import EvaluationKey, EvaluationResult, pack, unpack
from training.evaluation.store import EvaluationStore

# A cancelled evaluation ends with its block; a shorter one would encode more of its context twice.
BLOCK_BATCHES = 4
OTHER_FILES = "It has another recording or other checkpoints than the first one: give all hosts the same files."


def evaluate_divided(
    group: Group,
    model: AdaptiveWorldModel,
    recording: RecordedSession,
    history_length: int,
    start: int,
    is_cancelled: Callable[[], bool],
) -> Iterator[BatchErrors]:
    """Yield the errors of all frames from `start` on, in order, in every process; ends early, in all of them, if they
    have agreed on an end.

    Raises NotFinite, HistoryLengthError, OtherProcessFailed and ProcessLost.
    """
    count, size = recording.frame_count, batch_size_on(next(model.parameters()).device)
    block = BLOCK_BATCHES * size
    for first in range(start, count, group.size * block):
        total = min(group.size * block, count - first)
        own = range(min(group.rank * block, total), min((group.rank + 1) * block, total))
        errors = torch.zeros(3, total)
        frames = evaluate_frames(model, recording, history_length, first + own.start, stop=first + own.stop)
        with contextlib.closing(frames):
            for batch in frames if len(own) else ():
                if is_cancelled():
                    break  # all of them agree on that below
                rows = slice(batch.first - first, batch.first - first + len(batch.context))
                errors[:, rows] = torch.from_numpy(np.stack([batch.reconstruction, batch.prediction, batch.context]))
        group.add(errors)
        if group.agreed(None):
            return
        reconstruction, prediction, context = errors.numpy()
        yield BatchErrors(first, reconstruction, prediction, context.astype(np.int8))


class SharedStore:
    """The results of a store that the first process alone reads and writes, for all of them."""

    def __init__(self, store: EvaluationStore, group: Group) -> None:
        self._store, self._group = store, group

    def find(self, key: EvaluationKey) -> EvaluationResult | None:
        """The first process' result with this key; raises InvalidValue if another process has another key."""
        self._group.require_same(key.text, OTHER_FILES)
        found = self._store.find(key) if self._group.is_first else None
        packed = self._group.from_first(pack(found) if found else b"")
        return unpack(packed) if packed else None

    def kept(self, session_id: str, version: str) -> list[EvaluationResult]:
        """All results of a recording in this version, newest first."""
        return self._store.kept(session_id, version)

    def put(self, result: EvaluationResult, is_for_disk: bool = True) -> str:
        """Store a result in the first process; returns "", or a sentence if it could not be written."""
        return self._store.put(result, is_for_disk) if self._group.is_first else ""
