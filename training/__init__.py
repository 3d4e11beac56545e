"""Changing weights: what one step is, optimizers, jobs, checkpoints, tracking."""

from training.backend import Laboratory, Workshops
from training.checkpoints.errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFound,
    CheckpointNumbersBad,
    CheckpointOldFormat,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoints.paths import checkpoint_path, default_checkpoints, list_checkpoints
from training.checkpoints.validate import CheckpointInfo, load_checkpoint
from training.checkpoints.writer import CheckpointNotSaved, SavedCheckpoint, save_checkpoint
from training.config import FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.dataset import Subject, TrainingSet
from training.evaluation.accuracy import measure_truth
from training.evaluation.diagnostics import ActionDiagnostics, diagnose_actions
from training.evaluation.evaluator import (
    EvaluationJob,
    EvaluationRunning,
    Evaluations,
    EvaluationSnapshot,
    NothingToCancel,
)
from training.evaluation.frame_errors import ErrorTrack
from training.evaluation.imagination import (
    CannotImagine,
    Dream,
    DreamStep,
    RolloutStep,
    begin_dream,
    dream_on,
    press,
    roll_out,
)
from training.evaluation.predicted_frames import predicted_frames
from training.evaluation.request import EvaluationOrder
from training.evaluation.results import EvaluationKey, RecordedErrors
from training.evaluation.store import EvaluationStore
from training.jobs.job import JobSnapshot, TrainingJob
from training.jobs.manager import JobRunning, NothingToSave, NothingToTrain, Order, Workshop
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, WorldModelOptimizers
from training.values import BadTrainingValue

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
