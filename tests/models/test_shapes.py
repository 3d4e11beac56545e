from models import shapes_alone
from tests.cases import every_case
from tests.models.small import AUTOENCODER, PREDICTOR


@every_case("build", [AUTOENCODER.build, lambda: PREDICTOR.build(3)])
def test_a_network_of_shapes_alone_has_the_names_shapes_and_kinds_of_a_whole_one(build):
    with shapes_alone():
        outline = build().state_dict()
    whole = build().state_dict()
    assert all(tensor.is_meta for tensor in outline.values())
    assert {name: (tensor.shape, tensor.dtype) for name, tensor in outline.items()} == {
        name: (tensor.shape, tensor.dtype) for name, tensor in whole.items()
    }
    assert not any(tensor.is_meta for tensor in whole.values())
