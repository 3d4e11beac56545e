"""The backend: everything a server or command holds for the robots of one data folder.

Opened recordings, one world model for each robot with the manager that trains it, and the evaluator. Roles and visitors
are no part of it.
"""

import contextlib
import functools
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path, PurePath

from models import Precision, SharedWorldModel, WorldModels, choose_device, is_bfloat16
from session import LeftOut, RecordedSession, RobotProfile, SessionError, SessionMarks, SessionNotFound
from session.spread import spread
from training.checkpoints.paths import checkpoint_menu, checkpoint_path, list_checkpoints, unreadable_reason
from training.checkpoints.robots import RobotSessions, fit_to_train, is_of_robot, may_be_renamed
from training.distributed import ALONE, Division
from training.evaluation.baselines import Baselines
from training.evaluation.evaluator import Evaluator
from training.evaluation.evidence import EvidenceLog
from training.evaluation.spot_check import SpotChecks
from training.evaluation.store import EvaluationStore
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.recipe_estimate import RecipeEstimate, estimate_recipe
from training.jobs.recipe_run import Recipe, RecipeRun, load_saved, unfinished_recipe
from training.jobs.request import NothingToTrain
from training.jobs.snapshot import JobSnapshot
from training.recipe import UniqueFrames, is_held_out, standard_config
from training.values import InvalidValue

OPENED = 64  # recordings that tell the ranges of a robot, and the time of a step

MAX_OFFSET_FRAMES = 4000


