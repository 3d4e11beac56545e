"""The backend: everything a server or command holds for the robots of one data folder.

Opened recordings, one world model for each robot with the manager that trains it, and the evaluator. Roles and visitors
are no part of it.
"""

import contextlib
import os
import threading
from pathlib import Path

from models import SharedWorldModel, WorldModels, choose_device
from session import RobotProfile
from training.checkpoints.paths import checkpoint_menu, checkpoint_path, list_checkpoints, unreadable_reason
from training.evaluation.baselines import Baselines
from training.evaluation.evaluator import Evaluator
from training.evaluation.evidence import EvidenceLog
from training.evaluation.store import EvaluationStore
from training.jobs.manager import TrainingManager
from training.jobs.request import NothingToTrain
from training.jobs.snapshot import JobSnapshot
from training.robots import RobotSessions


class Backend:
    """Everything below the folder `data`, on the `device` of that name; raises models.DeviceUnavailable."""

    def __init__(
        self, data: Path, device: str = "auto", is_read_only: bool = False, wandb_project: str | None = None
    ) -> None:
        self.is_read_only = is_read_only
        self.sessions_folder, self.checkpoints_folder = data / "sessions", data / "checkpoints"
        self.checkpoint_prefix = f"{data.resolve().name}/checkpoints"  # of the paths that visitors see
        self.sessions = RobotSessions(self.sessions_folder, self.checkpoints_folder)
        self.device = choose_device(device)
        self.evaluator = Evaluator(EvaluationStore(data / "evaluations", is_read_only))
        self.baselines, self.evidence = Baselines(), EvidenceLog()
        self._world_models = WorldModels(self.device)
        self._wandb_project = wandb_project
        self._lock = threading.Lock()
        self._managers: dict[SharedWorldModel, TrainingManager] = {}

    def shared_model(self, profile: RobotProfile) -> SharedWorldModel:
        """The world model of a robot."""
        # A robot without recorded actions has no channel, but its frames can be reconstructed.
        return self._world_models.get(f"{profile.name} {profile.channel_names}", max(1, len(profile.channels)))

    def manager(self, profile: RobotProfile) -> TrainingManager:
        """The manager of a robot's world model, as it is: no checkpoint is loaded."""
        shared = self.shared_model(profile)
        with self._lock:
            if shared not in self._managers:
                folder = self.checkpoints_folder / profile.name
                self._managers[shared] = TrainingManager(shared, folder, self._wandb_project)
            return self._managers[shared]

    def loaded_manager(self, profile: RobotProfile) -> TrainingManager:
        """The same; the robot's default checkpoints are loaded the first time."""
        manager = self.manager(profile)
        manager.load_defaults()
        return manager

    def session_folder(self, session_id: str) -> Path:
        """The folder of a session, as `RecordedSession.folder` names it; it need not exist."""
        return Path(os.path.abspath(self.sessions_folder / session_id))

    def active_jobs(self) -> list[tuple[str, JobSnapshot]]:
        """The training jobs in progress, each with the name of its robot."""
        jobs = [(manager.directory.name, manager.snapshot()) for manager in self._all_managers()]
        return [(name, job) for name, job in jobs if job is not None and job.is_active]

    def run_file(self, robot_name: str) -> Path | None:
        """The log of a robot's newest run, or None if there was none since the server began."""
        files = [manager.run_file for manager in self._all_managers() if manager.directory.name == robot_name]
        return max((file for file in files if file is not None), default=None)

    def close(self, timeout_s: float) -> None:
        """Stop every training job because the program ends, and wait until each has saved."""
        managers = self._all_managers()
        for manager in managers:
            with contextlib.suppress(NothingToTrain):
                manager.interrupt()
        for manager in managers:
            manager.wait(timeout_s)

    def checkpoint_menu(self, profile: RobotProfile) -> list[tuple[list[str], str]]:
        """For the autoencoder, then the predictor: the files to choose from, and the default one."""
        return checkpoint_menu(self.checkpoints_folder, profile.name, self.checkpoint_prefix)

    def has_checkpoints(self, profile: RobotProfile) -> bool:
        """True if there is any file in the robot's folder of checkpoints."""
        return bool(list_checkpoints(self.checkpoints_folder, profile.name))

    def checkpoints_problem(self, profile: RobotProfile) -> str:
        """The reason why the robot's folder of checkpoints cannot be read, or ""."""
        return unreadable_reason(self.checkpoints_folder, profile.name)

    def typed_path(self, typed: object) -> Path:
        """The checkpoint that a visitor typed; raises CheckpointNotFound."""
        return checkpoint_path(self.checkpoints_folder, str(typed or ""), self.checkpoint_prefix)

    def _all_managers(self) -> list[TrainingManager]:
        with self._lock:
            return list(self._managers.values())
