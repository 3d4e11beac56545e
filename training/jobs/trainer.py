"""The trainer of one robot's world model: its optimizers, its steps under the lock, and its checkpoints.

The optimizers always belong to the weights in use: loading a checkpoint replaces both. A loop that calls it
decides what is trained and for how long.
"""

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import torch

from models import NETWORKS, Network, SharedWorldModel, WeightsSource
from session.batch import Batch
from training.checkpoints.manifest import MeasuredLoss, Origin, restore_random_state, saved_with
from training.checkpoints.shared_state import pack_state, unpack_state
from training.checkpoints.validate import (
    CheckpointInfo,
    ValidatedCheckpoint,
    put_in_place,
    require_finite_outputs,
)
from training.checkpoints.versions import known_origin
from training.checkpoints.writer import (
    FILES,
    CheckpointData,
    Provenance,
    SavedCheckpoint,
    copy_contents,
    in_precision,
    write_contents,
)
from training.distributed import ALONE, Division, Group
from training.recipe.phase import Dataset, Phase
from training.steps import Evaluation, Objective, StepMetrics, TrainState, draw_batch, train_step

FRESH_OPTIMIZER = "Its optimizer could not be matched to these weights by name: training starts with a fresh one."


class SaveLog(Protocol):
    """A record of the steps of the networks that are on disk."""

    def record_saving(self, steps: dict[Network, int]) -> None:
        """Record that the weights at these steps are about to be written."""

    def record_saved(self, steps: dict[Network, int]) -> None:
        """Record that they are on disk."""


class NoSaveLog:
    """A save log that records nothing."""

    def record_saving(self, steps: dict[Network, int]) -> None: ...

    def record_saved(self, steps: dict[Network, int]) -> None: ...


