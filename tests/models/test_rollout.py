import numpy as np
import pytest
import torch

from models import ROLLOUT_MODES, NotFinite, RolloutContext, SharedWorldModel, WeightsSource, imagine
from models.inference import to_uint8
from tests.models.reference import randomize
from tests.models.small import generator, history, small_config

PRESSED = torch.tensor([[1.0, -1.0], [-0.5, 0.5], [0.0, 1.0], [1.0, 1.0], [-1.0, 0.0]])


@pytest.fixture
def shared():
    shared = SharedWorldModel(small_config(), torch.device("cpu"))
    randomize(shared.model, generator())
    # Pictures within [0, 1], as of trained networks: if all were clipped, re-encoding would have no input.
    with torch.no_grad():
        shared.model.autoencoder.decoder_pred[2].weight.mul_(0.05)
        shared.model.autoencoder.decoder_pred[2].bias.fill_(0.5)
    return shared


def start(t=3):
    frames, actions, _ = history(t=t)
    return RolloutContext.of([to_uint8(frame) for frame in frames[0]], list(actions[0, : t - 1]))


def rollout(shared, mode, context=None, pressed=PRESSED, length=3):
    results = []
    context = context or start()
    for action in pressed:
        results.append(imagine(shared, context, action, mode, length))
        context = results[-1].context
    return results


@torch.inference_mode()
def plainly(shared, mode, pressed=PRESSED, t=3):
    """The same loop without any reuse, in full precision."""
    begun = start(t)
    latents = [shared.model.encode(as_image(frame.picture))[0] for frame in begun.frames]
    actions, pictures = list(begun.actions), []
    for action in pressed:
        actions.append(action)
        context, scaled = torch.stack(latents[-3:])[None], torch.stack(actions[-len(latents[-3:]) :])[None]
        predicted, picture = shared.model.predict(context, scaled, as_image(begun.frames[-1].picture))
        pictures.append(picture[0])
        again = shared.model.encode(as_image(to_uint8(pictures[-1])))[0]
        latents.append(predicted[0] if mode == "latents" else again)
    return pictures


def as_image(picture):
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("mode", ROLLOUT_MODES)
@pytest.mark.parametrize("t", [1, 2, 3])
def test_a_rollout_is_the_plain_loop_within_a_level_of_a_picture(shared, mode, t):
    results = rollout(shared, mode, start(t))
    for one, picture in zip(results, plainly(shared, mode, t=t), strict=True):
        assert torch.allclose(one.decoded, picture, atol=1 / 255)
        assert np.array_equal(one.picture, to_uint8(one.decoded))


def test_the_two_ways_agree_on_the_first_step_and_part_afterwards(shared):
    latents, pictures = (rollout(shared, mode) for mode in ROLLOUT_MODES)
    assert torch.equal(latents[0].decoded, pictures[0].decoded)
    assert not torch.allclose(latents[-1].decoded, pictures[-1].decoded, atol=1e-3)


def test_another_action_leads_to_another_frame(shared):
    one, other = (imagine(shared, start(), action, "latents", 3) for action in PRESSED[:2])
    assert not torch.equal(one.decoded, other.decoded)


@pytest.mark.parametrize("mode", ROLLOUT_MODES)
def test_a_step_leaves_its_context_as_it_was_so_that_going_back_leads_to_the_same_again(shared, mode):
    results = rollout(shared, mode)
    again = imagine(shared, results[1].context, PRESSED[2], mode, 3)
    assert torch.equal(again.decoded, results[2].decoded)


@pytest.mark.parametrize("length", [2, 5])
def test_only_as_much_context_is_kept_as_counts(shared, length):
    results = rollout(shared, "latents", length=length)
    assert [len(one.context.frames) for one in results] == [min(length, 4 + i) for i in range(len(PRESSED))]
    assert all(len(one.context.actions) == len(one.context.frames) - 1 for one in results)
    assert torch.equal(results[-1].context.actions[-1], PRESSED[-1])


def test_a_longer_history_from_here_on_grows_with_the_rollout(shared):
    context = rollout(shared, "latents", length=2)[-1].context
    assert len(imagine(shared, context, PRESSED[0], "latents", 8).context.frames) == 3


def test_after_a_change_of_weights_pictures_stay_and_latents_are_made_anew(shared):
    before = rollout(shared, "latents")[-1]
    with shared.lock:
        randomize(shared.model.autoencoder, generator(9))
        shared.set_weights_source({"autoencoder": WeightsSource(step=1)})
    after = imagine(shared, before.context, PRESSED[0], "latents", 3)
    fresh = RolloutContext.of([frame.picture for frame in before.context.frames], before.context.actions)
    assert after.version == before.version + 1
    assert torch.equal(after.decoded, imagine(shared, fresh, PRESSED[0], "latents", 3).decoded)
    pairs = zip(before.context.frames[1:], after.context.frames[:-1], strict=True)
    assert all(np.array_equal(one.picture, other.picture) for one, other in pairs)


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_weights_that_are_no_numbers_are_refused_by_name(shared, network):
    for parameter in shared.network(network).parameters():
        torch.nn.init.constant_(parameter, float("nan"))
    with pytest.raises(NotFinite, match=network):
        imagine(shared, start(), PRESSED[0], "latents", 3)


def test_a_training_mode_is_left_as_it_was(shared):
    shared.model.predictor.train()
    one = imagine(shared, start(), PRESSED[0], "latents", 3)
    assert shared.model.predictor.training and not shared.model.autoencoder.training
    assert torch.equal(one.decoded, imagine(shared, start(), PRESSED[0], "latents", 3).decoded)  # no dropout


def test_a_context_takes_few_bytes(shared):
    frame = imagine(shared, start(), PRESSED[0], "latents", 3).context.frames[-1]
    assert frame.latents.dtype == torch.float16 and frame.picture.dtype == np.uint8
    assert imagine(shared, start(), PRESSED[0], "pictures", 3).context.frames[-1].latents is None
