"""Another predictor needs its own file and a row of PREDICTORS: it is trained, saved, loaded and inspected as it is."""

from dataclasses import dataclass
from types import MappingProxyType

import pytest
import torch
from torch import nn

from models import (
    AdaptiveWorldModelConfig,
    SharedWorldModel,
    adaptive_world_model,
    inspect_weights,
    run_attention,
    run_prediction,
)
from models.action_predictor import ACTION_TOKEN, FRAME_TOKEN, FUTURE_TOKEN
from models.layers import TOKEN_STD, initialize_linears
from models.network import Predictor, PredictorConfig, TokenLayout
from session.batch import Batch
from tests.models.small import AUTOENCODER, history
from tests.training.checkpoint_files import autoencoder, predictor
from tests.training.checkpoints.test_validate import are_equal, refused, tensors_of
from training import (
    CheckpointConfigDiffers,
    PredictorTrainer,
    TrainState,
    WrongNetwork,
    load_checkpoint,
    save_checkpoint,
)
from training.checkpoints.build import world_model_config
from training.checkpoints.writer import FILES
from training.optim import action_parameter_share


@dataclass(frozen=True)
class LastFrameConfig(PredictorConfig):
    width: int = 32
    hidden: int = 16
    layers: int = 1
    heads: int = 1

    def build(self, action_channels):
        return LastFramePredictor(action_channels, self)


class LastFramePredictor(Predictor):
    """Changes each token of the last frame by the last action."""

    action_parts = ("action.",)

    def __init__(self, action_channels, config):
        super().__init__()
        self.action_channels, self.config = action_channels, config
        self.action = nn.Linear(action_channels, config.hidden)
        self.position_embedding = nn.Embedding(64, config.width)
        self.change = nn.Linear(config.hidden, config.width)
        self.reset_weights()

    def reset_weights(self, generator=None):
        initialize_linears(self, generator)
        nn.init.normal_(self.position_embedding.weight, std=TOKEN_STD, generator=generator)

    def layer_groups(self):
        return [
            ("Action", ("action.",)),
            ("Position embedding", ("position_embedding.",)),
            ("Change", ("change.",)),
            ("No parameters", ("none.",)),
        ]

    def example_output(self):
        return self(torch.ones(1, 1, 2, self.config.width), torch.zeros(1, 1, self.action_channels))

    def forward(self, latents, actions, subset=None):
        assert subset is None
        positions = self.position_embedding.weight[: latents.shape[2]]
        return latents[:, -1] + positions + self.change(self.action(actions[:, -1]))[:, None]

    def token_layout(self, t, p):
        kinds = [FRAME_TOKEN] * p + [ACTION_TOKEN] + [FUTURE_TOKEN] * p
        return TokenLayout(torch.tensor(kinds), torch.tensor([t - 1] * (p + 1) + [-1] * p))

    def attention(self, latents, actions, layers):
        p = latents.shape[2]
        return {layer: torch.eye(p, 2 * p + 1)[None, None] for layer in layers}


@pytest.fixture(autouse=True)
def row(monkeypatch):
    rows = MappingProxyType({**adaptive_world_model.PREDICTORS, "last_frame": LastFrameConfig})
    monkeypatch.setattr("models.architecture.PREDICTORS", rows)


def shared_model():
    return SharedWorldModel(AdaptiveWorldModelConfig(2, AUTOENCODER, LastFrameConfig()), torch.device("cpu"))


def trained(steps=2):
    model = shared_model().model
    trainer = PredictorTrainer(model, TrainState(model))
    frames, actions, target = history(b=2)
    metrics = [trainer.step(Batch(frames, actions, target)) for _ in range(steps)]
    return trainer.state, metrics


def test_it_is_trained_and_its_action_parameters_are_recognized():
    optimizers, metrics = trained()
    assert 0 < metrics[0].action_gradient_share < 1
    own = (2 * 16 + 16) / (2 * 16 + 16 + 64 * 32 + 16 * 32 + 32)
    assert action_parameter_share(optimizers.model.predictor) == pytest.approx(own)


def test_it_is_saved_and_built_again_from_its_file(tmp_path):
    optimizers, _ = trained()
    save_checkpoint(tmp_path, optimizers)
    files = {network: tmp_path / name for network, name in FILES.items()}
    other = SharedWorldModel(world_model_config(2, files), torch.device("cpu"))
    for network, path in files.items():
        assert load_checkpoint(path, other.network(network)).step == 2
    assert type(other.model.predictor) is LastFramePredictor
    assert are_equal(tensors_of(other.model), tensors_of(optimizers.model))


def test_its_file_and_those_of_other_networks_are_distinguished(tmp_path):
    optimizers, _ = trained()
    save_checkpoint(tmp_path, optimizers)
    path, own = tmp_path / FILES["predictor"], optimizers.model.predictor
    message = refused(path, predictor(), CheckpointConfigDiffers)
    assert "holds another predictor than the one in use: its architecture is last_frame, not transformer;" in message
    assert "contains predictor weights" in refused(path, autoencoder(), WrongNetwork)
    assert "contains autoencoder weights" in refused(tmp_path / FILES["autoencoder"], own, WrongNetwork)


def test_what_the_page_shows_of_a_predictor_is_there():
    shared = shared_model()
    frames, actions, target = history()
    names = [group.name for group in inspect_weights(shared).groups if group.network == "predictor"]
    assert names == ["Action", "Position embedding", "Change"]
    assert run_attention(shared, frames, actions).measures.alf == 1
    candidates = torch.tensor([[-1.0, 0.0], [1.0, 0.0]])
    swept = run_prediction(shared, frames, actions, target, candidates, None).candidates
    for candidate, one in zip(candidates, swept, strict=True):
        single = run_prediction(
            shared, frames, torch.cat([actions[:, :-1], candidate[None, None]], 1), target, candidates, None
        )
        assert single.mse == pytest.approx(one.mse)
