"""Changing weights: what one step is, optimizers, jobs, checkpoints, tracking."""

from training.checkpoint import CheckpointInfo, load_checkpoint
from training.checkpoint_errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFound,
    CheckpointNumbersBad,
    CheckpointOldFormat,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoint_paths import checkpoint_path, default_checkpoints, list_checkpoints
from training.checkpoint_writer import CheckpointNotSaved, SavedCheckpoint, save_checkpoint
from training.config import BadTrainingValue, FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.diagnostics import ActionDiagnostics, diagnose_actions
from training.error_track import ErrorTrack
from training.evaluation import EvaluationJob, EvaluationRunning, Evaluations, EvaluationSnapshot, NothingToCancel
from training.evaluation_order import EvaluationOrder
from training.evaluation_store import EvaluationStore
from training.imagined import CannotImagine, Dream, DreamStep, RolloutStep, begin_dream, dream_on, press, roll_out
from training.job import JobSnapshot, TrainingJob
from training.laboratory import Laboratory
from training.predicted_frames import predicted_frames
from training.recorded_errors import EvaluationKey, RecordedErrors
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, WorldModelOptimizers
from training.training_set import Subject, TrainingSet
from training.truth_measure import measure_truth
from training.workshop import JobRunning, NothingToSave, NothingToTrain, Order, Workshop, Workshops

# What a visitor can ask for at the wrong moment or with a wrong number.
REFUSALS = (
    *(BadTrainingValue, CannotImagine, EvaluationRunning, JobRunning),
    *(NothingToCancel, NothingToSave, NothingToTrain),
)

__all__ = [
    "REFUSALS",
    "ActionDiagnostics",
    "AutoencoderTrainer",
    "BadTrainingValue",
    "CannotImagine",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointKeysDiffer",
    "CheckpointNotFound",
    "CheckpointNotSaved",
    "CheckpointNumbersBad",
    "CheckpointOldFormat",
    "CheckpointShapesDiffer",
    "Dream",
    "DreamStep",
    "ErrorTrack",
    "EvaluationJob",
    "EvaluationKey",
    "EvaluationOrder",
    "EvaluationRunning",
    "EvaluationSnapshot",
    "EvaluationStore",
    "Evaluations",
    "FixedSteps",
    "JobRunning",
    "JobSnapshot",
    "Laboratory",
    "LossNotFinite",
    "LossThreshold",
    "NothingToCancel",
    "NothingToSave",
    "NothingToTrain",
    "Order",
    "PredictorTrainer",
    "RecordedErrors",
    "RolloutStep",
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
    "begin_dream",
    "checkpoint_path",
    "default_checkpoints",
    "diagnose_actions",
    "dream_on",
    "list_checkpoints",
    "load_checkpoint",
    "measure_truth",
    "predicted_frames",
    "press",
    "roll_out",
    "save_checkpoint",
]
