"""Writing checkpoints so that at no moment, whatever kills the process, there is no readable one.

Each network's file: a temporary one in the same folder, flushed and read back; once all of them are there, the old
ones are linked as backups and the new ones renamed into place. `state.json` is written last: it names the digest of
each file, so that random numbers are used again only with the very weights they belong to. A lock on a file in the
folder keeps threads and other programs apart.
"""

import base64
import contextlib
import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import torch
from torch import Tensor

from models import Network
from training.checkpoint_errors import CheckpointError
from training.checkpoint_paths import SUFFIX
from training.steps import WorldModelOptimizers

logger = logging.getLogger(__name__)

FILES: dict[Network, str] = {"autoencoder": f"autoencoder{SUFFIX}", "predictor": f"predictor_0{SUFFIX}"}
STATE_FILE = "state.json"
LOCK_FILE = ".saving.lock"
MAX_STATE_BYTES = 1 << 20
TEMPORARY = ".unfinished"


class CheckpointNotSaved(CheckpointError):
    """A checkpoint could not be written; the one that was there before still is."""


@dataclass(frozen=True)
class SavedCheckpoint:
    """Names of the files written, each with the step of its network, and under which names others that lay there are
    kept."""

    files: dict[str, int]
    kept: tuple[str, ...] = ()

    def describe(self) -> str:
        """For people: "autoencoder.pth (step 120)"."""
        written = ", ".join(f"{name} (step {step:,})" for name, step in self.files.items())
        others = f"; what lay there came from elsewhere and is kept as {', '.join(self.kept)}" if self.kept else ""
        return written + others


class Lineage:
    """Which files of a folder the weights in use come from. A save replaces these, and makes a backup of each once a
    run: a bad run must not use up both. Any other file of that name is kept under a name of its own."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}
        self._backed_up: set[str] = set()

    def note(self, name: str, digest: str) -> None:
        """The weights in use are those of this file."""
        self._digests[name] = digest

    def begin_run(self) -> None:
        """What is on disk now is what a backup has to hold."""
        self._backed_up.clear()

    def is_own(self, path: Path) -> bool:
        """Whether the file at `path` is the one that the weights in use come from."""
        return self._digests.get(path.name) == file_digest(path)

    def needs_backup(self, name: str) -> bool:
        """Whether this is the first save of the file in a run; asked once each time."""
        is_first = name not in self._backed_up
        self._backed_up.add(name)
        return is_first


@dataclass(frozen=True, eq=False)
class Contents:
    """What is to be written, apart from the live tensors: training may go on meanwhile."""

    networks: dict[Network, dict[str, object]]
    steps: dict[Network, int]
    random_state: Tensor


def copy_contents(optimizers: WorldModelOptimizers, networks: Iterable[Network]) -> Contents:
    """Copies of weights, optimizer, schedule and random state; to be called while nobody changes them."""
    modules = {"autoencoder": optimizers.model.autoencoder, "predictor": optimizers.model.predictor}
    contents, steps = {}, {}
    for network in networks:
        module, state = modules[network], optimizers.of(network).state()
        contents[network] = {
            "model_state_dict": _copied(module.state_dict()),
            "optimizer_state_dict": _copied(state.optimizer),
            "scheduler_state_dict": _copied(state.schedule),
        }
        steps[network] = state.step
    if "predictor" in contents:
        contents["predictor"]["level"] = 0
    return Contents(contents, steps, optimizers.generator.get_state())


def _copied(value: object) -> object:
    """The same nest of dicts and lists with tensors of its own on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, list) else value


def save_checkpoint(
    directory: Path, optimizers: WorldModelOptimizers, networks: Iterable[Network] = ("autoencoder", "predictor")
) -> SavedCheckpoint:
    """Write the named networks with their optimizers; raises CheckpointNotSaved. Nobody may train meanwhile."""
    return write_contents(directory, copy_contents(optimizers, networks))


