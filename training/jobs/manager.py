"""Where the weights of one robot's world model change: its optimizers, its checkpoints, and at most one job.

The optimizers always belong to the weights in use: loading a checkpoint replaces both. Who may look at the model
meanwhile is decided by the lock of `SharedWorldModel`.
"""

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from models import Network, SharedWorldModel, WeightsSource
from training.checkpoints.backup import Provenance
from training.checkpoints.errors import CheckpointError
from training.checkpoints.folder import recover_unfinished_at_start
from training.checkpoints.manifest import restore_random_state, saved_with
from training.checkpoints.validate import CheckpointInfo, require_finite_outputs, validate_checkpoint_or_backup
from training.checkpoints.writer import FILES, SavedCheckpoint, copy_contents, write_contents
from training.config import TrainingConfig
from training.dataset import FrameDataset
from training.jobs.job import JobHooks, TrainingJob
from training.jobs.lock import FolderLock
from training.jobs.previous_run import PreviousRun, PreviousRuns
from training.jobs.request import (
    CHANGED_BY,
    JobRunning,
    NothingToSave,
    NothingToTrain,
    TrainingRequest,
    configuration,
    first_record,
)
from training.jobs.run_log import RunRecorder, run_label
from training.jobs.snapshot import JobSnapshot, Status
from training.jobs.tracking import Tracker, open_run_log
from training.jobs.trainer import Lesson, LessonHooks
from training.jobs.weight_diff import WeightComparison, WeightDiff
from training.steps import AutoencoderTrainer, PredictorTrainer, TrainState

logger = logging.getLogger(__name__)

TRAINERS = {"autoencoder": AutoencoderTrainer, "predictor": PredictorTrainer}
FRESH_OPTIMIZER = "Its optimizer could not be matched to these weights by name: training starts with a fresh one."


