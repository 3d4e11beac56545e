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
    """Names of the files written, each with the step of its network."""

    files: dict[str, int]

    def describe(self) -> str:
        """For people: "autoencoder.pth (step 120)"."""
        return ", ".join(f"{name} (step {step:,})" for name, step in self.files.items())


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


def write_contents(directory: Path, contents: Contents) -> SavedCheckpoint:
    """Write copied contents; raises CheckpointNotSaved."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with _alone_in(directory):
            _write_generation(directory, contents)
    except OSError as problem:
        logger.warning("checkpoint not saved: %s", problem)
        raise CheckpointNotSaved(
            f"The checkpoint was not saved ({problem.strerror or 'input/output error'}); the one saved before is "
            "still there. Make room or check the folder, then press Save Models."
        ) from problem
    return SavedCheckpoint({FILES[name]: step for name, step in contents.steps.items()})


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


def _write_generation(directory: Path, contents: Contents) -> None:
    # All files are whole on the disk before the first takes its place: a full disk does not part the networks.
    paths = {directory / FILES[name]: part for name, part in contents.networks.items()}
    digests = {path.name: _write_temporary(path, part) for path, part in paths.items()}
    for path in paths:
        _put_in_place(path)
    _sync_folder(directory)
    _write_state(directory, digests, contents.random_state)


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


def _put_in_place(path: Path) -> None:
    """Rename the temporary file to its name, the old one kept as the backup."""
    if path.exists():
        backup = path.with_name(f"{path.stem}_backup{SUFFIX}")
        linked = backup.with_name(backup.name + TEMPORARY)
        try:
            os.link(path, linked)
        except OSError:  # some file systems know no links; a copy is as good, and slower
            shutil.copyfile(path, linked)
        os.replace(linked, backup)
    os.replace(path.with_name(path.name + TEMPORARY), path)


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