def write_contents(directory: Path, contents: Contents, lineage: Lineage | None = None) -> SavedCheckpoint:
    """Write copied contents; raises CheckpointNotSaved. Without a `lineage` each file there becomes the backup."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone_in(directory):
            kept = _write_generation(directory, contents, lineage)
    except OSError as problem:
        logger.warning("checkpoint not saved: %s", problem)
        raise CheckpointNotSaved(
            f"The checkpoint was not saved ({problem.strerror or 'input/output error'}); the one saved before is "
            "still there. Make room or check the folder, then press Save Models."
        ) from problem
    return SavedCheckpoint({FILES[name]: step for name, step in contents.steps.items()}, kept)


@contextlib.contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Wait until nobody else writes in the folder; leave no unfinished file behind, neither ours nor of the dead."""
    with (directory / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(directory)
        try:
            yield
        finally:
            # A full disk is no time to leave half a checkpoint lying about.
            with contextlib.suppress(OSError):
                _sweep(directory)


def _sweep(directory: Path) -> None:
    for litter in directory.glob(f"*{TEMPORARY}"):
        litter.unlink()


def _write_generation(directory: Path, contents: Contents, lineage: Lineage | None) -> tuple[str, ...]:
    # All files are whole on the disk before the first takes its place: a full disk does not part the networks.
    paths = {directory / FILES[name]: part for name, part in contents.networks.items()}
    digests = {path.name: _write_temporary(path, part) for path, part in paths.items()}
    kept = [name for path in paths if (name := _keep(path, lineage))]
    for path in paths:
        os.replace(path.with_name(path.name + TEMPORARY), path)
        if lineage is not None:
            lineage.note(path.name, digests[path.name])
    _sync_folder(directory)
    _write_state(directory, digests, contents.random_state)
    return tuple(kept)


def _write_temporary(path: Path, content: dict[str, object]) -> str:
    """Returns the digest of the file as read back."""
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("wb") as file:
        try:
            torch.save(content, file)
        except RuntimeError as problem:  # torch's own zip writer reports a full disk this way
            raise OSError(28, "no space left on the device") from problem
        file.flush()
        os.fsync(file.fileno())
    return file_digest(temporary)


def _keep(path: Path, lineage: Lineage | None) -> str | None:
    """Give the file that is about to be replaced a second name; returns it where it is not the backup's."""
    if not path.exists():
        return None
    if lineage is not None and not lineage.is_own(path):
        other = f"{path.stem}_{datetime.now():%Y%m%d_%H%M%S}{SUFFIX}"
        _name_twice(path, path.with_name(other))
        return other
    if lineage is None or lineage.needs_backup(path.name):
        _name_twice(path, path.with_name(f"{path.stem}_backup{SUFFIX}"))
    return None


def _name_twice(path: Path, second: Path) -> None:
    linked = second.with_name(second.name + TEMPORARY)
    try:
        os.link(path, linked)
    except OSError:  # some file systems know no links; a copy is as good, and slower
        shutil.copyfile(path, linked)
    os.replace(linked, second)


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_state(directory: Path, digests: dict[str, str], random_state: Tensor) -> None:
    kept = {name: digest for name, digest in read_state(directory).get("digests", {}).items() if name not in digests}
    state = {
        "digests": {**kept, **digests},
        "random_state": base64.b64encode(random_state.numpy().tobytes()).decode("ascii"),
    }
    temporary = directory / (STATE_FILE + TEMPORARY)
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, directory / STATE_FILE)
    _sync_folder(directory)


def read_state(directory: Path) -> dict[str, dict[str, str]]:
    """`state.json` as written; empty where it is absent, damaged or something else."""
    try:
        with (directory / STATE_FILE).open("rb") as file:
            state = json.loads(file.read(MAX_STATE_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return state if isinstance(state, dict) and isinstance(state.get("digests"), dict) else {}


def saved_random_state(path: Path) -> Tensor | None:
    """The random state saved together with the checkpoint at `path`; None where they do not belong together."""
    state = read_state(path.parent)
    encoded = state.get("random_state")
    try:
        if not isinstance(encoded, str) or state["digests"].get(path.name) != file_digest(path):
            return None
        raw = base64.b64decode(encoded, validate=True)
    except (OSError, ValueError):
        return None
    return torch.frombuffer(bytearray(raw), dtype=torch.uint8) if raw else None


def restore_random_state(generator: torch.Generator, state: Tensor | None) -> None:
    """Let `generator` go on from a saved state; one of another kind of device, or a damaged one, is left aside."""
    if state is not None and state.shape == generator.get_state().shape:
        with contextlib.suppress(RuntimeError):
            generator.set_state(state)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
