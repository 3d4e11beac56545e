"""What a server holds for all who look at it: where files lie, opened recordings, one world model for each robot with
its workshop, and the evaluations. Who may ask for what is decided elsewhere."""

from pathlib import Path

from models import SharedWorldModel, WorldModels, choose_device
from session import RobotProfile, SessionCache
from training.checkpoint_menu import checkpoint_menu
from training.checkpoint_paths import checkpoint_path, list_checkpoints
from training.evaluation import Evaluations
from training.evaluation_store import EvaluationStore
from training.workshop import Workshop, Workshops


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
