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
from training.checkpoints.manifest import Origin
from training.checkpoints.paths import checkpoint_path, default_checkpoints, list_checkpoints
from training.checkpoints.validate import CheckpointInfo, load_checkpoint
from training.checkpoints.versions import Version, find_version
from training.checkpoints.writer import SavedCheckpoint, save_checkpoint
from training.config import FixedSteps, LossThreshold, StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection
from training.evaluation import frame_errors
from training.evaluation.accuracy import AccuracySummary, CounterfactualAccuracy, measure_truth
from training.evaluation.baselines import Baselines, FrameBaselines, RecordingBaselines
from training.evaluation.comparison import (
    DreamStep,
    better_of,
    copy_with_version,
    dream_with_each,
    predict_with_each,
    recorded_actions,
    remembered_steps,
)
from training.evaluation.diagnostics import MAX_TARGETS, ActionDiagnostics, diagnose_actions
from training.evaluation.evaluator import (
    EvaluationJob,
    EvaluationRunning,
    EvaluationSnapshot,
    Evaluator,
    NothingToCancel,
)
from training.evaluation.evidence import (
    EvidenceLog,
    FrameScore,
    diagnosed_scores,
    evaluated_scores,
    prediction_score,
    summarize_scores,
)
from training.evaluation.frame_errors import FrameErrors
from training.evaluation.one_frame import predict_frame, reconstruct_frame
from training.evaluation.predicted_frames import PredictedFrame, predicted_frames
from training.evaluation.request import EvaluationRequest, copy_with_files
from training.evaluation.results import EvaluationKey, EvaluationResult
from training.evaluation.rollouts.imagination import (
    MAX_ROLLOUT,
    Action,
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
from training.evaluation.skill.foretold import Foretold, foretold_actions
from training.evaluation.skill.measure import MAX_FRAMES as MAX_SKILL_FRAMES
from training.evaluation.skill.measure import Skill, measure_skill
from training.evaluation.skill.rows import IGNORES, MeasureRow, skill_rows
from training.evaluation.store import EvaluationStore
from training.evaluation.verdict import (
    NOT_JUDGED,
    Evidence,
    Verdict,
    level_conditions,
    lowest_errors,
    share_below,
    verdict,
)
from training.jobs.earlier_runs import MAX_NAME, MAX_NOTE, RunNotNamed, typed_title
from training.jobs.job import TrainingJob
from training.jobs.looks import RunLooks, draw_strip, read_look
from training.jobs.loss_chart import JobCharts, draw_charts, loss_chart
from training.jobs.manager import TrainingManager
from training.jobs.recipe_estimate import RecipeEstimate
from training.jobs.request import JobRunning, NothingToSave, NothingToTrain, TrainingRequest
from training.jobs.run_reader import read_run
from training.jobs.snapshot import UNCERTAINTY, JobSnapshot, RunTitle
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
from training.references import MEAN, REPEATING
from training.steps import AutoencoderTrainer, LossNotFinite, PredictorTrainer, TrainState
from training.values import NO_BREAK, InvalidValue, duration_text, invalid_value, is_number, loss_text, whole_number

# Errors of a request at the wrong moment or with a wrong value.
REFUSALS = (
    *(InvalidValue, CannotImagine, EvaluationRunning, JobRunning),
    *(NothingToCancel, NothingToSave, NothingToTrain, RunNotNamed),
)

__all__ = [
    "ADVANCED",
    "ALL",
    "IGNORES",
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_ROLLOUT",
    "MAX_SKILL_FRAMES",
    "MAX_TARGETS",
    "MEAN",
    "NOT_JUDGED",
    "NO_BREAK",
    "ONE_FRAME",
    "RANGE",
    "REFUSALS",
    "REPEATING",
    "STANDARD",
    "UNCERTAINTY",
    "WHOLE",
    "AccuracySummary",
    "Action",
    "ActionDiagnostics",
    "AutoencoderTrainer",
    "Backend",
    "Baselines",
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
    "DreamStep",
    "EvaluationJob",
    "EvaluationKey",
    "EvaluationRequest",
    "EvaluationResult",
    "EvaluationRunning",
    "EvaluationSnapshot",
    "EvaluationStore",
    "Evaluator",
    "Evidence",
    "EvidenceLog",
    "FixedSteps",
    "Foretold",
    "FrameBaselines",
    "FrameDataset",
    "FrameErrors",
    "FrameScore",
    "FrameSelection",
    "Imagination",
    "ImaginedStep",
    "InvalidValue",
    "JobCharts",
    "JobRunning",
    "JobSnapshot",
    "LossNotFinite",
    "LossThreshold",
    "MeasureRow",
    "NothingToCancel",
    "NothingToSave",
    "NothingToTrain",
    "Origin",
    "PredictedFrame",
    "PredictorTrainer",
    "RecipeEstimate",
    "RecordingBaselines",
    "RolloutStep",
    "RunLooks",
    "RunNotNamed",
    "RunTitle",
    "SavedCheckpoint",
    "Skill",
    "StopCondition",
    "TrainState",
    "TrainingConfig",
    "TrainingJob",
    "TrainingManager",
    "TrainingRequest",
    "Verdict",
    "Version",
    "WeightComparison",
    "WrongNetwork",
    "apply_command",
    "better_of",
    "checkpoint_path",
    "copy_with_files",
    "copy_with_version",
    "default_checkpoints",
    "diagnose_actions",
    "diagnosed_scores",
    "draw_charts",
    "draw_strip",
    "dream_with_each",
    "duration_text",
    "evaluated_scores",
    "find_version",
    "foretold_actions",
    "frame_errors",
    "imagine_next",
    "invalid_value",
    "is_number",
    "level_conditions",
    "list_checkpoints",
    "load_checkpoint",
    "loss_chart",
    "loss_text",
    "lowest_errors",
    "measure_skill",
    "measure_truth",
    "predict_frame",
    "predict_with_each",
    "predicted_frames",
    "prediction_score",
    "read_config",
    "read_look",
    "read_run",
    "read_selection",
    "reconstruct_frame",
    "recorded_actions",
    "remembered_steps",
    "roll_out",
    "save_checkpoint",
    "share_below",
    "skill_rows",
    "start_imagination",
    "summarize_scores",
    "typed_title",
    "verdict",
    "whole",
    "whole_number",
]
