"""What a server holds for all who look at it: where files lie, opened recordings, one world model for each robot with
its workshop, and the evaluations. Who may ask for what is decided elsewhere."""

import contextlib
import threading
from pathlib import Path

from models import SharedWorldModel, WorldModels, choose_device
from session import RobotProfile, SessionCache
from training.checkpoints.paths import checkpoint_menu, checkpoint_path, list_checkpoints
from training.evaluation.evaluator import Evaluations
from training.evaluation.store import EvaluationStore
from training.jobs.job import JobSnapshot
from training.jobs.manager import Workshop
from training.jobs.request import (
    NothingToTrain,
)


class Laboratory:
    """Everything below the folder `data`, on the `device` of that name; raises models.DeviceUnavailable."""

    def __init__(
        self, data: Path, device: str = "auto", is_read_only: bool = False, wandb_project: str | None = None
    ) -> None:
        self.is_read_only = is_read_only
        self.sessions_folder, self.checkpoints_folder = data / "sessions", data / "checkpoints"
        self.checkpoint_prefix = f"{data.resolve().name}/checkpoints"  # written before what visitors see of a path
        self.sessions = SessionCache(self.sessions_folder)
        self.device = choose_device(device)
        self.world_models = WorldModels(self.device)
        self.workshops = Workshops(self.checkpoints_folder, wandb_project)
        self.evaluations = Evaluations(EvaluationStore(data / "evaluations", is_read_only))

    def shared_model(self, profile: RobotProfile) -> SharedWorldModel:
        """The world model of a robot."""
        # A robot that recorded no action has no channel; its frames can be reconstructed all the same.
        return self.world_models.get(f"{profile.name} {profile.channel_names}", max(1, len(profile.channels)))

    def workshop_of(self, profile: RobotProfile) -> Workshop:
        """Where the weights of a robot change; its usual checkpoints are loaded the first time."""
        workshop = self.workshops.get(self.shared_model(profile), profile.name)
        workshop.load_defaults()
        return workshop

    def checkpoint_menu(self, profile: RobotProfile) -> list[tuple[list[str], str]]:
        """For the autoencoder, then the predictor: the files to choose from, and the usual one."""
        return checkpoint_menu(self.checkpoints_folder, profile.name, self.checkpoint_prefix)

    def has_checkpoints(self, profile: RobotProfile) -> bool:
        """Whether there is any file in the robot's folder of checkpoints."""
        return bool(list_checkpoints(self.checkpoints_folder, profile.name))

    def typed_path(self, typed: object) -> Path:
        """The checkpoint that somebody means; raises CheckpointNotFound."""
        return checkpoint_path(self.checkpoints_folder, str(typed or ""), self.checkpoint_prefix)


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
        """Stop every job because the program ends, and wait until it has saved."""
        with self._lock:
            workshops = list(self._workshops.values())
        for workshop in workshops:
            with contextlib.suppress(NothingToTrain):
                workshop.interrupt()
        for workshop in workshops:
            workshop.wait(timeout_s)
