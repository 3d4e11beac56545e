"""A comparison of two pairs of checkpoints: the choice of both, and what they make of a frame and of a dream."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from models import NETWORKS, Network, Prediction, RolloutMode, SharedWorldModel
from page.backend import PageBackend
from page.handlers import PageError
from page.tabs.compare.dream import dream_means
from page.verdicts import mean_image_errors
from page.versions import origin_rows, origin_text, version_name
from session import History, NoHistory, RecordedSession
from training import (
    CannotImagine,
    CheckpointError,
    DreamStep,
    Evidence,
    FrameBaselines,
    Imagination,
    TrainingManager,
    copy_with_files,
    copy_with_version,
    dream_with_each,
    evaluated_scores,
    find_version,
    predict_with_each,
    recorded_actions,
    summarize_scores,
)

IN_USE, CHOSEN = "in use", "selected"
RECORDED, PRESSED = "Recorded", "Pressed under Imagine"
DREAMS = (RECORDED, PRESSED)
STANDARD_STEPS = 10
NOTHING_PRESSED = "Nothing was pressed under Imagine yet: press some actions there, or choose the recorded ones."


@dataclass(frozen=True, eq=False)
class Side:
    """One of the pairs: "A" or "B", what was chosen, in words, a copy of its networks that nobody else uses, and where
    these come from, as far as it is known."""

    name: str
    label: str
    shared: SharedWorldModel
    origins: Mapping[Network, str]

    @property
    def is_trained(self) -> bool:
        return all(source.is_trained for source in self.shared.weights.values())


@dataclass(frozen=True)
class Choice:
    """A visitor's choice for a side: the weights in use, those of the `files` of the form, or a version by its name."""

    side: str
    value: object
    files: Mapping[Network, object]

    def networks(self, backend: PageBackend, manager: TrainingManager) -> Side:
        """A copy of the networks chosen; raises PageError, which names the side."""
        try:
            return Side(self.side, *self._copy(backend, manager))
        except CheckpointError as problem:
            raise PageError(f"Checkpoints {self.side}: {problem}") from problem

    def _copy(
        self, backend: PageBackend, manager: TrainingManager
    ) -> tuple[str, SharedWorldModel, Mapping[Network, str]]:
        known = dict(origin_rows(manager))
        if self.value in (None, IN_USE):
            shared = manager.served.snapshot()
            return f"Loaded: {_weights_text(shared)}", shared, known
        if self.value == CHOSEN:
            files = {network: backend.typed_path(path) for network, path in self.files.items()}
            shared = copy_with_files(manager.served, files)
            return _weights_text(shared), shared, {}
        version = find_version(manager.directory, self.value if isinstance(self.value, str) else "")
        others = [f" · {network} as loaded" for network in NETWORKS if network not in version.files]
        label = version_name(manager, version) + "".join(others)
        known |= {network: origin_text(file.origin) for network, file in version.files.items()}
        return label, copy_with_version(manager.served, manager.directory, version), known


def _weights_text(shared: SharedWorldModel) -> str:
    return ", ".join(f"{network} {source.describe()}" for network, source in shared.weights.items())


@dataclass(frozen=True, eq=False)
class DreamedActions:
    """The frame from which a dream starts, and its actions, raw values (A,) each. `problem`: the reason why there are
    none; `note`: why there are fewer than asked for."""

    start: int
    actions: tuple[np.ndarray, ...] = ()
    problem: str = ""
    note: str = ""


def dreamed_actions(
    recording: RecordedSession, index: int, source: object, steps: int, imagination: Imagination | None
) -> DreamedActions:
    """Up to `steps` actions that were recorded after a frame, or that the visitor has pressed under Imagine, from the
    frame at which that began. Raises PageError for an unknown source."""
    if source not in (None, *DREAMS):
        raise PageError(f"The actions of the dream must be one of: {', '.join(DREAMS)}.")
    if source == PRESSED:
        if imagination is None or not imagination.actions or imagination.recorded != recording.version:
            return DreamedActions(index, problem=NOTHING_PRESSED)
        actions = imagination.actions[:steps]
        more = len(imagination.actions) - len(actions)
        return DreamedActions(imagination.start, actions, note=f"{more} more were pressed." if more else "")
    try:
        actions = tuple(recorded_actions(recording, index, steps))
    except CannotImagine as problem:
        return DreamedActions(index, problem=str(problem))
    note = f"Only {len(actions)} of {steps} steps: the recording ends or has a gap there."
    return DreamedActions(index, actions, note=note if len(actions) < steps else "")


