import hashlib

import pytest
import torch
from torch import nn

from models import SharedWorldModel, weights_digest
from tests.models.small import small_config


class Two(nn.Module):
    """Two named values, registered in an order of choice."""

    def __init__(self, *names, dtype=torch.float32):
        super().__init__()
        for name in names:
            self.register_buffer(name, torch.tensor([1.0, 2.0] if name == "a" else 3.0, dtype=dtype))


@pytest.fixture
def shared():
    return SharedWorldModel(small_config(), torch.device("cpu"))


def test_the_digest_is_of_names_shapes_types_and_bytes_in_the_order_of_names():
    # 1.0, 2.0 and 3.0 as little-endian float32.
    expected = hashlib.sha256(
        b"a (2,) torch.float32\n" + bytes.fromhex("0000803f00000040") + b"b () torch.float32\n" + b"\x00\x00\x40\x40"
    ).hexdigest()
    assert weights_digest(Two("a", "b")) == weights_digest(Two("b", "a")) == expected


def test_another_name_shape_type_or_value_is_another_digest():
    changed = Two("a", "b")
    changed.a[1] = torch.nextafter(changed.a[1], torch.tensor(9.0))
    flat = Two("a", "b")
    flat.a = flat.a[None]
    kinds = [Two("a", "b"), Two("a", "c"), Two("a"), Two("a", "b", dtype=torch.bfloat16), changed, flat]
    assert len({weights_digest(kind) for kind in kinds}) == len(kinds)


def test_how_the_numbers_lie_in_memory_makes_no_difference():
    plain, turned = nn.Linear(3, 2), nn.Linear(3, 2)
    turned.weight = nn.Parameter(plain.weight.detach().T.contiguous().T)
    turned.bias = plain.bias
    assert not turned.weight.is_contiguous() and weights_digest(plain) == weights_digest(turned)


def test_saved_and_loaded_weights_have_the_same_digest(shared, tmp_path):
    torch.save(shared.model.autoencoder.state_dict(), tmp_path / "weights.pth")
    other = SharedWorldModel(small_config(), torch.device("cpu"))
    other.model.reset_weights(torch.Generator().manual_seed(5))
    assert weights_digest(other.model.autoencoder) != weights_digest(shared.model.autoencoder)
    other.model.autoencoder.load_state_dict(torch.load(tmp_path / "weights.pth", weights_only=True))
    assert weights_digest(other.model.autoencoder) == weights_digest(shared.model.autoencoder)


def test_a_shared_model_has_the_digests_of_both_networks(shared):
    digests = shared.digests()
    assert digests["autoencoder"] == weights_digest(shared.model.autoencoder)
    assert digests["predictor"] == weights_digest(shared.model.predictor)


def test_a_shared_model_takes_digests_anew_only_after_weights_changed(shared):
    before = shared.digests()
    assert shared.digests() is before
    with shared.lock, torch.no_grad():
        shared.model.predictor.future_query.add_(1)
        shared.set_weights_source({})
    after = shared.digests()
    assert after["predictor"] != before["predictor"] and after["autoencoder"] == before["autoencoder"]
