"""The config of a world model as its checkpoint files state it, so that files of other than default sizes can be used.

Owns the steps from files to a config. The weights are loaded afterwards, by `validate.py`.
"""

from collections.abc import Mapping
from pathlib import Path

from models import AdaptiveWorldModelConfig, Architecture, Network, shapes_alone
from training.checkpoints.compatibility import (
    check_kind,
    check_names,
    check_shapes,
    check_size,
    saved_architecture,
    without_copy,
)
from training.checkpoints.errors import CheckpointConfigDiffers
from training.checkpoints.reader import read_checkpoint


def world_model_config(action_channels: int, files: Mapping[Network, Path]) -> AdaptiveWorldModelConfig:
    """The config of a world model whose networks are those of the files; raises a CheckpointError.

    A network without a file, or whose file has no config, has the default sizes.
    """
    architectures = {kind: read_architecture(path, kind) for kind, path in files.items()}
    configs = {kind: one.config for kind, one in architectures.items() if one is not None}
    try:
        return AdaptiveWorldModelConfig(action_channels, **configs)
    except ValueError as problem:
        names = " and ".join(path.name for path in files.values())
        raise CheckpointConfigDiffers(f"{names} do not fit together: {problem}") from problem


def read_architecture(path: Path, kind: Network) -> Architecture | None:
    """The architecture that a file of a network of this kind states, or None if it has no config.

    Raises a CheckpointError, also if the file's weights are not those of a network of this architecture.
    """
    contents = read_checkpoint(path)
    tensors, _ = without_copy(contents, kind)
    check_kind(contents, tensors, kind)
    architecture = saved_architecture(contents)
    if architecture is not None:
        check_size(contents)
        with shapes_alone():
            expected = architecture.build().state_dict()
        check_names(contents.file, tensors, expected)
        check_shapes(contents.file, tensors, expected)
    return architecture
