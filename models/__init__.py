"""The networks and what can be asked of them; torch only, no files of a session, no robots' names, no browser."""

from models.action_predictor import ActionPredictorConfig, TransformerActionConditionedPredictor
from models.adaptive_world_model import AdaptiveWorldModel, AdaptiveWorldModelConfig, PredictionLosses
from models.figures import HeatMap, draw_error
from models.inference import (
    CandidatePrediction,
    NotFinite,
    Prediction,
    Reconstruction,
    run_prediction,
    run_reconstruction,
)
from models.masked_autoencoder import MaskedAutoencoderConfig, MaskedAutoencoderViT
from models.shared_world_model import (
    DeviceUnavailable,
    Network,
    SharedWorldModel,
    WeightsInUse,
    WorldModels,
    choose_device,
)

__all__ = [
    "ActionPredictorConfig",
    "AdaptiveWorldModel",
    "AdaptiveWorldModelConfig",
    "CandidatePrediction",
    "DeviceUnavailable",
    "HeatMap",
    "MaskedAutoencoderConfig",
    "MaskedAutoencoderViT",
    "Network",
    "NotFinite",
    "Prediction",
    "PredictionLosses",
    "Reconstruction",
    "SharedWorldModel",
    "TransformerActionConditionedPredictor",
    "WeightsInUse",
    "WorldModels",
    "choose_device",
    "draw_error",
    "run_prediction",
    "run_reconstruction",
]