@dataclass(frozen=True, eq=False)
class Comparison:
    """Both sides on frame `index`, and in a dream of `mode` and `history_length` from `start` on.

    `history` and `predictions` are of the frame, and `baselines` its trivial errors; without a history they are empty,
    and `frame_problem` says why. `mean_mses` are those of the mean image for the steps of the dream with a known truth.
    `evaluated`: each side's mean errors over the recording, if it was evaluated with both.
    """

    session_id: str
    recording: RecordedSession
    index: int
    sides: tuple[Side, ...]
    digests: tuple[Mapping[Network, str], ...]
    history: History | None
    predictions: tuple[Prediction, ...]
    baselines: FrameBaselines | None
    frame_problem: str
    dreamed: DreamedActions
    dream: tuple[DreamStep, ...]
    mean_mses: tuple[float, ...]
    mode: RolloutMode
    history_length: int
    evaluated: tuple[Evidence, ...]

    @property
    def is_same(self) -> bool:
        """True if both sides have the same weights."""
        return self.digests[0] == self.digests[1]

    @property
    def dream_means(self) -> list[float]:
        """Mean errors of A, B, repeating the start frame and the mean image over the dream, as far as they are
        known."""
        return dream_means(self.dream, self.mean_mses)


Watched = Callable[[Iterator[DreamStep]], Iterable[DreamStep]]


def compare(
    backend: PageBackend,
    recording: RecordedSession,
    session_id: str,
    place: tuple[int, int],
    sides: tuple[Side, ...],
    dreamed: DreamedActions,
    mode: RolloutMode,
    watched: Watched = iter,
) -> Comparison:
    """Compare both sides on a frame and in a dream; `place`: the frame and the history length. `watched` may show the
    progress of the dream. Raises NoHistory if neither is possible, FrameUnreadable, CannotImagine and NotFinite."""
    (index, length), networks = place, [side.shared for side in sides]
    history, problem = _history(recording, index, length)
    if history is None and dreamed.problem:
        raise PageError(f"{problem} {dreamed.problem}")
    known = backend.baselines.of(recording)
    predictions = predict_with_each(networks, recording, history) if history else ()
    steps = dream_with_each(networks, recording, dreamed.start, dreamed.actions, mode, length)
    dream = tuple(watched(steps)) if dreamed.actions else ()
    truths = [step.actual for step in dream if step.actual is not None]
    digests = tuple(dict(shared.digests()) for shared in networks)
    return Comparison(
        session_id=session_id,
        recording=recording,
        index=index,
        sides=sides,
        digests=digests,
        history=history,
        predictions=predictions,
        baselines=known.of_frame(recording, index) if known and history else None,
        frame_problem=problem,
        dreamed=dreamed,
        dream=dream,
        mean_mses=tuple(mean_image_errors(backend, recording, truths) or ()),
        mode=mode,
        history_length=length,
        evaluated=_evaluated(backend, recording, session_id, digests, length),
    )


def _history(recording: RecordedSession, index: int, length: int) -> tuple[History | None, str]:
    """The history before a frame, or None and the reason."""
    try:
        return recording.history(index, length), ""
    except NoHistory as problem:
        return None, str(problem)


def _evaluated(
    backend: PageBackend, recording: RecordedSession, session_id: str, digests: Sequence[Mapping], length: int
) -> tuple[Evidence, ...]:
    """The mean errors of each side over the same frames of the recording; empty unless all of both were computed."""
    known, found = backend.baselines.of(recording), []
    results = backend.evaluator.kept(session_id, recording.version) if known else ()
    for own in digests:
        fitting = (one for one in results if one.history_length == length and dict(one.digests) == own)
        result = next((one for one in fitting if one.track.is_complete), None)
        evidence = result and summarize_scores(evaluated_scores(result.track, known)["predictor"].values())
        found += [evidence] if evidence else []
    return tuple(found) if len(found) == len(digests) else ()
