"""Which checkpoints to offer for each network of a robot."""

from pathlib import Path

from training.checkpoint_paths import default_checkpoints, list_checkpoints


def checkpoint_menu(root: Path, robot_name: str, shown_prefix: str) -> list[tuple[list[str], str]]:
    """For the autoencoder, then the predictor: the files of the robot's folder that may be its own, and the usual one,
    existing or not; all as they are shown, with `shown_prefix` before them."""
    found = list_checkpoints(root, robot_name)
    menu = []
    for usual, other in zip(default_checkpoints(root, robot_name), ("predictor", "autoencoder"), strict=True):
        fitting = [name for name in found if not Path(name).name.startswith(other)]
        names = fitting if usual in fitting else [usual, *fitting]
        menu.append(([f"{shown_prefix}/{name}" for name in names], f"{shown_prefix}/{usual}"))
    return menu
