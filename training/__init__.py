"""Changing weights: what one step is, optimizers, jobs, checkpoints, tracking."""

from training.backend import Backend
from training.checkpoints.errors import (
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFinite,
    CheckpointNotFound,
    CheckpointOldFormat,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoints.paths import checkpoint_path, default_checkpoints, list_checkpoints
from training.checkpoints.validate import CheckpointInfo, load_checkpoint
from training.checkpoints.writer import CheckpointNotSaved, SavedCheckpoint, save_checkpoint
from training.config import FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection
from training.evaluation.accuracy import measure_truth
from training.evaluation.diagnostics import ActionDiagnostics, diagnose_actions
from training.evaluation.evaluator import (
    EvaluationJob,
    EvaluationRunning,
    EvaluationSnapshot,
    Evaluator,
    NothingToCancel,
)
from training.evaluation.frame_errors import FrameErrors
from training.evaluation.imagination import (
    CannotImagine,
    Imagination,
    ImaginedStep,
    RolloutStep,
    apply_command,
    imagine_next,
    roll_out,
    start_imagination,
)
from training.evaluation.predicted_frames import predicted_frames
from training.evaluation.request import EvaluationRequest
from training.evaluation.results import EvaluationKey, EvaluationResult
from training.evaluation.store import EvaluationStore
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.request import JobRunning, NothingToSave, NothingToTrain, TrainingRequest
from training.jobs.snapshot import JobSnapshot
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, TrainState
from training.values import InvalidValue, invalid_value, is_number, whole_number

# What a visitor can ask for at the wrong moment or with a wrong number.
REFUSALS = (
    *(InvalidValue, CannotImagine, EvaluationRunning, JobRunning),
    *(NothingToCancel, NothingToSave, NothingToTrain),
)

__all__ = [
    "REFUSALS",
    "ActionDiagnostics",
    "AutoencoderTrainer",
    "Backend",
    "CannotImagine",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointKeysDiffer",
    "CheckpointNotFinite",
    "CheckpointNotFound",
    "CheckpointNotSaved",
    "CheckpointOldFormat",
    "CheckpointShapesDiffer",
    "EvaluationJob",
    "EvaluationKey",
    "EvaluationRequest",
    "EvaluationResult",
    "EvaluationRunning",
    "EvaluationSnapshot",
    "EvaluationStore",
    "Evaluator",
    "FixedSteps",
    "FrameDataset",
    "FrameErrors",
    "FrameSelection",
    "Imagination",
    "ImaginedStep",
    "InvalidValue",
    "JobRunning",
    "JobSnapshot",
    "LossNotFinite",
    "LossThreshold",
    "NothingToCancel",
    "NothingToSave",
    "NothingToTrain",
    "PredictorTrainer",
    "RolloutStep",
    "SavedCheckpoint",
    "StopCondition",
    "TrainState",
    "TrainingConfig",
    "TrainingJob",
    "TrainingManager",
    "TrainingRequest",
    "WrongNetwork",
    "apply_command",
    "checkpoint_path",
    "default_checkpoints",
    "diagnose_actions",
    "imagine_next",
    "invalid_value",
    "is_number",
    "list_checkpoints",
    "load_checkpoint",
    "measure_truth",
    "predicted_frames",
    "roll_out",
    "save_checkpoint",
    "start_imagination",
    "whole_number",
]
