"""The networks and what can be asked of them; torch only, no files of a session, no robots' names, no browser."""

from models.action_predictor import ActionPredictorConfig, TransformerActionConditionedPredictor
from models.adaptive_world_model import AdaptiveWorldModel, AdaptiveWorldModelConfig, PredictionLosses
from models.figures import HeatMap, draw_differences, draw_error
from models.inference import (
    CandidatePrediction,
    NotFinite,
    Prediction,
    Reconstruction,
    run_prediction,
    run_reconstruction,
)
from models.introspection.attention import (
    AttentionMeasures,
    AttentionReport,
    AttentionShares,
    NoSuchLayer,
    NoSuchToken,
    attention_by_part,
    attention_on_frames,
    breakdown,
    run_attention,
)
from models.introspection.weights import (
    PositionTables,
    TensorStatistics,
    WeightChange,
    WeightReport,
    WeightStatistics,
    copy_weights,
    inspect_weights,
    weight_changes,
)
from models.masked_autoencoder import MaskedAutoencoderConfig, MaskedAutoencoderViT
from models.memory import trim_memory_forever
from models.rollout import ROLLOUT_MODES, ContextFrame, Imagined, RolloutContext, RolloutMode, imagine
from models.shared_world_model import (
    DeviceUnavailable,
    Network,
    SharedWorldModel,
    WeightsSource,
    WorldModels,
    choose_device,
    weights_digest,
)
from models.uncertainty import UncertainPredictions, predict_with_uncertainty

__all__ = [
    "ROLLOUT_MODES",
    "ActionPredictorConfig",
    "AdaptiveWorldModel",
    "AdaptiveWorldModelConfig",
    "AttentionMeasures",
    "AttentionReport",
    "AttentionShares",
    "CandidatePrediction",
    "ContextFrame",
    "DeviceUnavailable",
    "HeatMap",
    "Imagined",
    "MaskedAutoencoderConfig",
    "MaskedAutoencoderViT",
    "Network",
    "NoSuchLayer",
    "NoSuchToken",
    "NotFinite",
    "PositionTables",
    "Prediction",
    "PredictionLosses",
    "Reconstruction",
    "RolloutContext",
    "RolloutMode",
    "SharedWorldModel",
    "TensorStatistics",
    "TransformerActionConditionedPredictor",
    "UncertainPredictions",
    "WeightChange",
    "WeightReport",
    "WeightStatistics",
    "WeightsSource",
    "WorldModels",
    "attention_by_part",
    "attention_on_frames",
    "breakdown",
    "choose_device",
    "copy_weights",
    "draw_differences",
    "draw_error",
    "imagine",
    "inspect_weights",
    "predict_with_uncertainty",
    "run_attention",
    "run_prediction",
    "run_reconstruction",
    "trim_memory_forever",
    "weight_changes",
    "weights_digest",
]
