"""Training: objectives and their steps, optimizers, jobs, checkpoints, tracking, evaluation."""

from training.backend import Backend
from training.checkpoints.errors import (
    CheckpointConfigDiffers,
    CheckpointDamaged,
    CheckpointError,
    CheckpointKeysDiffer,
    CheckpointNotFinite,
    CheckpointNotFound,
    CheckpointNotSaved,
    CheckpointOldFormat,
    CheckpointShapesDiffer,
    WrongNetwork,
)
from training.checkpoints.paths import checkpoint_path, default_checkpoints, list_checkpoints
from training.checkpoints.validate import CheckpointInfo, load_checkpoint
from training.checkpoints.writer import SavedCheckpoint, save_checkpoint
from training.config import FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection
from training.evaluation import frame_errors
from training.evaluation.accuracy import AccuracySummary, CounterfactualAccuracy, measure_truth
from training.evaluation.diagnostics import MAX_TARGETS, ActionDiagnostics, diagnose_actions
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
    Command,
    Imagination,
    ImaginedStep,
    RolloutStep,
    apply_command,
    imagine_next,
    roll_out,
    start_imagination,
)
from training.evaluation.predicted_frames import PredictedFrame, predicted_frames
from training.evaluation.request import EvaluationRequest
from training.evaluation.results import EvaluationKey, EvaluationResult
from training.evaluation.store import EvaluationStore
from training.jobs.job import TrainingJob
from training.jobs.looks import RunLooks, draw_strip, read_look
from training.jobs.loss_chart import JobCharts, draw_charts, loss_chart
from training.jobs.manager import TrainingManager
from training.jobs.recipe_estimate import RecipeEstimate
from training.jobs.request import JobRunning, NothingToSave, NothingToTrain, TrainingRequest
from training.jobs.snapshot import JobSnapshot
from training.jobs.weight_diff import WeightComparison
from training.options import (
    ADVANCED,
    ALL,
    ONE_FRAME,
    RANGE,
    STANDARD,
    WHOLE,
    read_config,
    read_selection,
    whole,
)
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, TrainState
from training.values import InvalidValue, invalid_value, is_number, whole_number

# Errors of a request at the wrong moment or with a wrong value.
REFUSALS = (
    *(InvalidValue, CannotImagine, EvaluationRunning, JobRunning),
    *(NothingToCancel, NothingToSave, NothingToTrain),
)

__all__ = [
    "ADVANCED",
    "ALL",
    "MAX_TARGETS",
    "ONE_FRAME",
    "RANGE",
    "REFUSALS",
    "STANDARD",
    "WHOLE",
    "AccuracySummary",
    "ActionDiagnostics",
    "AutoencoderTrainer",
    "Backend",
    "CannotImagine",
    "CheckpointConfigDiffers",
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointInfo",
    "CheckpointKeysDiffer",
    "CheckpointNotFinite",
    "CheckpointNotFound",
    "CheckpointNotSaved",
    "CheckpointOldFormat",
    "CheckpointShapesDiffer",
    "Command",
    "CounterfactualAccuracy",
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
    "JobCharts",
    "JobRunning",
    "JobSnapshot",
    "LossNotFinite",
    "LossThreshold",
    "NothingToCancel",
    "NothingToSave",
    "NothingToTrain",
    "PredictedFrame",
    "PredictorTrainer",
    "RecipeEstimate",
    "RolloutStep",
    "RunLooks",
    "SavedCheckpoint",
    "StopCondition",
    "TrainState",
    "TrainingConfig",
    "TrainingJob",
    "TrainingManager",
    "TrainingRequest",
    "WeightComparison",
    "WrongNetwork",
    "apply_command",
    "checkpoint_path",
    "default_checkpoints",
    "diagnose_actions",
    "draw_charts",
    "draw_strip",
    "frame_errors",
    "imagine_next",
    "invalid_value",
    "is_number",
    "list_checkpoints",
    "load_checkpoint",
    "loss_chart",
    "measure_truth",
    "predicted_frames",
    "read_config",
    "read_look",
    "read_selection",
    "roll_out",
    "save_checkpoint",
    "start_imagination",
    "whole",
    "whole_number",
]
