"""A run of the recipe: its entry in the run's log, its beginning with fresh networks, and its continuation.

The command `training.learn` and the page begin and continue such runs by this module alone, so each can continue a run
of the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from models import Network
from session import LeftOut
from training.checkpoints.validate import CheckpointInfo
from training.checkpoints.writer import FILES
from training.jobs.job import TrainingJob
from training.jobs.manager import TrainingManager
from training.jobs.request import RunRequest
from training.jobs.run_log import RECIPE
from training.jobs.run_reader import RecordedRun, newest_log, read_run
from training.rate import PhasePace
from training.recipe import RecipeConfig, UniqueFrames, recipe_phases
from training.recipe.phase import Phase
from training.values import InvalidValue, printable

OTHER_CHECKPOINTS = (
    "The checkpoints in use are not those that the interrupted run has saved: restore them under Models, or begin a "
    "new run."
)


@dataclass(frozen=True)
class Recipe:
    """A run of the recipe, as its log holds it: recordings by id, networks taken over, with their steps, and what was
    flagged when it began, if it leaves that out: flagging more meanwhile does not change the run."""

    config: RecipeConfig
    recordings: tuple[str, ...]
    loaded: dict[Network, int] = field(default_factory=dict)
    is_half: bool = False
    left_out: LeftOut = LeftOut()

    @classmethod
    def of_run(cls, run: RecordedRun) -> "Recipe":
        """The recipe of a recorded run; raises InvalidValue if it is a run of something else."""
        try:
            return cls.parse(run.config[RECIPE])
        except (KeyError, TypeError, ValueError) as problem:
            raise InvalidValue("The newest run of this robot is not one of the recipe: begin a new one.") from problem

    @classmethod
    def parse(cls, entry: Mapping[str, Any]) -> "Recipe":
        """The recipe of its entry in a log; raises KeyError, TypeError and ValueError."""
        config = RecipeConfig(**entry["config"])
        left_out = LeftOut.parse(entry.get("left_out", {"ranges": {}}))  # logs from before marks have none
        recordings, loaded = tuple(map(str, entry["recordings"])), dict(entry["loaded"])
        return cls(config, recordings, loaded, bool(entry["is_half"]), left_out)


class RecipeRun:
    """The phases of a recipe on a robot's networks. Raises InvalidValue if the frames are too few.

    `measure` gives further figures of the predictor, every `measure_every` of its steps. `step_seconds`: estimated
    seconds of a step of each phase, by name.
    """

    def __init__(
        self,
        manager: TrainingManager,
        recipe: Recipe,
        frames: UniqueFrames,
        measure: Callable[[], Mapping[str, float]] | None = None,
        measure_every: int = 0,
        step_seconds: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self._manager, self._recipe, self._frames, self._step_seconds = manager, recipe, frames, step_seconds
        for name in ("autoencoder_batch", "predictor_batch"):
            manager.trainer.state.division.check(getattr(recipe.config, name), name)
        every = measure_every if measure else 0
        self.phases = recipe_phases(
            manager.shared.model, frames, recipe.config, recipe.loaded, measure or dict, measure_every=every
        )

    def begin(self, started_by: str) -> TrainingJob:
        """Start with fresh networks, but for those taken over; raises JobRunning and changes nothing then."""
        seed, taken_over = self._recipe.config.seed, tuple(self._recipe.loaded)
        taken = [0] * len(self.phases)

        def prepare() -> None:
            self._manager.trainer.start_fresh(seed, taken_over)

        return self._start(self.phases, taken, started_by, prepare=prepare, serves_former=True)

    def resume(self, started_by: str) -> TrainingJob | None:
        """Continue at the steps of the networks in use; returns None if all are taken.

        Raises JobRunning, and InvalidValue if these are not the steps that the robot's newest run has saved.
        """
        taken = [self._steps_taken(phase) for phase in self.phases]
        group = self._manager.group
        with group.together():
            earlier = self._earlier_log(sum(taken)) if group.is_first else None
        remaining = [
            phase for phase, steps in zip(self.phases, taken, strict=True) if steps < phase.condition.max_steps
        ]
        return self._start(remaining, taken, started_by, continues=earlier) if remaining else None

    def _earlier_log(self, step: int) -> str | None:
        """The log of the robot's newest run, if there is any; raises InvalidValue if it has not saved this step."""
        earlier = newest_log(self._manager.directory)
        run = read_run(self._manager.directory, earlier) if earlier else None
        if run is not None and step not in (run.saved_step, run.saving_step):
            raise InvalidValue(OTHER_CHECKPOINTS)
        return earlier

    def _start(
        self,
        phases: Sequence[Phase],
        taken: Sequence[int],
        started_by: str,
        **options: object,
    ) -> TrainingJob:
        """Run some of the phases; `taken`: steps of each of all phases."""
        paces = [
            PhasePace(phase.label, phase.condition.max_steps, steps, self._step_seconds.get(phase.label))
            for phase, steps in zip(self.phases, taken, strict=True)
        ]
        request = RunRequest(
            network="predictor",
            subject=self._frames.describe(),
            started_by=started_by,
            phases=phases,
            max_steps=sum(phase.condition.max_steps for phase in self.phases),
            first_step=sum(taken),
            paces=tuple(paces),
            config={RECIPE: asdict(self._recipe)},
            recordings=self._recipe.recordings,
            **options,
        )
        return self._manager.run(request)

    def _steps_taken(self, phase: Phase) -> int:
        steps = self._manager.trainer.state.of(phase.objective.network).steps - phase.first_step
        return min(max(steps, 0), phase.condition.max_steps)


def unfinished_recipe(directory: Path) -> Recipe:
    """The recipe of the newest run in a robot's folder, which did not finish; raises InvalidValue."""
    name = newest_log(directory)
    run = read_run(directory, name) if name else None
    if run is None or run.status == "finished":
        raise InvalidValue(f"There is no interrupted run of {printable(directory.name)}: begin a new one.")
    recipe = Recipe.of_run(run)
    if run.saved_step is None and run.saving_step is None:
        raise InvalidValue("That run was interrupted before anything was saved: begin a new one.")
    return recipe


def load_saved(manager: TrainingManager) -> dict[Network, CheckpointInfo]:
    """Load both networks as the unfinished run saved them; raises JobRunning and CheckpointError."""
    return {network: manager.load(network, manager.directory / file) for network, file in FILES.items()}
