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
    AttentionLook,
    AttentionMeasures,
    AttentionShares,
    NoSuchLayer,
    NoSuchToken,
    attention_on_frames,
    breakdown,
    run_attention,
    share_by_part,
)
from models.introspection.weights import (
    PositionTables,
    TensorStatistics,
    WeightChange,
    WeightLook,
    WeightStatistics,
    copy_weights,
    look_at_weights,
    weight_changes,
)
from models.masked_autoencoder import MaskedAutoencoderConfig, MaskedAutoencoderViT
from models.memory import give_back_freed_memory_forever
from models.rollout import WAYS, ContextFrame, DreamContext, Imagined, Way, imagine
from models.shared_world_model import (
    DeviceUnavailable,
    Network,
    SharedWorldModel,
    WeightsInUse,
    WorldModels,
    choose_device,
    weights_digest,
)
from models.uncertainty import Outlook, run_outlook

__all__ = [
    "WAYS",
    "ActionPredictorConfig",
    "AdaptiveWorldModel",
    "AdaptiveWorldModelConfig",
    "AttentionLook",
    "AttentionMeasures",
    "AttentionShares",
    "CandidatePrediction",
    "ContextFrame",
    "DeviceUnavailable",
    "DreamContext",
    "HeatMap",
    "Imagined",
    "MaskedAutoencoderConfig",
    "MaskedAutoencoderViT",
    "Network",
    "NoSuchLayer",
    "NoSuchToken",
    "NotFinite",
    "Outlook",
    "PositionTables",
    "Prediction",
    "PredictionLosses",
    "Reconstruction",
    "SharedWorldModel",
    "TensorStatistics",
    "TransformerActionConditionedPredictor",
    "Way",
    "WeightChange",
    "WeightLook",
    "WeightStatistics",
    "WeightsInUse",
    "WorldModels",
    "attention_on_frames",
    "breakdown",
    "choose_device",
    "copy_weights",
    "draw_differences",
    "draw_error",
    "give_back_freed_memory_forever",
    "imagine",
    "look_at_weights",
    "run_attention",
    "run_outlook",
    "run_prediction",
    "run_reconstruction",
    "share_by_part",
    "weight_changes",
    "weights_digest",
]
