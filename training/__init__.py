"""Changing weights: what one step is, optimizers, jobs, checkpoints, tracking."""

from training.checkpoint import CheckpointInfo, load_checkpoint
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
from training.checkpoint_writer import CheckpointNotSaved, SavedCheckpoint, save_checkpoint
from training.config import BadTrainingValue, FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.job import JobSnapshot, TrainingJob
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, WorldModelOptimizers
from training.training_set import Subject, TrainingSet
from training.workshop import JobRunning, NothingToSave, NothingToTrain, Order, Workshop, Workshops

# What a visitor can ask for at the wrong moment or with a wrong number.
REFUSALS = (BadTrainingValue, JobRunning, NothingToSave, NothingToTrain)

__all__ = [
    "REFUSALS",
    "AutoencoderTrainer",
    "BadTrainingValue",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointKeysDiffer",
    "CheckpointNotFound",
    "CheckpointNotSaved",
    "CheckpointNumbersBad",
    "CheckpointShapesDiffer",
    "FixedSteps",
    "JobRunning",
    "JobSnapshot",
    "LossNotFinite",
    "LossThreshold",
    "NothingToSave",
    "NothingToTrain",
    "Order",
    "PredictorTrainer",
    "SavedCheckpoint",
    "StopCondition",
    "Subject",
    "TrainingConfig",
    "TrainingJob",
    "TrainingSet",
    "Workshop",
    "Workshops",
    "WorldModelOptimizers",
    "WrongNetwork",
    "checkpoint_path",
    "default_checkpoints",
    "list_checkpoints",
    "load_checkpoint",
    "save_checkpoint",
]