class WorldModelTrainer:
    """Steps, evaluations and checkpoints of one `SharedWorldModel`; files are in `directory`.

    `division`: how its batches are divided among processes, each of which has such a trainer.
    """

    def __init__(self, shared: SharedWorldModel, directory: Path, division: Division = ALONE) -> None:
        self.shared, self.directory = shared, directory
        self.state = TrainState(shared.model)
        self.state.division = division
        self.save_log: SaveLog = NoSaveLog()
        self._provenance = Provenance()
        self._unsaved: set[Network] = set()
        self._notes: tuple[str, ...] = ()  # of this run: on what its saves have replaced

    def begin_run(self, purpose: str, recordings: tuple[str, ...] = ()) -> None:
        """Begin a run: the files that are there now become a version of the history and, once each, backups.

        `purpose`: what the run does, such as "training the predictor on frame 8". `recordings`: the ids of those that
        it learns from.
        """
        self._provenance.begin_run(purpose, recordings)
        self._notes = ()

    def learns_from(self, session_id: str, log: str) -> None:
        """Name the recording that the run makes and learns from, and the log of the run."""
        self._provenance.recordings, self._provenance.log = (session_id,), log

    def origins(self) -> dict[Network, Origin]:
        """The origins of the files that weights in use come from, if they have not changed since."""
        names = {network: name for network, name in FILES.items() if network not in self._unsaved}
        known = {network: self._provenance.origin(name) for network, name in names.items()}
        return {network: origin for network, origin in known.items() if origin is not None}

    def log_run(self, log: SaveLog, name: str) -> None:
        """Let saves of the run be noted in its log, and name that in their origin."""
        self.save_log, self._provenance.log = log, name

    @property
    def group(self) -> Group:
        """The processes that train together."""
        return self.state.division.group

    def share(self) -> None:
        """Take over the weights, optimizers and random numbers of the first process, in all others.

        Raises OtherProcessFailed and ProcessLost.
        """
        if self.group.size == 1:
            return
        with self.shared.lock:
            content = self.group.from_first(pack_state(self.state) if self.group.is_first else b"")
            if not self.group.is_first:
                unpack_state(content, self.state)

    @property
    def has_unsaved_steps(self) -> bool:
        """True if weights in use have learned since the last save."""
        return bool(self._unsaved)

    def start_fresh(self, seed: int, kept: Collection[Network] = ()) -> None:
        """Draw new weights from `seed`, with fresh optimizers, for all networks but those `kept`; seed the generator.

        The files of the replaced networks become a version of the history at the next save.
        """
        model = self.shared.model
        with self.shared.lock:
            weights = {network: copy.deepcopy(model.network(network).state_dict()) for network in kept}
            model.cpu().reset_weights(torch.Generator().manual_seed(seed))
            model.to(self.shared.device)
            for network, state in weights.items():
                model.network(network).load_state_dict(state, strict=True)
            replaced = [network for network in NETWORKS if network not in kept]
            for network in replaced:
                self.state.renew(network)
                self._provenance.forget(FILES[network])
            self.shared.set_weights_source(dict.fromkeys(replaced, WeightsSource()))
            self.state.generator.manual_seed(seed)

    def begin_phase(self, phase: Phase) -> int:
        """Take over the configuration of a phase; returns how many of its steps are taken already.

        A phase with optimizers of its own gets fresh ones before its first step. All processes begin it with the state
        of the first one.
        """
        with self.shared.lock:
            self.state = self.state.configured(phase.config)
            taken = self._begin_own_optimizers(phase)
            self.share()
            return taken

    def _begin_own_optimizers(self, phase: Phase) -> int:
        if phase.first_step is None:
            return 0
        taken = self.state.of(phase.objective.network).steps - phase.first_step
        if taken == 0:
            phase.initialize()
            for name in phase.objective.trained:
                self.state.renew(name, phase.first_step)
        return taken

    def draw(self, dataset: Dataset) -> object:
        """A batch of a dataset for the next step, as far as this process computes it."""
        return draw_batch(self.state, dataset.draw)

    def step(self, objective: Objective, batch: object, is_share_due: bool = False) -> StepMetrics:
        """One training step on what `draw` returns; raises LossNotFinite, PartialUpdate, OtherProcessFailed and
        ProcessLost."""
        with self.shared.lock:
            metrics = train_step(self.state, objective, batch, is_share_due)
            self._record_steps(objective.trained)
        return metrics

    def evaluate(self, objective: Objective, batch: Batch) -> Evaluation:
        """The loss in evaluation mode."""
        with self.shared.lock:
            return objective.evaluate(batch)

    def load(self, network: Network, checkpoint: ValidatedCheckpoint) -> CheckpointInfo:
        """Use the weights of a checkpoint, with its optimizer and random numbers.

        A computation of another thread uses the old weights or the new ones, never some of each.
        """
        path, info = checkpoint.path, checkpoint.info
        manifest, origin = saved_with(path, checkpoint.digest), known_origin(path, checkpoint.digest)
        with self.shared.lock:
            put_in_place(checkpoint, self.shared.model)
            notes = info.notes + manifest.notes + self._restore(network, checkpoint.optimizer, info.step)
            restore_random_state(self.state.generator, manifest.random_state)
            self._provenance.note(FILES[network], origin)
            self._unsaved.discard(network)
            name = self._shown_name(path)
            is_elsewhere = not path.resolve().is_relative_to(self.directory.resolve())
            if is_elsewhere and path.parent.name != self.directory.name:
                notes += (f"It lies in the folder of {path.parent.name}, not in that of {self.directory.name}.",)
            self.shared.set_weights_source({network: WeightsSource(name, info.step)})
        return CheckpointInfo(info.file, info.step, notes)

    def take_over(self, network: Network, weights: Mapping[str, torch.Tensor], source: WeightsSource) -> None:
        """Use weights from memory, with a fresh optimizer."""
        with self.shared.lock:
            self.shared.network(network).load_state_dict(dict(weights), strict=True)
            self.state.renew(network)
            self._unsaved.discard(network)
            self.shared.set_weights_source({network: source})

    def save(
        self, networks: Iterable[Network], losses: Mapping[Network, MeasuredLoss] = MappingProxyType({})
    ) -> SavedCheckpoint:
        """Write networks with their optimizers, and with losses as far as known; raises CheckpointNotSaved."""
        with self.shared.lock:
            require_finite_outputs(self.shared, networks)
            contents, version = copy_contents(self.state, networks), self.shared.version
        contents = replace(contents, losses=dict(losses))
        self.save_log.record_saving(contents.steps)
        saved = self._write(contents, version)
        self.save_log.record_saved(contents.steps)
        return saved

    def save_weights(self, dtype: torch.dtype) -> SavedCheckpoint:
        """Write the weights of both networks alone, as numbers of one type; raises CheckpointNotSaved.

        For a run that is complete: its optimizers are of no use to another run.
        """
        with self.shared.lock:
            contents, version = weights_alone(copy_contents(self.state, NETWORKS), dtype), self.shared.version
        return self._write(contents, version)

    def save_unsaved(self) -> SavedCheckpoint | None:
        """Write the networks that were trained since the last save. Returns None if there are none; raises
        CheckpointNotSaved."""
        networks = [network for network in FILES if network in self._unsaved]
        return self.save(networks) if networks else None

    def _record_steps(self, networks: Iterable[Network]) -> None:
        self._unsaved |= set(networks)
        self.shared.set_weights_source({name: WeightsSource(None, self.state.of(name).steps) for name in networks})

    def _write(self, contents: CheckpointData, version: int) -> SavedCheckpoint:
        """Write copies of a `version` of the weights; raises CheckpointNotSaved."""
        saved = write_contents(self.directory, contents, self._provenance)
        self._notes = tuple(dict.fromkeys((*self._notes, *saved.notes)))
        self._unsaved -= set(contents.networks)
        names = {network: f"{self.directory.name}/{FILES[network]}" for network in contents.networks}
        sources = {network: WeightsSource(names[network], contents.steps[network]) for network in names}
        with self.shared.lock:
            if self.shared.version == version:  # else a step or a load has changed the weights meanwhile
                self.shared.rename_weights(sources)
        return replace(saved, notes=self._notes)

    def _shown_name(self, path: Path) -> str:
        """A file as visitors see it: the files of all robots have the same names, but different folders."""
        resolved, folder = path.resolve(), self.directory.resolve()
        if not resolved.is_relative_to(folder):
            return f"{path.parent.name}/{path.name}"
        return f"{self.directory.name}/{resolved.relative_to(folder).as_posix()}"

    def _restore(self, network: Network, saved: dict[str, object] | None, step: int | None) -> tuple[str, ...]:
        """Create an optimizer for new weights, with the saved state if it fits; returns notes for visitors.

        Steps go on from that of the file in any case.
        """
        optimizer = self.state.renew(network, step or 0)
        has_state = saved is not None and bool(saved.get("state"))  # one that took no step yet has none
        if not has_state or (step is not None and optimizer.restore(saved, step)):
            return ()
        return (FRESH_OPTIMIZER,)


def weights_alone(contents: CheckpointData, dtype: torch.dtype) -> CheckpointData:
    """The same without the state of optimizers, its weights as numbers of one type."""
    networks = {
        network: {
            **part,
            "model_state_dict": {key: in_precision(value, dtype) for key, value in part["model_state_dict"].items()},
            "optimizer_state_dict": None,
            "scheduler_state_dict": {"last_epoch": contents.steps[network]},
        }
        for network, part in contents.networks.items()
    }
    return replace(contents, networks=networks)
