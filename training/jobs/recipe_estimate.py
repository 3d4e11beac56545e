"""What a run of the recipe will take on this machine, from a few steps of each phase on a copy of the networks."""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from models import AdaptiveWorldModel, SharedWorldModel
from session import RecordedSession
from session.history import EventLinks
from session.recording import FrameSource
from training.rate import PhasePace, total_seconds
from training.recipe import UniqueFrames, recipe_phases, standard_config
from training.recipe.phase import Phase
from training.steps import TrainState, train_step

FRAMES = 24  # enough for the longest history of the recipe; all of them are encoded
STEPS = 2  # of each phase; the first one takes longer than all that follow
EVALUATED = 32  # frames of one evaluation, with those held out


@dataclass(frozen=True)
class RecipeEstimate:
    """Seconds of a step of each phase, by name, evaluations included, and the seconds of the whole run."""

    step_seconds: Mapping[str, float]
    seconds: float


def estimate_recipe(shared: SharedWorldModel, recording: RecordedSession) -> RecipeEstimate:
    """Measure the recipe on the first frames of a recording; takes some seconds. Raises SessionError, InvalidValue."""
    with shared.lock:
        model = copy.deepcopy(shared.model)
    frames = UniqueFrames([first_frames(recording, FRAMES)], lambda *frame: False)
    phases = recipe_phases(model, frames, standard_config(frames))
    step_seconds = {phase.label: _step_seconds(model, phase) for phase in phases}
    paces = [PhasePace(one.label, one.condition.max_steps, 0, step_seconds[one.label]) for one in phases]
    return RecipeEstimate(step_seconds, total_seconds(paces))


def _step_seconds(model: AdaptiveWorldModel, phase: Phase) -> float:
    phase.initialize()
    phase.dataset.prepare()
    state = TrainState(model, phase.config)
    seconds = []
    for _ in range(STEPS):
        began = time.monotonic()
        train_step(state, phase.objective, phase.dataset.draw(state.generator))
        seconds.append(time.monotonic() - began)
    batch = phase.dataset.evaluation_batches()[0]
    began = time.monotonic()
    phase.objective.evaluate(batch)
    return min(seconds) + EVALUATED * (time.monotonic() - began) / phase.config.evaluate_every


@dataclass(frozen=True, eq=False)
class _FirstFrames:
    """The first `count` frames of a source."""

    source: FrameSource
    count: int

    @property
    def names(self) -> tuple[str, ...]:
        return self.source.names[: self.count]

    @property
    def is_being_recorded(self) -> bool:
        return self.source.is_being_recorded

    @property
    def may_be_recording(self) -> bool:
        return self.source.may_be_recording

    def read(self, index: int) -> tuple[bytes, str]:
        return self.source.read(index)


def first_frames(recording: RecordedSession, count: int) -> RecordedSession:
    """The recording as if it ended after `count` frames."""
    links = recording.links
    cut = EventLinks(links.previous[:count], links.action_into[:count], links.action_after[:count])
    return replace(recording, frames=_FirstFrames(recording.frames, count), links=cut)
