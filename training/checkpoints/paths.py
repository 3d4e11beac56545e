"""Paths of checkpoints, restricted to those that a visitor may name.

Owns the step from a typed path to a file under the checkpoint folder; the file itself is opened elsewhere. A forbidden
and an absent file get the same message: an answer must not reveal files outside.
"""

import os
import re
from pathlib import Path, PurePath

from models import Network
from session.files import describe
from training.checkpoints.errors import CheckpointNotFound
from training.values import printable

SUFFIX = ".pth"
FILES: dict[Network, str] = {"autoencoder": f"autoencoder{SUFFIX}", "predictor": f"predictor_0{SUFFIX}"}
MAX_TYPED = 1024
SHOWN_PREFIX = "saved/checkpoints"


def checkpoint_path(root: Path, typed: str, shown_prefix: str = SHOWN_PREFIX) -> Path:
    """The existing `.pth` file that a visitor means; raises CheckpointNotFound.

    `typed` is relative to `root`, may begin with `shown_prefix` (what the page writes before such names), and may be
    absolute if it is inside `root`.
    """
    try:
        path = _resolved_inside(root, typed.strip(), shown_prefix)
    except (OSError, ValueError, RuntimeError):
        # Names that no file can have (NUL, lone surrogates, too long), loops of links, folders without access.
        path = None
    if path is None:
        raise CheckpointNotFound(
            f"There is no checkpoint at {printable(typed.strip()) or 'an empty path'}; choose one under {shown_prefix}."
        )
    return path


def _resolved_inside(root: Path, typed: str, shown_prefix: str) -> Path | None:
    if not typed or len(typed) > MAX_TYPED or "\0" in typed or PurePath(typed).suffix != SUFFIX:
        return None
    # Decided by the text first: for a path that leads outside, the disk is not even read.
    relative = _relative(PurePath(typed), root, PurePath(shown_prefix))
    if relative is None or ".." in relative.parts:
        return None
    resolved = (root / relative).resolve()
    return resolved if resolved.is_relative_to(root.resolve()) and resolved.is_file() else None


def _relative(typed: PurePath, root: Path, shown_prefix: PurePath) -> PurePath | None:
    """The typed path relative to `root`, or None if it is outside."""
    for start in (shown_prefix, root, root.resolve()):
        if typed.is_relative_to(start):
            return typed.relative_to(start)
    return None if typed.is_absolute() or typed.drive else typed


def backup_of(path: Path) -> Path:
    """The backup of a checkpoint."""
    return path.with_name(f"{path.stem}_backup{SUFFIX}")


def list_checkpoints(root: Path, robot_name: str) -> list[str]:
    """A robot's `.pth` files relative to `root`: the autoencoder, predictors by number, others, backups last."""
    folder = root / robot_name
    if PurePath(robot_name).parts != (robot_name,) or robot_name == "..":
        return []
    try:
        inside = root.resolve()
        if not folder.resolve().is_relative_to(inside):
            return []
        files = [path for path in folder.iterdir() if path.suffix == SUFFIX and path.is_file()]
        names = [path.name for path in files if path.resolve().is_relative_to(inside)]
    except (OSError, ValueError, RuntimeError):
        return []
    return [f"{robot_name}/{name}" for name in sorted(names, key=_order)]


def unreadable_reason(root: Path, robot_name: str) -> str:
    """The reason why a robot's folder cannot be read, or "" if it can be, or is not there."""
    try:
        os.listdir(root / robot_name)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return ""
    except OSError as problem:
        return describe(problem)
    return ""


def _order(name: str) -> tuple[bool, int, list[tuple[int, str]]]:
    """Backups last, then the autoencoder, predictors and others, numbers by value (predictor_2 before _10)."""
    stem = name.removesuffix(SUFFIX)
    kinds = ("autoencoder", "predictor")
    kind = next((index for index, start in enumerate(kinds) if stem.startswith(start)), len(kinds))
    pieces = re.findall(r"\d+|\D+", stem)
    return stem.endswith("_backup"), kind, [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def default_checkpoints(root: Path, robot_name: str) -> tuple[str, str]:
    """A robot's default files, relative to `root`: its autoencoder and its first predictor, existing or not."""
    predictors = [name for name in list_checkpoints(root, robot_name) if _is_predictor(PurePath(name).stem)]
    first = predictors[0] if predictors else f"{robot_name}/predictor_0{SUFFIX}"
    return f"{robot_name}/autoencoder{SUFFIX}", first


def _is_predictor(stem: str) -> bool:
    return re.fullmatch(r"predictor_\d+", stem) is not None


def checkpoint_menu(root: Path, robot_name: str, shown_prefix: str) -> list[tuple[list[str], str]]:
    """For the autoencoder, then the predictor: the files of the robot's folder that may be its checkpoints, and the
    default one, "" if it does not exist; all as displayed, with `shown_prefix` before them."""
    files = list_checkpoints(root, robot_name)
    menu = []
    for default, other in zip(default_checkpoints(root, robot_name), ("predictor", "autoencoder"), strict=True):
        candidates = [name for name in files if not Path(name).name.startswith(other)]
        value = f"{shown_prefix}/{default}" if default in candidates else ""
        menu.append(([f"{shown_prefix}/{name}" for name in candidates], value))
    return menu
