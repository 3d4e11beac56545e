"""The networks and everything that is computed with them; torch only, without sessions, robots' names or a browser."""

from models.action_predictor import ActionPredictorConfig, TransformerActionConditionedPredictor
from models.adaptive_world_model import PREDICTORS, AdaptiveWorldModel, AdaptiveWorldModelConfig, PredictionLosses
from models.architecture import Architecture, UnknownArchitecture
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
from models.network import NETWORKS, Network, NetworkModule
from models.precision import PRECISIONS, Precision, is_bfloat16
from models.rollout import ROLLOUT_MODES, ContextFrame, Imagined, RolloutContext, RolloutMode, imagine
from models.shapes import shapes_alone
from models.shared_world_model import (
    DeviceUnavailable,
    SharedWorldModel,
    WeightsSource,
    WorldModels,
    choose_device,
    weights_digest,
)
from models.uncertainty import UncertainPredictions, predict_with_uncertainty

__all__ = [
    "NETWORKS",
    "PRECISIONS",
    "PREDICTORS",
    "ROLLOUT_MODES",
    "ActionPredictorConfig",
    "AdaptiveWorldModel",
    "AdaptiveWorldModelConfig",
    "Architecture",
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
    "NetworkModule",
    "NoSuchLayer",
    "NoSuchToken",
    "NotFinite",
    "PositionTables",
    "Precision",
    "Prediction",
    "PredictionLosses",
    "Reconstruction",
    "RolloutContext",
    "RolloutMode",
    "SharedWorldModel",
    "TensorStatistics",
    "TransformerActionConditionedPredictor",
    "UncertainPredictions",
    "UnknownArchitecture",
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
    "is_bfloat16",
    "predict_with_uncertainty",
    "run_attention",
    "run_prediction",
    "run_reconstruction",
    "shapes_alone",
    "trim_memory_forever",
    "weight_changes",
    "weights_digest",
]
