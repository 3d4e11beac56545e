"""Changing weights: checkpoints of the networks, read and checked here."""

from training.checkpoint import CheckpointInfo, load_checkpoint, load_into
from training.checkpoint_errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFound,
    CheckpointNumbersBad,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoint_paths import checkpoint_path, default_checkpoints, list_checkpoints

__all__ = [
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointKeysDiffer",
    "CheckpointNotFound",
    "CheckpointNumbersBad",
    "CheckpointShapesDiffer",
    "WrongNetwork",
    "checkpoint_path",
    "default_checkpoints",
    "list_checkpoints",
    "load_checkpoint",
    "load_into",
]
