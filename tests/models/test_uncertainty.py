import numpy as np
import pytest
import torch

from models import NotFinite, SharedWorldModel, predict_with_uncertainty
from models.inference import to_uint8
from models.layers import Dropout
from tests.models.reference import randomize
from tests.models.small import generator, history, small_config

CANDIDATES = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.5, -0.5]])


@pytest.fixture
def shared():
    shared = SharedWorldModel(small_config(), torch.device("cpu"))
    randomize(shared.model, generator())
    return shared


def uncertain_predictions(shared, passes=0, seed=0, t=3, candidates=CANDIDATES):
    frames, actions, _ = history(t)
    return predict_with_uncertainty(shared, frames, actions[:, : t - 1], candidates, passes, generator(seed))


@pytest.mark.parametrize("t", [1, 3])
def test_pictures_are_the_predictions_of_every_candidate(shared, t):
    frames, actions, _ = history(t)
    result = uncertain_predictions(shared, t=t)
    assert result.uncertainties == ()
    with torch.inference_mode():
        context = shared.model.encode_history(frames)
        for candidate, picture in zip(CANDIDATES, result.pictures, strict=True):
            whole = torch.cat([actions[:, : t - 1], candidate[None, None]], dim=1)
            expected = to_uint8(shared.model.predict(context, whole, frames[:, -1]).picture[0])
            assert np.abs(picture.astype(int) - expected.astype(int)).max() <= 1


def test_uncertainty_is_the_variance_over_passes_with_dropout(shared):
    """The same passes by hand, their variance by torch."""
    result = uncertain_predictions(shared, passes=6, seed=4)
    frames, actions, _ = history(3)
    for part in shared.model.modules():
        if isinstance(part, Dropout):
            part.training = True
    shared.model.use_generator(generator(4))
    with torch.inference_mode():
        context = shared.model.encode_history(frames)
        inputs = context, actions, CANDIDATES, frames[:, -1]
        samples = torch.stack([shared.model.predict_counterfactuals(*inputs).picture for _ in range(6)])
    assert np.allclose(result.uncertainties, samples.var(dim=0).mean(dim=(1, 2, 3)).numpy(), rtol=1e-4)
    assert min(result.uncertainties) > 0


def test_the_seed_decides_and_pictures_do_not_depend_on_it(shared):
    first, same, other = (
        uncertain_predictions(shared, 4, 1),
        uncertain_predictions(shared, 4, 1),
        uncertain_predictions(shared, 4, 2),
    )
    assert first.uncertainties == same.uncertainties != other.uncertainties
    assert all(
        np.array_equal(a, b) for a, b in zip(first.pictures, uncertain_predictions(shared).pictures, strict=True)
    )


def test_torchs_own_random_numbers_are_left_alone(shared):
    before = torch.get_rng_state()
    uncertain_predictions(shared, passes=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_modes_and_generators_are_left_as_they_were_found(shared):
    mine = generator(9)
    shared.model.use_generator(mine)
    shared.model.predictor.train()
    parts = list(shared.model.modules())
    before = [part.training for part in parts]
    uncertain_predictions(shared, passes=3)
    assert [part.training for part in parts] == before
    assert all(part.generator is mine for part in parts if isinstance(part, Dropout))
    shared.model.eval()
    with torch.no_grad():
        shared.model.predictor.output_head.weight.fill_(float("nan"))
    with pytest.raises(NotFinite):
        uncertain_predictions(shared, passes=3)
    assert not any(part.training for part in parts)


def test_without_dropout_nothing_is_uncertain():
    config = small_config()
    still = type(config.predictor)(**{**vars(config.predictor), "dropout": 0.0})
    shared = SharedWorldModel(type(config)(2, config.autoencoder, still), torch.device("cpu"))
    assert uncertain_predictions(shared, passes=3).uncertainties == (0.0, 0.0, 0.0)


def test_the_models_lock_is_held_meanwhile(shared):
    modes = []
    real = shared.model.predict_counterfactuals

    def watched(*arguments):
        modes.append(shared.lock._is_owned())
        return real(*arguments)

    shared.model.predict_counterfactuals = watched
    uncertain_predictions(shared, passes=2)
    assert modes == [True] * 3
