"""The manager of one robot's world model: at most one run at a time, in this program and in all others.

It owns the lock of the checkpoint folder, the log of the run, and the messages about who trains what. The weights and
their optimizers belong to the `WorldModelTrainer`.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import torch

from models import Network, SharedWorldModel, WeightsSource
from session import RecordedSession
from training.checkpoints.errors import CheckpointError, CheckpointNotFound, CheckpointNotSaved
from training.checkpoints.folder import recover_unfinished_at_start
from training.checkpoints.manifest import Origin
from training.checkpoints.robots import Others, fit_to_train
from training.checkpoints.validate import CheckpointInfo, validate_checkpoint_or_backup, validate_version
from training.checkpoints.versions import Version, find_version, list_versions
from training.checkpoints.writer import FILES, SavedCheckpoint, restore_version
from training.config import TrainingConfig
from training.distributed import ALONE, Division
from training.jobs.earlier_runs import EarlierRuns, RunNotNamed, RunTitles
from training.jobs.job import TrainingJob
from training.jobs.lock import FolderLock
from training.jobs.looks import LookFolder, RunLooks, continue_looks, newest_looks
from training.jobs.previous_run import PreviousRun, PreviousRuns, recorded_run
from training.jobs.request import JobRunning, NothingToSave, NothingToTrain, RunRequest, TrainingRequest, plain_run
from training.jobs.run_log import RunInfo, RunLog, unique_path
from training.jobs.snapshot import JobSnapshot, Points, RunTitle, Status
from training.jobs.tracking import SeveralTrackers, start_trackers
from training.jobs.trainer import NoSaveLog, WorldModelTrainer
from training.jobs.weight_diff import WeightComparison, WeightDiff

logger = logging.getLogger(__name__)

NOT_SAVED_YET = "The weights in use are not saved; press Save Models, or Load Models to drop them, then Restore."


class TrainingManager:
    """Training, loading and saving of one `SharedWorldModel`; checkpoints and run logs are in `directory`.

    Of several processes, by the `division` of their batches, the first one alone locks the folder and writes into it.
    """

    def __init__(
        self,
        shared: SharedWorldModel,
        directory: Path,
        wandb_project: str | None = None,
        others: Others = tuple,
        division: Division = ALONE,
    ) -> None:
        self.shared, self.directory, self._others, self.group = shared, directory, others, division.group
        if self.group.is_first:
            recover_unfinished_at_start(directory)
        self.trainer = WorldModelTrainer(shared, directory, division)
        self._wandb_project = wandb_project
        self._folder_lock = FolderLock(directory)  # held while a job runs
        self._previous_runs = PreviousRuns(directory, self._folder_lock)
        self._titles = RunTitles(directory)
        self._earlier_runs = EarlierRuns(directory, self._titles)
        self._lock = threading.RLock()  # which job there is
        self._job: TrainingJob | None = None
        self._weight_diff: WeightDiff | None = None  # of that job
        self._run_file: Path | None = None
        self._former: SharedWorldModel | None = None  # of a run that replaces the networks
        self._has_loaded_defaults = False
        self.unloaded_defaults: dict[Network, CheckpointError] = {}  # default checkpoints that are there but unusable

    @property
    def served(self) -> SharedWorldModel:
        """The model for visitors: the shared one, or while a run makes new networks, that from before, if trained."""
        return self._former or self.shared

    @property
    def run_file(self) -> Path | None:
        """The log of the run that `last_run` reports, JSON lines."""
        previous = self._previous_run()
        return previous.log if previous else self._run_file

    def snapshot(self) -> JobSnapshot | None:
        """The job in progress or the last one, or None before the first."""
        job = self._job
        return job.snapshot() if job else None

    def last_run(self) -> JobSnapshot | None:
        """The same with its title, or the run that another program has in progress in this folder, or was interrupted
        in."""
        previous = self._previous_run()
        run = previous.snapshot if previous else self.snapshot()
        title = self._titles.of(run.log) if run else RunTitle()
        return run if run is None or run.title == title else replace(run, title=title)

    def newest_run(self) -> JobSnapshot | None:
        """The same, or the newest run in the folder that has ended, of an earlier program."""
        run = self.last_run() or recorded_run(self.directory)
        return run and replace(run, title=self._titles.of(run.log))

    def looks(self) -> RunLooks | None:
        """The pictures of the run in progress, or else of the newest run that has any, of this program or another; None
        without."""
        looks, run = newest_looks(self.directory), self.last_run()
        is_other = looks is not None and run is not None and run.is_active and Path(run.log).stem != looks.run
        return None if is_other else looks

    def earlier_runs(self) -> list[tuple[str, str]]:
        """The newest runs in the folder that have ended: a label and the name of the log of each."""
        return self._earlier_runs.listed()

    def earlier_losses(self, names: Iterable[str]) -> dict[str, Points]:
        """The evaluated loss of some of these runs, by label; unknown names are ignored."""
        return self._earlier_runs.losses(names)

    def name_run(self, title: RunTitle, log: str | None = None) -> None:
        """Give a title to the run with this log, or to the one that `last_run` reports; raises RunNotNamed."""
        newest = self.run_file
        if not log and newest is None:
            raise RunNotNamed("There is no run to name yet.")
        self._titles.set(log or newest.name, title)

    def title_of(self, log: str | None = None) -> RunTitle:
        """The title of the same run, empty without one."""
        newest = self.run_file
        name = log or (newest.name if newest else "")
        return self._titles.of(name) if name else RunTitle()

    def weight_comparison(self) -> WeightComparison | None:
        """The change of the weights by the job in progress so far, or by the last one in all.

        Returns None before the first job, and if it could not be computed. While a job runs, this waits for the step in
        progress.
        """
        weight_diff = self._weight_diff
        return weight_diff.comparison() if weight_diff else None

    def warm_steps(self, network: Network) -> int:
        """Steps that a network's learning-rate schedule has taken: the warm-up goes on from there."""
        optimizer = self.trainer.state.of(network)
        return optimizer.steps - optimizer.first_step

    def train(self, request: TrainingRequest) -> TrainingJob:
        """Start a job; raises JobRunning, SessionError or InvalidValue."""
        learned_from = (request.recording, *request.recordings)

        def fit() -> list[RecordedSession]:
            plain_run(request, self.shared.model)  # refuses it, before anything is kept
            return fit_to_train(learned_from, self.directory.parent, self._others)

        first, *several = self.group.first_then_others(fit)
        with self.group.together():
            run = plain_run(replace(request, recording=first, recordings=tuple(several)), self.shared.model)
        return self.run(run)

    def run(self, request: RunRequest) -> TrainingJob:
        """Start a job of any phases; raises JobRunning, and of several processes OtherProcessFailed and ProcessLost."""
        with self._lock, contextlib.ExitStack() as undo:
            with self.group.together():
                self.require_idle()
                prepare = self._new_job if self.group.is_first else self._silent_job
                job, weight_diff, run_file = prepare(request, undo)
            job.start()
            undo.pop_all()
            self._job, self._weight_diff, self._run_file = job, weight_diff, run_file
            return job

    def _silent_job(self, request: RunRequest, undo: contextlib.ExitStack) -> tuple[TrainingJob, None, None]:
        """The job of a process that is not the first: it takes part, and leaves nothing behind."""
        request.prepare()
        return TrainingJob(self.trainer, request.phases, request.first_snapshot(), SeveralTrackers([])), None, None

    def _new_job(self, request: RunRequest, undo: contextlib.ExitStack) -> tuple[TrainingJob, WeightDiff, Path]:
        """A job with the folder locked, its weights to compare with, and its log; `undo` takes them back. Raises
        JobRunning."""
        self._take_folder(request.label)
        undo.callback(self._folder_lock.release)
        self.trainer.begin_run(request.purpose, request.recordings)
        if request.serves_former:
            undo.callback(self._serve_new)
            self._serve_former()
        request.prepare()
        log = self._open_log(request)
        undo.callback(log.end, "Not started.", "failed")
        if request.continues:
            self._continue(request.continues, log.path)
        network = request.network
        weight_diff = WeightDiff(self.shared, network, request.subject, lambda: self.trainer.state.of(network).steps)
        tracker = start_trackers(log, self.directory, request.config, self._wandb_project)
        self.trainer.log_run(log, log.path.name)
        job = TrainingJob(
            self.trainer,
            request.phases,
            replace(request.first_snapshot(), log=log.path.name),
            tracker,
            lambda message, status: self._end_run(log, weight_diff, message, status),
            LookFolder(log.path),
        )
        return job, weight_diff, log.path

    @contextlib.contextmanager
    def exclusive_trainer(self, purpose: str, config: TrainingConfig) -> Iterator[WorldModelTrainer]:
        """The trainer for the caller's own loop; no job starts meanwhile, in any program. Raises JobRunning."""
        with contextlib.ExitStack() as stack:
            with self._lock:
                self.require_idle()
                stack.enter_context(self._locked_folder(purpose))
                self.trainer.begin_run(f"training by {purpose}")
                self.trainer.state = self.trainer.state.configured(config)
            yield self.trainer

    def pause(self) -> None:
        self._active_job().pause()

    def resume(self) -> None:
        self._active_job().resume()

    def stop(self) -> None:
        self._active_job().stop()

    def interrupt(self) -> None:
        """Stop because this program ends; the next program reports the run as interrupted."""
        self._active_job().interrupt()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the job, if there is one, has ended; False if it has not within `timeout_s`."""
        job = self._job
        return job is None or job.wait(timeout_s)

    def load(self, network: Network, path: Path) -> CheckpointInfo:
        """Load a checkpoint with its optimizer and random numbers, or its backup if it is damaged.

        Raises JobRunning or a CheckpointError.
        """
        info = self._load(network, path)
        self.shared.digests()  # finds what is known of these weights from before
        return info

    def _load(self, network: Network, path: Path) -> CheckpointInfo:
        # Takes up to a second, and changes nothing.
        checkpoint = validate_checkpoint_or_backup(path, self.shared.network(network))
        with self._lock:
            self.require_idle()
            return self.trainer.load(network, checkpoint)

    def _read_in(self, network: Network, path: Path) -> None:
        """Load a checkpoint at the end of a run, whose caller owns the networks; raises a CheckpointError."""
        self.trainer.load(network, validate_checkpoint_or_backup(path, self.shared.network(network)))

    def load_defaults(self) -> None:
        """Load this robot's default checkpoints once, if there are any: a robot begins with its newest weights.

        The first process loads them for all.
        """
        with self._lock:
            if self._has_loaded_defaults:
                return
            self._has_loaded_defaults = True
            with self.group.together():
                for network, name in FILES.items() if self.group.is_first else ():
                    self._load_default(network, self.directory / name)
            self.trainer.share()

    def _load_default(self, network: Network, path: Path) -> None:
        if not os.path.exists(path):
            return  # a robot that has not been trained yet
        try:
            self._load(network, path)
        except CheckpointError as problem:
            logger.info("The %s of %s was not loaded: %s", network, self.directory.name, problem)
            if not isinstance(problem, CheckpointNotFound):
                self.unloaded_defaults[network] = problem

    def origins(self) -> dict[Network, Origin]:
        """Where the weights in use come from, as far as they are those of a file."""
        return self.trainer.origins()

    def versions(self) -> list[Version]:
        """The history of this robot's checkpoints, newest first."""
        return list_versions(self.directory)

    def restore(self, name: str) -> dict[Network, CheckpointInfo]:
        """Put a version of the history in the place of the robot's checkpoints, and load it.

        The checkpoints from before become a version themselves. Raises JobRunning or a CheckpointError.
        """
        with self._lock:
            self.require_idle()
            with self._locked_folder("a program restores a checkpoint"):
                if self.trainer.has_unsaved_steps:
                    raise CheckpointNotSaved(NOT_SAVED_YET)
                version = find_version(self.directory, name)
                checkpoints = {
                    network: validate_version(version, self.directory, self.shared.network(network))
                    for network in version.files
                }
                restore_version(self.directory, version)
                loaded = {network: self.trainer.load(network, one) for network, one in checkpoints.items()}
                self.shared.digests()  # finds what is known of these weights from before
                return loaded

    def save(self) -> SavedCheckpoint:
        """Write every network that has learned or was loaded.

        Raises NothingToSave, CheckpointNotSaved, or JobRunning if another program trains in this folder.
        """
        networks = [network for network, source in self.shared.weights.items() if source.is_trained]
        if not networks:
            raise NothingToSave("There is nothing to save yet: both networks are untrained.")
        with self._lock:
            now = self.snapshot()
            if now is not None and now.is_active:
                return self.trainer.save(networks)
            with self._locked_folder("a program saves"):
                if not self.trainer.has_unsaved_steps:  # else they are those of the last run, whose save failed
                    self.trainer.begin_run("Save Models")
                return self.trainer.save(networks)

    def save_weights(self, dtype: torch.dtype) -> SavedCheckpoint:
        """Write the weights of both networks alone, after a complete run; raises CheckpointNotSaved and JobRunning."""
        with self._lock:
            self.require_idle()
            with self._locked_folder("a program saves"):
                return self.trainer.save_weights(dtype)

    def require_idle(self) -> None:
        """Raise JobRunning if this program trains these networks."""
        now = self.snapshot()
        if now is not None and now.is_active:
            who = f", started by {now.started_by}" if now.started_by else ""
            raise JobRunning(
                f"Training is running ({now.network} on {now.subject}, step {now.step:,} / {now.max_steps:,}{who}). "
                "Wait, or stop it first."
            )

    def _open_log(self, request: RunRequest) -> RunLog:
        """A log for a run that begins now."""
        began = datetime.now().isoformat(timespec="seconds")
        info = RunInfo(request.label, request.subject, request.started_by, began, request.max_steps)
        saved_step = request.first_step or None
        return RunLog(unique_path(self.directory, request.network), info, request.config, saved_step)

    def _continue(self, earlier: str, log: Path) -> None:
        """Let a run go on with the pictures and the title of the run with the log named `earlier`."""
        continue_looks(log, earlier)
        try:
            self._titles.copy(earlier, log.name)
        except RunNotNamed as problem:
            logger.warning("%s", problem)

    def _active_job(self) -> TrainingJob:
        job = self._job
        if job is None or not job.snapshot().is_active:
            raise NothingToTrain("No training is in progress.")
        return job

    def _end_run(self, log: RunLog, weight_diff: WeightDiff, message: str, status: Status) -> None:
        # The last line is written while the folder is locked; others may train before the comparison is complete.
        log.end(message, status)
        self.trainer.save_log = NoSaveLog()
        self._serve_new()
        self._folder_lock.release()
        weight_diff.end()

    def _serve_former(self) -> None:
        """Let visitors use a copy of the networks, if they are trained, until the end of the run."""
        if all(source.is_trained for source in self.shared.weights.values()):
            self.shared.digests()  # finds what is known of them
            self._former = self.shared.snapshot()

    def _serve_new(self) -> None:
        """Let visitors use the networks of the run; those from before again if it ended before its first step."""
        former, self._former = self._former, None
        if former is not None and not any(source.is_trained for source in self.shared.weights.values()):
            for network, source in former.weights.items():
                self._put_back(network, source, former)

    def _put_back(self, network: Network, source: WeightsSource, former: SharedWorldModel) -> None:
        try:
            self._read_in(network, self.directory.parent / (source.file or ""))
        except CheckpointError:  # they were never saved, or the file is gone: they go on with a fresh optimizer
            self.trainer.take_over(network, former.network(network).state_dict(), source)

    def _previous_run(self) -> PreviousRun | None:
        """The newest run in the folder, unless it is this program's own."""
        now = self.snapshot()
        if now is not None and now.is_active:
            return None
        newest = self._previous_runs.newest()
        return None if newest is not None and newest.log == self._run_file else newest

    @contextlib.contextmanager
    def _locked_folder(self, purpose: str) -> Iterator[None]:
        self._take_folder(purpose)
        try:
            yield
        finally:
            self._folder_lock.release()

    def _take_folder(self, purpose: str) -> None:
        holder = self._folder_lock.take(purpose)
        if holder is not None:
            described = holder + self._previous_runs.progress_of(holder)
            raise JobRunning(f"Another program is training these networks ({described}). Wait for it to finish.")