class Backend:
    """Everything below the folder `data`, on the `device` of that name; raises models.DeviceUnavailable.

    `precision`: of imagined frames alone. `division`: of the batches among processes, each of which has a backend.
    """

    def __init__(
        self,
        data: Path,
        device: str = "auto",
        is_read_only: bool = False,
        wandb_project: str | None = None,
        division: Division = ALONE,
        precision: Precision = "float32",
    ) -> None:
        self.is_read_only = is_read_only
        self.sessions_folder, self.checkpoints_folder = data / "sessions", data / "checkpoints"
        self.checkpoint_prefix = f"{data.resolve().name}/checkpoints"  # of the paths that visitors see
        self.sessions = RobotSessions(self.sessions_folder, self.checkpoints_folder)
        self.marks = SessionMarks(data)
        self.device, self.precision = division.group.device(choose_device(device)), precision
        self.evaluator = Evaluator(EvaluationStore(data / "evaluations", is_read_only), division.group)
        self.baselines, self.evidence = Baselines(), EvidenceLog()
        self.spot_checks = SpotChecks(self.baselines, self.evidence)
        self._world_models = WorldModels(self.device, precision)
        self._wandb_project, self._division = wandb_project, division
        self._lock = threading.Lock()
        self._managers: dict[SharedWorldModel, TrainingManager] = {}
        self._estimates: dict[str, Future[RecipeEstimate]] = {}  # by robot
        self._measuring = ThreadPoolExecutor(1, "measure the recipe")

    def describe_device(self) -> str:
        """Text: "CPU", or "CPU (bf16)" once that is known to be faster for imagined frames."""
        name = str(self.device).upper()
        return f"{name} (bf16)" if is_bfloat16(self.device, self.precision) else name

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
                others = functools.partial(self._some_recordings, profile)
                self._managers[shared] = TrainingManager(shared, folder, self._wandb_project, others, self._division)
            return self._managers[shared]

    def loaded_manager(self, profile: RobotProfile) -> TrainingManager:
        """The same; the robot's default checkpoints are loaded the first time."""
        manager = self.manager(profile)
        manager.load_defaults()
        return manager

    def session_folder(self, session_id: str) -> Path:
        """The folder of a session, as `RecordedSession.folder` names it; it need not exist."""
        return Path(os.path.abspath(self.sessions_folder / session_id))

    def session_ids(self, robot_name: str) -> list[str]:
        """The recordings in a robot's folder, and those elsewhere that name the robot, by their ids.

        Once opened, some may be another robot's: of the same name, with other channels or with ranges of their own.
        """
        names = functools.partial(_names, robot_name)
        summaries = [one for one in self.sessions.list() if one.is_readable]
        own = [one for one in summaries if names(one.robot) or one.session_id.startswith(f"{robot_name}/")]
        read = [f"{one.session_id}{end}" for one in summaries for name, end in one.readings if names(name)]
        return sorted([*(one.session_id for one in own), *read])

    def open_all(self, session_ids: Iterable[str]) -> dict[str, RecordedSession]:
        """Opened recordings by their ids; raises SessionError."""
        return {session_id: self.sessions.get(session_id) for session_id in session_ids}

    def recordings_of(self, profile: RobotProfile) -> dict[str, RecordedSession]:
        """All recordings with frames of a robot with these actions; raises SessionError."""
        return self._with_channels(profile, self.session_ids(profile.name))

    def _some_recordings(self, profile: RobotProfile) -> list[RecordedSession]:
        """Up to 64 of those that can be opened, evenly spread: datasets hold thousands."""
        ids = self.session_ids(profile.name)
        some = [ids[place] for place in spread(len(ids), OPENED)] if ids else []
        return list(self._with_channels(profile, some, SessionError).values())

    def _with_channels(
        self, profile: RobotProfile, session_ids: Sequence[str], ignored: type[SessionError] = SessionNotFound
    ) -> dict[str, RecordedSession]:
        found = {}
        for session_id in session_ids:
            with contextlib.suppress(ignored):  # deleted meanwhile, or not to be read in that way
                recording = self.sessions.get(session_id)
                if recording.frame_count and is_of_robot(recording, profile):
                    found[session_id] = recording
        return found

    def with_offsets(self, recordings: Mapping[str, RecordedSession]) -> dict[str, RecordedSession]:
        """The recordings, and, of those whose frames are only some of their rows, readings that begin at other rows: as
        many as keep all below 4,000 frames. Raises SessionError."""
        times = max(1, MAX_OFFSET_FRAMES // max(1, sum(one.frame_count for one in recordings.values())))
        others = {
            name: None
            for session_id, one in recordings.items()
            for name in (one.choices.with_offsets(session_id, times) if one.choices else ())
            if name not in recordings
        }
        return dict(recordings) | self.open_all(others)

    def left_out(self, recordings: Mapping[str, RecordedSession], leaves_out: bool) -> LeftOut:
        """What is flagged in recordings, by id, now; nothing unless `leaves_out`.

        Raises SessionError, and InvalidValue if all of them are flagged as a whole.
        """
        left_out = self.marks.left_out(recordings) if leaves_out else LeftOut()
        if recordings and not left_out.rest(recordings):
            these = "This recording is" if len(recordings) == 1 else "All of these recordings are"
            raise InvalidValue(f"{these} flagged as a whole; choose others, or do not leave flagged ones out.")
        return left_out

    def chosen_frames(
        self, session_id: str, recording: RecordedSession, is_all: bool, leaves_out: bool
    ) -> dict[str, object]:
        """What a request for training says of its recordings, by the names of its fields: all of the robot's, or only
        the one, without what is flagged if `leaves_out`. Raises SessionError and InvalidValue."""
        chosen = self.recordings_of(recording.profile) if is_all else {session_id: recording}
        left_out = self.left_out(chosen, leaves_out)
        rest = left_out.rest(chosen)
        recordings = tuple(rest.values()) if is_all else ()
        return {
            "recording": next(iter(rest.values()), recording),
            "recordings": recordings,
            "flagged": left_out.frames(rest),
        }

    def begin_recipe(
        self, recordings: Mapping[str, RecordedSession], started_by: str, leaves_out_flagged: bool = False
    ) -> TrainingJob:
        """Train fresh networks by the recipe on recordings of one robot, by id, without their flagged frames if asked.

        Raises JobRunning, SessionError and InvalidValue.
        """
        if not recordings:
            raise InvalidValue("There is no recording of this robot with frames and these actions; record one.")
        left_out = self.left_out(recordings, leaves_out_flagged)
        recordings = left_out.rest(recordings)
        profile = next(iter(recordings.values())).profile
        manager = self.loaded_manager(profile)
        manager.require_idle()  # reading all frames takes some seconds
        recordings = self.with_offsets(recordings)
        others = functools.partial(self._some_recordings, profile)
        fitted = fit_to_train(list(recordings.values()), self.checkpoints_folder, others)
        frames = UniqueFrames(fitted, is_held_out, left_out.frames(recordings))
        recipe = Recipe(standard_config(frames), tuple(recordings), left_out=left_out)
        return RecipeRun(manager, recipe, frames, step_seconds=self._step_seconds(profile)).begin(started_by)

    def recipe_estimate(self, profile: RobotProfile) -> RecipeEstimate | None:
        """The measured time of a run of the recipe for a robot; None until it is known, and if it cannot be."""
        measured = self._estimates.get(profile.name)
        is_known = measured is not None and measured.done() and measured.exception() is None
        return measured.result() if is_known else None

    def is_measuring(self, profile: RobotProfile) -> bool:
        """True while that time is measured."""
        measured = self._estimates.get(profile.name)
        return measured is not None and not measured.done()

    def measure_recipe(self, profile: RobotProfile) -> None:
        """Begin to measure it, once for each robot."""
        self._estimate(profile)

    def _estimate(self, profile: RobotProfile) -> "Future[RecipeEstimate]":
        """The measurement in progress, or its result: one for each robot, begun at the first call."""
        with self._lock:
            if profile.name not in self._estimates:
                self._estimates[profile.name] = self._measuring.submit(self._measure_recipe, profile)
            return self._estimates[profile.name]

    def _measure_recipe(self, profile: RobotProfile) -> RecipeEstimate:
        longest = max(self._some_recordings(profile), key=lambda recording: recording.frame_count)
        return estimate_recipe(self.shared_model(profile), longest)

    def _step_seconds(self, profile: RobotProfile) -> Mapping[str, float]:
        """Estimated seconds of a step of each phase, empty if they cannot be measured."""
        measured = self._estimate(profile)
        return measured.result().step_seconds if measured.exception() is None else {}

    def resume_recipe(self, profile: RobotProfile, started_by: str) -> TrainingJob:
        """Continue the robot's unfinished run of the recipe from its saved networks.

        Raises JobRunning, SessionError, CheckpointError and InvalidValue.
        """
        manager = self.loaded_manager(profile)
        manager.require_idle()
        recipe = unfinished_recipe(manager.directory)
        frames = self.frames_of(recipe)
        load_saved(manager)
        job = RecipeRun(manager, recipe, frames, step_seconds=self._step_seconds(profile)).resume(started_by)
        if job is None:
            raise InvalidValue("All steps of that run are taken; begin a new one.")
        return job

    def frames_of(self, recipe: Recipe) -> UniqueFrames:
        """The frames of a run that is continued, without what was flagged when it began; raises SessionError."""
        recordings = self.open_all(recipe.recordings)
        return UniqueFrames(list(recordings.values()), is_held_out, recipe.left_out.frames(recordings))

    def active_jobs(self) -> list[tuple[str, JobSnapshot]]:
        """The training jobs in progress, each with the name of its robot."""
        jobs = [(manager.directory.name, manager.snapshot()) for manager in self._all_managers()]
        return [(name, job) for name, job in jobs if job is not None and job.is_active]

    def run_file(self, robot_name: str) -> Path | None:
        """The log of a robot's newest run, or None if there was none since the server began."""
        files = [manager.run_file for manager in self._all_managers() if manager.directory.name == robot_name]
        return max((file for file in files if file is not None), default=None)

    def checkpoint_folder(self, robot_name: str) -> Path | None:
        """The folder of a robot's checkpoints, or None for a name that leads elsewhere."""
        is_name = PurePath(robot_name).parts == (robot_name,) and robot_name != ".."
        return self.checkpoints_folder / robot_name if is_name else None

    def close(self, timeout_s: float) -> None:
        """Stop every training job because the program ends, and wait until each has saved."""
        self.spot_checks.close()
        managers = self._all_managers()
        for manager in managers:
            with contextlib.suppress(NothingToTrain):
                manager.interrupt()
        for manager in managers:
            manager.wait(timeout_s)

    def checkpoint_menu(self, profile: RobotProfile) -> list[tuple[list[str], str]]:
        """For the autoencoder, then the predictor: the files to choose from, and the default one or ""."""
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


def _names(robot_name: str, recorded: str) -> bool:
    """True if a recording that names its robot `recorded` may be one of `robot_name`."""
    return recorded == robot_name or may_be_renamed(robot_name, recorded)
