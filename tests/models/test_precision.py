"""The choice of bfloat16, and that what is computed with it stays within the stated tolerance of float32."""

import threading

import pytest
import torch

from models import PRECISIONS, ROLLOUT_MODES, RolloutContext, SharedWorldModel, imagine, is_bfloat16, precision
from models.inference import evaluating, run_reconstruction, to_uint8
from tests.models.reference import randomize
from tests.models.small import generator, history, small_config

CPU = torch.device("cpu")
TOLERANCE = 2e-2  # a share of the norm


@pytest.fixture
def forgotten():
    """No measurement yet."""
    precision._begun.cache_clear()
    yield
    precision._begun.cache_clear()


@pytest.fixture(scope="module")
def shared():
    shared = SharedWorldModel(small_config(), CPU)
    randomize(shared.model, generator())
    return shared


def imagined(shared, mode, chosen):
    frames, actions, _ = history()
    context = RolloutContext.of([to_uint8(frame) for frame in frames[0]], list(actions[0, :2]))
    return imagine(shared, context, actions[0, 2], mode, 3, chosen)


def relative(actual, expected):
    return ((actual - expected).norm() / expected.norm()).item()


@pytest.mark.parametrize("mode", ROLLOUT_MODES)
def test_an_imagined_frame_in_bfloat16_is_that_in_float32_within_the_tolerance(shared, mode, fast_bfloat16):
    exact, rounded = (imagined(shared, mode, chosen) for chosen in reversed(PRECISIONS))
    assert 0 < relative(rounded.decoded, exact.decoded) < TOLERANCE
    assert exact.decoded.dtype == rounded.decoded.dtype == torch.float32
    if mode == "latents":
        first, second = (one.context.frames[-1].latents.float() for one in (rounded, exact))
        assert 0 < relative(first, second) < TOLERANCE


def test_steps_in_bfloat16_give_every_weight_a_float32_gradient_near_that_of_float32(fast_bfloat16):
    shared = SharedWorldModel(small_config(), CPU)
    randomize(shared.model, generator())
    frames, actions, target = history()
    gradients = []
    for chosen in PRECISIONS:
        shared.model.zero_grad(set_to_none=True)
        with precision.autocast(CPU, chosen):
            losses = shared.model.prediction_losses(frames, actions, target)
        losses.total.backward()
        gradients.append({name: one.grad for name, one in shared.model.named_parameters() if one.grad is not None})
    rounded, exact = gradients
    assert rounded.keys() == exact.keys() and {one.dtype for one in rounded.values()} == {torch.float32}
    assert 0 < relative(*(torch.cat([one.flatten() for one in some.values()]) for some in gradients)) < 2 * TOLERANCE


def test_without_such_instructions_nothing_is_measured_and_everything_is_float32(shared, monkeypatch, tmp_path):
    flags = tmp_path / "cpuinfo"
    flags.write_text("flags : fpu avx2 avx512f")
    monkeypatch.setattr(precision, "CPU_FLAGS", flags)
    monkeypatch.setattr(precision, "measured_gain", lambda: pytest.fail("measured"))
    precision._has_instructions.cache_clear()
    try:
        exact, automatic = (imagined(shared, "latents", chosen) for chosen in PRECISIONS)
        assert torch.equal(exact.decoded, automatic.decoded) and not is_bfloat16(CPU, "auto")
        flags.write_text("flags : fpu avx2 avx512_bf16")
        precision._has_instructions.cache_clear()
        assert precision._has_instructions("cpu")
        flags.unlink()
        precision._has_instructions.cache_clear()
        assert not precision._has_instructions("cpu")
    finally:
        precision._has_instructions.cache_clear()


@pytest.mark.parametrize(("gain", "is_faster"), [(precision.FASTER_FROM, True), (precision.FASTER_FROM - 0.01, False)])
def test_bfloat16_is_used_if_a_measurement_in_the_background_found_it_faster(monkeypatch, forgotten, gain, is_faster):
    go_on, measured = threading.Event(), []

    def measure():
        assert go_on.wait(30)
        measured.append(gain)
        return gain

    monkeypatch.setattr(precision, "_has_instructions", lambda kind: True)
    monkeypatch.setattr(precision, "measured_gain", measure)
    assert not is_bfloat16(CPU, "auto") and not measured  # it does not wait
    go_on.set()
    with precision.autocast(CPU, "auto"):
        assert torch.is_autocast_enabled("cpu") == is_faster
    assert is_bfloat16(CPU, "auto") == is_faster and not is_bfloat16(CPU, "float32") and measured == [gain]


def test_the_gain_is_a_ratio_of_times():
    assert 0 < precision.measured_gain() < 100


def test_what_is_compared_with_thresholds_stays_float32(shared, fast_bfloat16):
    with evaluating(shared):
        assert not torch.is_autocast_enabled("cpu")
    image = history()[2]
    automatic = SharedWorldModel(small_config(), CPU, "auto")
    automatic.model.load_state_dict(shared.model.state_dict())
    assert run_reconstruction(automatic, image).mse == run_reconstruction(shared, image).mse