class TrainingManager:
    """All that changes one `SharedWorldModel`; checkpoints and runs lie in `directory`."""

    def __init__(self, shared: SharedWorldModel, directory: Path, wandb_project: str | None = None) -> None:
        self.shared = shared
        self.directory = directory
        recover_unfinished_at_start(directory)
        self._wandb_project = wandb_project
        self._optimizers = TrainState(shared.model)
        self._folder_lock = FolderLock(directory)  # held while a job runs
        self._recorder, self._earlier = RunRecorder(directory), PreviousRuns(directory, self._folder_lock)
        self._provenance = Provenance()
        self._lock = threading.RLock()  # which job there is, and which optimizers
        self._job: TrainingJob | None = None
        self._watch: WeightDiff | None = None  # of that job
        self._run_file: Path | None = None
        self._has_loaded_defaults = False

    @property
    def run_file(self) -> Path | None:
        """The numbers of the run that `last_run` tells of, JSON lines."""
        earlier = self._earlier_run()
        return earlier.numbers if earlier else self._run_file

    def snapshot(self) -> JobSnapshot | None:
        """The job in progress or the last one; None before the first."""
        job = self._job
        return job.snapshot() if job else None

    def last_run(self) -> JobSnapshot | None:
        """The same, or the run that another program has in progress in this folder, or was interrupted in."""
        earlier = self._earlier_run()
        return earlier.snapshot if earlier else self.snapshot()

    def weight_comparison(self) -> WeightComparison | None:
        """What the job in progress has made of the weights so far, or the last one in all; None before the first job,
        and where it could not be computed. While a job runs, this waits for the step that is being taken."""
        watch = self._watch
        return watch.comparison() if watch else None

    def train(self, order: TrainingRequest) -> TrainingJob:
        """Start a job; raises JobRunning, SessionError or InvalidValue."""
        frames = FrameDataset(order.recording, order.subject, needs_history=order.network == "predictor")
        with self._lock:
            self._require_idle()
            self._take_folder(run_label(order.started_by, order.network, frames.describe()))
            with contextlib.ExitStack() as undo:
                undo.callback(self._folder_lock.release)
                self._provenance.begin_run()
                self._optimizers = self._optimizers.configured(order.config)
                trainer = TRAINERS[order.network](self.shared.model, self._optimizers)
                watch = WeightDiff(self.shared, order.network, frames.describe(), self._optimizers.of(order.network))
                run_file, tracker = open_run_log(
                    self.directory, order.network, configuration(order, frames), self._wandb_project
                )
                job = TrainingJob(
                    trainer, frames, order.condition, self._hooks(order, watch, tracker), order.started_by
                )
                steps = self._optimizers.of(order.network).steps
                self._recorder.begin(first_record(job.snapshot(), steps, run_file))
                undo.callback(self._recorder.end)
                job.start()
                undo.pop_all()
            self._job, self._watch, self._run_file = job, watch, run_file
            return job

    @contextlib.contextmanager
    def lesson(self, purpose: str, config: TrainingConfig) -> Iterator[Lesson]:
        """Single steps for a loop that is not a job; nobody else trains here meanwhile. Raises JobRunning."""
        with self._lock:
            self._require_idle()
            self._take_folder(purpose)
            self._provenance.begin_run()
            self._optimizers = self._optimizers.configured(config)
        try:
            yield Lesson(self.shared, self._optimizers, LessonHooks(self._note_steps, self._save))
        finally:
            self._folder_lock.release()

    def pause(self) -> None:
        self._active_job().pause()

    def resume(self) -> None:
        self._active_job().resume()

    def stop(self) -> None:
        self._active_job().stop()

    def interrupt(self) -> None:
        """Stop because this program ends: the next one will say so."""
        self._active_job().interrupt()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the job, if there is one, has ended; False where it has not within `timeout_s`."""
        job = self._job
        return job is None or job.wait(timeout_s)

    def load(self, network: Network, path: Path) -> CheckpointInfo:
        """Load a checkpoint with its optimizer and random numbers, or its backup where it is damaged; raises JobRunning
        or a CheckpointError.

        Visitors who compute meanwhile see the old weights or the new ones, never some of each.
        """
        module = self.shared.network(network)
        checkpoint = validate_checkpoint_or_backup(path, module)  # takes up to a second, and changes nothing
        path, known = checkpoint.path, saved_with(checkpoint.path, checkpoint.digest)
        with self._lock, self.shared.lock:
            self._require_idle()
            module.load_state_dict(checkpoint.weights, strict=True)
            notes = checkpoint.info.notes + known.notes
            notes += self._restore(network, checkpoint.optimizer, checkpoint.info.step)
            restore_random_state(self._optimizers.generator, known.random_state)
            self._provenance.note(FILES[network], checkpoint.digest)
            if path.parent.resolve() != self.directory.resolve():
                notes += (f"It lies in the folder of {path.parent.name}, not in that of {self.directory.name}.",)
            # Every robot's file has the same name: the folder tells them apart.
            used = WeightsSource(f"{path.parent.name}/{path.name}", checkpoint.info.step)
            self.shared.set_weights_source({network: used})
        return CheckpointInfo(checkpoint.info.file, checkpoint.info.step, notes)

    def load_defaults(self) -> None:
        """Load this robot's usual checkpoints once, where there are any: what was learned last is seen first."""
        with self._lock:
            if self._has_loaded_defaults:
                return
            self._has_loaded_defaults = True
            for network, name in FILES.items():
                try:
                    self.load(network, self.directory / name)
                except CheckpointError as problem:
                    logger.info("%s was not loaded: %s", network, problem)

    def save(self) -> SavedCheckpoint:
        """Write every network that has learned or was loaded; raises NothingToSave, CheckpointNotSaved, or JobRunning
        where another program trains in this folder."""
        networks = [network for network, used in self.shared.weights.items() if used.is_trained]
        if not networks:
            raise NothingToSave("There is nothing to save yet: both networks are untrained.")
        with self._lock:
            now = self.snapshot()
            if now is not None and now.is_active:
                return self._save(networks)
            self._take_folder("a program saves")
            try:
                self._provenance.begin_run()
                return self._save(networks)
            finally:
                self._folder_lock.release()

    def _save(self, networks: list[Network] | tuple[Network, ...]) -> SavedCheckpoint:
        with self.shared.lock:
            require_finite_outputs(self.shared, networks)
            contents, version = copy_contents(self._optimizers, networks), self.shared.version
        self._recorder.note_saving(contents.steps)
        saved = write_contents(self.directory, contents, self._provenance)
        self._recorder.note_saved(contents.steps)
        names = {network: f"{self.directory.name}/{FILES[network]}" for network in contents.networks}
        used = {network: WeightsSource(names[network], contents.steps[network]) for network in names}
        with self.shared.lock:
            if self.shared.version == version:  # else a step or a load came meanwhile, and these are other weights
                self.shared.set_weights_source(used)
        return saved

    def _restore(self, network: Network, saved: dict[str, object] | None, step: int | None) -> tuple[str, ...]:
        """A fresh optimizer for new weights, with the saved state where that fits; returns what is to be said."""
        optimizer = self._optimizers.renew(network)
        has_state = saved is not None and bool(saved.get("state"))  # one that took no step yet has none
        if not has_state or (step is not None and optimizer.restore(saved, step)):
            return ()
        return (FRESH_OPTIMIZER,)

    def _active_job(self) -> TrainingJob:
        job = self._job
        if job is None or not job.snapshot().is_active:
            raise NothingToTrain("No training is in progress.")
        return job

    def _require_idle(self) -> None:
        now = self.snapshot()
        if now is not None and now.is_active:
            starter = now.started_by
            who = f"{starter[0].upper()}{starter[1:]} trains" if starter else "There is a job that trains"
            raise JobRunning(
                f"{who} the {now.network} on {now.subject}: step {now.step:,} of at most {now.max_steps:,}. "
                "Wait until it ends, or press Stop."
            )

    def _hooks(self, order: TrainingRequest, watch: WeightDiff, tracker: Tracker) -> JobHooks:
        return JobHooks(
            lock=self.shared.lock,
            save=lambda: self._save(CHANGED_BY[order.network]).describe(),
            note_step=lambda: self._note_steps(order.network),
            tracker=tracker,
            note_progress=self._recorder.note_progress,
            note_end=lambda status: self._note_end(status, watch),
        )

    def _note_end(self, status: Status, watch: WeightDiff) -> None:
        # The record goes while the folder is still ours; then, whatever becomes of the comparison, others may train.
        self._recorder.end(is_interrupted=status == "interrupted")
        self._folder_lock.release()
        watch.end()

    def _earlier_run(self) -> PreviousRun | None:
        """What the record in the folder tells, while it is not that of this program's own job."""
        now = self.snapshot()
        return None if now is not None and now.is_active else self._earlier.look()

    def _take_folder(self, purpose: str) -> None:
        holder = self._folder_lock.take(purpose)
        if holder is not None:
            told = holder + self._earlier.progress_of(holder)
            raise JobRunning(f"Another program trains this robot's networks ({told}). Wait until it ends.")

    def _note_steps(self, network: Network) -> None:
        changed = {name: WeightsSource(None, self._optimizers.of(name).steps) for name in CHANGED_BY[network]}
        self.shared.set_weights_source(changed)
