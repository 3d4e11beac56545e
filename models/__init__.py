"""The networks and what can be asked of them; torch only, no files of a session, no robots' names, no browser."""

from models.action_predictor import ActionPredictorConfig, TransformerActionConditionedPredictor
from models.adaptive_world_model import AdaptiveWorldModel, AdaptiveWorldModelConfig, PredictionLosses
from models.attention import (
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
from models.figures import HeatMap, draw_differences, draw_error
from models.heap import give_back_freed_memory_forever
from models.imagination import WAYS, ContextFrame, DreamContext, Imagined, Way, imagine
from models.inference import (
    CandidatePrediction,
    NotFinite,
    Prediction,
    Reconstruction,
    run_prediction,
    run_reconstruction,
)
from models.masked_autoencoder import MaskedAutoencoderConfig, MaskedAutoencoderViT
from models.outlook import Outlook, run_outlook
from models.shared_world_model import (
    DeviceUnavailable,
    Network,
    SharedWorldModel,
    WeightsInUse,
    WorldModels,
    choose_device,
)
from models.weight_statistics import (
    PositionTables,
    TensorStatistics,
    WeightChange,
    WeightLook,
    WeightStatistics,
    copy_weights,
    look_at_weights,
    weight_changes,
)
from models.weights_digest import weights_digest

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
