"""The plan of a dataset: what its recordings have in common, or a sentence on what they have not."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image

from session.errors import ExportError
from session.export.runs import Pace, pace_of
from session.export.sources import Source

SAME_RATE = 0.02  # of the recorded rate: a rate that is rounded by less needs no note
UNLIKE_RATE = 0.2
MAX_FPS = 1000
NAMED = 3  # sessions in a sentence
APART = "export them into datasets of their own"
Value = TypeVar("Value")


@dataclass(frozen=True)
class Plan:
    """``size``: width and height of the pictures, those of others are made it if ``is_resized``. ``notes`` are
    sentences on what the dataset does not tell as it was."""

    sources: tuple[Source, ...]
    fps: int
    camera: str
    size: tuple[int, int]
    is_resized: bool
    action_names: tuple[str, ...]
    state_names: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def robot_type(self) -> str:
        first = self.sources[0].session
        return first.robot_type or first.profile.name

    @property
    def row_count(self) -> int:
        return sum(source.row_count for source in self.sources)

    def picture(self, source: Source, frame: int) -> Image.Image:
        """The RGB picture of a frame; raises FrameUnreadable, and ExportError if it has another size."""
        picture = source.session.picture(frame)
        if picture.size == self.size:
            return picture
        if self.is_resized:
            return picture.resize(self.size, Image.Resampling.BILINEAR)
        raise ExportError(
            f"Frame {frame} of {source.session_id} is {_size(picture.size)}, others are {_size(self.size)}: give one "
            f"size for all, such as --size {_size(self.size, 'x')}."
        )


def make_plan(found: Sequence[Source], fps: int | None, size: tuple[int, int] | None) -> Plan:
    """The plan for recordings that fit together, without those that hold nothing to write; raises ExportError."""
    problems = [_problem_of(one) for one in found]
    sources = [one for one, problem in zip(found, problems, strict=True) if not problem]
    if not sources:
        raise ExportError(f"{problems[0]}.")
    robot = f"A dataset holds one robot: {APART}"
    _require_same(sources, lambda one: one.session.profile.name, f"are of different robots. {robot}")
    _require_same(
        sources,
        lambda one: tuple(sorted(one.session.profile.channel_names)),
        f"have different action channels. {robot}",
    )
    cameras = f"show different cameras; choose one for all with @camera=NAME, or {APART}"
    camera = _require_same(sources, lambda one: one.camera, cameras)
    states = f"hold different states; give --state none, or {APART}"
    _require_same(sources, lambda one: tuple(sorted(one.states.names)), states)
    paces = [pace_of(one.session) for one in sources]
    common = _common_rate(sources, [pace.rate for pace in paces]) if fps is None else fps
    notes = [f"{problem}. It is left out." for problem in problems if problem] + _general_notes(sources)
    for source, pace in zip(sources, paces, strict=True):
        notes += _notes(source, pace, common)
    return Plan(
        sources=tuple(sources),
        fps=common,
        camera=camera,
        size=size or _common_size(sources),
        is_resized=size is not None,
        action_names=sources[0].session.profile.channel_names,
        state_names=sources[0].states.names,
        notes=tuple(notes),
    )


def _problem_of(source: Source) -> str:
    """The reason why nothing can be written of a recording, with what may help, or ""."""
    name = source.session_id
    if not source.has_pictures:
        return f"{name} has no pictures: fetch its videos, or choose another camera with @camera=NAME behind its name"
    if not source.row_count and source.states.are_last_actions:
        return f"{name} holds no frame between two actions, of which the first is its state; --state none needs none"
    if not source.row_count:
        return f"{name} holds no frame that an action follows, so there is nothing to write"
    return "" if source.size else f"No picture of {name} can be decoded"


def _require_same(sources: Sequence[Source], value_of: Callable[[Source], Value], problem: str) -> Value:
    """The value that all recordings share; raises ExportError with the problem behind two that differ."""
    first = sources[0]
    other = next((one for one in sources if value_of(one) != value_of(first)), None)
    if other is not None:
        raise ExportError(f"{_with(first, value_of)} and {_with(other, value_of)} {problem}.")
    return value_of(first)


def _with(source: Source, value_of: Callable[[Source], object]) -> str:
    value = value_of(source)
    text = ", ".join(value) if isinstance(value, tuple) else str(value)
    return f"{source.session_id} ({text or 'none'})"


def _common_size(sources: Sequence[Source]) -> tuple[int, int]:
    """Width and height of the first pictures of all recordings."""
    first = sources[0]
    for one in sources:
        if one.size != first.size:
            raise ExportError(
                f"The pictures of {first.session_id} are {_size(first.size)}, those of {one.session_id} "
                f"{_size(one.size)}: give one size for all, such as --size {_size(first.size, 'x')}, or {APART}."
            )
    return first.size


def _common_rate(sources: Sequence[Source], rates: Sequence[float | None]) -> int:
    """Frames a second, rounded, as LeRobot takes whole numbers only."""
    for one, rate in zip(sources, rates, strict=True):
        if rate is None:
            raise ExportError(f"The times of {one.session_id} are not known: give its frames a second with --fps.")
    rounded = [min(MAX_FPS, max(1, round(rate))) for rate in rates if rate]
    by_rate: dict[int, list[str]] = {}
    for one, fps in zip(sources, rounded, strict=True):
        by_rate.setdefault(fps, []).append(one.session_id)
    if len(by_rate) > 1:
        groups = "; ".join(f"{fps} a second: {_named(ids)}" for fps, ids in sorted(by_rate.items()))
        raise ExportError(
            f"The recordings have different frames a second ({groups}). A dataset has one: give it with --fps, thin "
            f"out with @stride=N, or {APART}."
        )
    return rounded[0]


def _general_notes(sources: Sequence[Source]) -> list[str]:
    """Sentences on what holds for all recordings."""
    first, notes = sources[0], []
    if first.states.are_last_actions:
        notes.append("observation.state holds the action before each frame; leave it out with --state none.")
    if len(first.session.profile.channels) == 1:
        notes.append(
            "An action of this robot is one number. LeRobot 0.4 reads that as a plain number instead of a vector, and "
            "ACT and Diffusion do not train on it."
        )
    return notes


def _notes(source: Source, pace: Pace, fps: int) -> list[str]:
    """Sentences on how the times of a recording differ from those of the dataset."""
    notes, name = [], source.session_id
    if pace.rate is not None and abs(pace.rate / fps - 1) > SAME_RATE:
        notes.append(f"{name} was recorded at {pace.rate:.3g} frames a second; the dataset says {fps}.")
    elif pace.rate is not None and pace.timed is not None and abs(pace.timed / fps - 1) > UNLIKE_RATE:
        notes.append(f"The times of {name} say {pace.timed:.3g} frames a second, and the dataset {fps}.")
    elif pace.span is not None:
        notes.append(
            f"The frames of {name} came unevenly, {pace.span[0]:.3g} to {pace.span[1]:.3g} s apart; in the dataset "
            f"they are {1 / fps:.3g} s apart."
        )
    if source.session.is_being_recorded:
        notes.append(f"{name} is being recorded; what it held a moment ago is written.")
    return notes


def _named(ids: Sequence[str]) -> str:
    return ", ".join(ids[:NAMED]) + (f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else "")


def _size(size: tuple[int, int], sign: str = "\N{MULTIPLICATION SIGN}") -> str:
    return f"{size[0]}{sign}{size[1]}"
