"""Where the weights of one robot's world model change: its optimizers, its checkpoints, and at most one job.

The optimizers always belong to the weights in use: loading a checkpoint replaces both. Who may look at the model
meanwhile is decided by the lock of `SharedWorldModel`.
"""

import contextlib
import logging
import threading
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from models import Network, SharedWorldModel, WeightsInUse
from session import RecordedSession
from training.checkpoint import CheckpointInfo, fit_checkpoint
from training.checkpoint_errors import CheckpointError
from training.checkpoint_writer import (
    FILES,
    Lineage,
    SavedCheckpoint,
    copy_contents,
    file_digest,
    restore_random_state,
    saved_random_state,
    write_contents,
)
from training.config import StopCondition, TrainingConfig
from training.folder_lock import FolderLock
from training.job import JobHooks, JobSnapshot, TrainingJob
from training.steps import AutoencoderTrainer, PredictorTrainer, WorldModelOptimizers
from training.tracking import JsonLinesTracker, SeveralTrackers, Tracker, WandbTracker
from training.training_set import Subject, TrainingSet
from training.weight_watch import WeightComparison, WeightWatch

logger = logging.getLogger(__name__)

TRAINERS = {"autoencoder": AutoencoderTrainer, "predictor": PredictorTrainer}
CHANGED_BY: dict[Network, tuple[Network, ...]] = {
    "autoencoder": ("autoencoder",),
    "predictor": ("autoencoder", "predictor"),
}
FRESH_OPTIMIZER = "Its optimizer could not be matched to these weights by name: training starts with a fresh one."


class JobRunning(Exception):
    """Somebody trains this world model now; the message says who, what, and at which step."""


class NothingToTrain(Exception):
    """No job is there to be paused, resumed or stopped."""


class NothingToSave(Exception):
    """Neither network has learned anything or was loaded."""


@dataclass(frozen=True)
class Order:
    """What a visitor asks to be trained, and on what."""

    network: Network
    recording: RecordedSession
    subject: Subject
    condition: StopCondition
    config: TrainingConfig = TrainingConfig()
    started_by: str = ""


