"""A trial of a checkpoint file without a robot: is there a network of this program that opens it?"""

import re
from pathlib import Path

from models import ActionPredictorConfig, MaskedAutoencoderConfig, Network, NetworkModule, shapes_alone
from training.checkpoints.build import read_architecture
from training.checkpoints.compatibility import check_names, kinds_of, without_copy
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.validate import validate_checkpoint


def require_loadable(path: Path) -> None:
    """Raises a CheckpointError unless a network can be built that loads the file.

    A file without a config does not tell its sizes: then the names of its weights must be those of one of the usual
    networks, with any number of blocks.
    """
    contents = read_checkpoint(path)
    kind = next(iter(kinds_of(contents, contents.tensors)), "autoencoder")
    architecture = read_architecture(path, kind)
    if architecture is not None:
        validate_checkpoint(path, architecture.build())
        return
    tensors, _ = without_copy(contents, kind)
    expected = _usual_network(kind).state_dict()
    found, usual = ({_any_number(name): one for name, one in names.items()} for names in (tensors, expected))
    check_names(contents.file, found, usual)


def _usual_network(kind: Network) -> NetworkModule:
    with shapes_alone():
        return MaskedAutoencoderConfig().build() if kind == "autoencoder" else ActionPredictorConfig().build(1)


def _any_number(name: str) -> str:
    """A name whose numbers of blocks are left open."""
    return re.sub(r"\.\d+(?=\.)", ".N", name)
