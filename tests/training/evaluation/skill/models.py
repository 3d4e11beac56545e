"""World models with known answers: the mean picture whatever is done, and the truth of the Toroidal Dot."""

import torch

from models import SharedWorldModel, WeightsSource
from models.adaptive_world_model import PredictedFrame
from tests.training.tiny import shared_model
from training.evaluation.baselines import recording_baselines

STEP = 27  # pixels of a move
FAINT = 1e-4  # of brightness, a twentieth of half a grey level


def trained(shared):
    shared.set_weights_source(dict.fromkeys(("autoencoder", "predictor"), WeightsSource("trained.pth", 290)))
    return shared


def mean_model(patch, recording) -> SharedWorldModel:
    """Shows the mean picture of a recording; each picture of a batch is a little brighter than the one before."""
    shared = trained(shared_model())
    mean = torch.from_numpy(recording_baselines(recording).picture).permute(2, 0, 1)

    def decode(latents):
        return mean + FAINT * torch.arange(len(latents))[:, None, None, None]

    patch.setattr(shared.model, "decode", decode)
    patch.setattr(shared.model, "reconstruct", decode)
    return shared


def oracle(patch) -> SharedWorldModel:
    """Latents are the pixels, and a prediction is what the simulator shows."""
    shared = trained(shared_model())

    def predict(latents, actions, last):
        pictures = latents[:, -1].unflatten(2, (3, 224, 224))
        moved = pictures.roll(STEP, dims=-1)
        pictures = torch.where((actions[:, -1, 0] > 0)[:, None, None, None, None], moved, pictures)
        return PredictedFrame(pictures.flatten(2), pictures[:, 0])

    def predict_counterfactuals(latents, actions, candidates, last):
        return predict(latents.expand(len(candidates), *latents.shape[1:]), candidates[:, None], last)

    patch.setattr(shared.model, "encode", lambda images: images.flatten(1)[:, None])
    patch.setattr(shared.model, "decode", lambda latents: latents[:, 0].unflatten(1, (3, 224, 224)))
    patch.setattr(shared.model, "reconstruct", lambda images: images)
    patch.setattr(shared.model, "predict", predict)
    patch.setattr(shared.model, "predict_counterfactuals", predict_counterfactuals)
    return shared