class Workshop:
    """All that changes one `SharedWorldModel`; checkpoints and runs lie in `directory`."""

    def __init__(self, shared: SharedWorldModel, directory: Path, wandb_project: str | None = None) -> None:
        self.shared = shared
        self.directory = directory
        self._wandb_project = wandb_project
        self._optimizers = WorldModelOptimizers(shared.model)
        self._folder_lock = FolderLock(directory)  # held while a job runs
        self._lineage = Lineage()
        self._lock = threading.RLock()  # which job there is, and which optimizers
        self._job: TrainingJob | None = None
        self._watch: WeightWatch | None = None  # of that job
        self._run_file: Path | None = None
        self._has_loaded_defaults = False

    @property
    def run_file(self) -> Path | None:
        """The numbers of the newest run, JSON lines."""
        return self._run_file

    def snapshot(self) -> JobSnapshot | None:
        """The job in progress or the last one; None before the first."""
        job = self._job
        return job.snapshot() if job else None

    def weight_comparison(self) -> WeightComparison | None:
        """What the job in progress has made of the weights so far, or the last one in all; None before the first job,
        and where it could not be computed. While a job runs, this waits for the step that is being taken."""
        watch = self._watch
        return watch.comparison() if watch else None

    def train(self, order: Order) -> TrainingJob:
        """Start a job; raises JobRunning, SessionError or BadTrainingValue."""
        frames = TrainingSet(order.recording, order.subject, needs_history=order.network == "predictor")
        with self._lock:
            self._require_idle()
            self._take_folder(f"{order.started_by or 'a program'}: {order.network} on {frames.describe()}")
            with contextlib.ExitStack() as undo:
                undo.callback(self._folder_lock.release)
                self._lineage.begin_run()
                self._optimizers = self._optimizers.configured(order.config)
                trainer = TRAINERS[order.network](self.shared.model, self._optimizers)
                watch = WeightWatch(self.shared, order.network, frames.describe(), self._optimizers.of(order.network))
                hooks = self._hooks(order, frames, watch)
                job = TrainingJob(trainer, frames, order.condition, hooks, order.started_by)
                job.start()
                undo.pop_all()
            self._job, self._watch = job, watch
            return job

    def pause(self) -> None:
        self._active_job().pause()

    def resume(self) -> None:
        self._active_job().resume()

    def stop(self) -> None:
        self._active_job().stop()

    def wait(self, timeout_s: float) -> bool:
        """Wait until the job, if there is one, has ended; False where it has not within `timeout_s`."""
        job = self._job
        return job is None or job.wait(timeout_s)

    def load(self, network: Network, path: Path) -> CheckpointInfo:
        """Load a checkpoint with its optimizer and random numbers; raises JobRunning or a CheckpointError.

        Visitors who compute meanwhile see the old weights or the new ones, never some of each.
        """
        module = self.shared.network(network)
        checkpoint = fit_checkpoint(path, module)  # takes up to a second, and changes nothing
        random_state = saved_random_state(path)
        with self._lock, self.shared.lock:
            self._require_idle()
            module.load_state_dict(checkpoint.weights, strict=True)
            notes = checkpoint.info.notes + self._restore(network, checkpoint.optimizer, checkpoint.info.step)
            restore_random_state(self._optimizers.generator, random_state)
            if path.parent.resolve() == self.directory.resolve():
                self._lineage.note(path.name, file_digest(path))
            else:
                notes += (f"It lies in the folder of {path.parent.name}, not in that of {self.directory.name}.",)
            # Every robot's file has the same name: the folder tells them apart.
            used = WeightsInUse(f"{path.parent.name}/{path.name}", checkpoint.info.step)
            self.shared.note_weights({network: used})
        return CheckpointInfo(checkpoint.info.file, checkpoint.info.step, notes)

    def load_defaults(self) -> None:
        """Load this robot's usual checkpoints once, where there are any: for a server on which nobody may load."""
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
                self._lineage.begin_run()
                return self._save(networks)
            finally:
                self._folder_lock.release()

    def _save(self, networks: list[Network] | tuple[Network, ...]) -> SavedCheckpoint:
        with self.shared.lock:
            contents, version = copy_contents(self._optimizers, networks), self.shared.version
        saved = write_contents(self.directory, contents, self._lineage)
        names = {network: f"{self.directory.name}/{FILES[network]}" for network in contents.networks}
        used = {network: WeightsInUse(names[network], contents.steps[network]) for network in names}
        with self.shared.lock:
            if self.shared.version == version:  # else a step or a load came meanwhile, and these are other weights
                self.shared.note_weights(used)
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

    def _hooks(self, order: Order, frames: TrainingSet, watch: WeightWatch) -> JobHooks:
        return JobHooks(
            lock=self.shared.lock,
            save=lambda: self._save(CHANGED_BY[order.network]).describe(),
            note_step=lambda: self._note_steps(order.network),
            tracker=self._tracker(order, frames),
            note_end=lambda: self._note_end(watch),
        )

    def _note_end(self, watch: WeightWatch) -> None:
        # First: whatever becomes of the comparison, other programs may train in this folder again.
        self._folder_lock.release()
        watch.end()

    def _take_folder(self, purpose: str) -> None:
        holder = self._folder_lock.take(purpose)
        if holder is not None:
            raise JobRunning(f"Another program trains this robot's networks ({holder}). Wait until it ends.")

    def _note_steps(self, network: Network) -> None:
        changed = {name: WeightsInUse(None, self._optimizers.of(name).steps) for name in CHANGED_BY[network]}
        self.shared.note_weights(changed)

    def _tracker(self, order: Order, frames: TrainingSet) -> Tracker:
        config = {
            "network": order.network,
            "frames": frames.describe(),
            **asdict(order.subject),
            **asdict(order.condition),
            **asdict(order.config),
        }
        started = datetime.now().strftime("%Y%m%d_%H%M%S")
        self._run_file = free_name(self.directory / "runs" / f"{started}_{order.network}.jsonl")
        trackers: list[Tracker] = [JsonLinesTracker(self._run_file, config)]
        if self._wandb_project:
            trackers.append(WandbTracker(self._wandb_project, config, self.directory))
        return SeveralTrackers(trackers)


def free_name(path: Path) -> Path:
    """The path, or with a number behind its stem where a file of that name is there already."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}_{number}")
        number += 1
    return free


class Workshops:
    """The workshops of a server, one for each robot's world model, made when first asked for."""

    def __init__(self, checkpoints_folder: Path, wandb_project: str | None = None) -> None:
        self._folder = checkpoints_folder
        self._wandb_project = wandb_project
        self._lock = threading.Lock()
        self._workshops: dict[SharedWorldModel, Workshop] = {}

    def get(self, shared: SharedWorldModel, robot_name: str) -> Workshop:
        """The workshop of a shared world model, its checkpoints in the robot's own folder."""
        with self._lock:
            if shared not in self._workshops:
                self._workshops[shared] = Workshop(shared, self._folder / robot_name, self._wandb_project)
            return self._workshops[shared]

    def run_file(self, robot_name: str) -> Path | None:
        """The numbers of the newest run of a robot; None where there was none since the server began."""
        with self._lock:
            files = [
                workshop.run_file for workshop in self._workshops.values() if workshop.directory.name == robot_name
            ]
        return max((file for file in files if file is not None), default=None)

    def active(self) -> list[tuple[str, JobSnapshot]]:
        """The jobs in progress, each with the name of its robot."""
        with self._lock:
            jobs = [(workshop.directory.name, workshop.snapshot()) for workshop in self._workshops.values()]
        return [(name, job) for name, job in jobs if job is not None and job.is_active]

    def close(self, timeout_s: float) -> None:
        """Stop every job and wait until it has saved."""
        with self._lock:
            workshops = list(self._workshops.values())
        for workshop in workshops:
            with contextlib.suppress(NothingToTrain):
                workshop.stop()
        for workshop in workshops:
            workshop.wait(timeout_s)
