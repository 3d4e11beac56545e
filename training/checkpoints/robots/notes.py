"""Sentences on how a recording belongs to its robot's networks, for the facts of the recording."""

from collections.abc import Iterable, Iterator

from session import RecordedSession
from session.robots.detection import DIGEST_LENGTH
from training.checkpoints.robots.file import FILE
from training.checkpoints.robots.fit import Fit
from training.checkpoints.robots.keep import step_seconds

UNUSABLE = (
    f"{FILE} beside the checkpoints of this robot cannot be used, so its actions are scaled by this recording alone, "
    "and not as its networks learned them: put the file right, or remove it together with the checkpoints."
)
OLDER = (
    f"The checkpoints of this robot have no {FILE} beside them, so its actions are scaled by this recording alone; the "
    "next training here writes that file, and all recordings are scaled alike from then on."
)
OTHER_STEP = 1.5  # a step as many times as long is another one


def fit_notes(recording: RecordedSession, fit: Fit, is_unusable: bool, is_older: bool) -> Iterator[str]:
    """The sentences. `is_unusable`: there is a description that cannot be read; `is_older`: there are checkpoints
    without one."""
    if is_unusable:
        yield UNUSABLE
    elif is_older:
        yield OLDER
    if fit.adopted_by:
        yield _adoption(recording, fit)
    if fit.namesake is not None and fit.names:
        yield (
            f"The checkpoints in {fit.profile.name[: -DIGEST_LENGTH - 1]} are of another robot, {fit.namesake.title} "
            f"with the channels {_listed(one.name for one in fit.namesake.channels)}. This one, with "
            f"{_listed(fit.names)}, has networks of its own, in {fit.profile.name}."
        )
    if fit.kept is not None:
        yield from _other_reading(recording, fit)


def _adoption(recording: RecordedSession, fit: Fit) -> str:
    named = recording.robot_type or "no robot"
    if fit.is_refused:
        return (
            f"{fit.adopted_by} cannot adopt this recording, which names {named}: it has another number of action "
            f"channels ({_listed(recording.profile.channel_names)}). Adopt it under another name, or undo it."
        )
    own = recording.profile.channel_names
    renamed = [f"{old} is {new}" for old, new in zip(own, fit.names, strict=True) if old != new]
    channels = f" Of its channels {_listed(renamed)}; check that their units are the same." if renamed else ""
    return f"This recording names {named}; {fit.adopted_by} adopted it.{channels}"


def _other_reading(recording: RecordedSession, fit: Fit) -> Iterator[str]:
    choices, kept = recording.choices, fit.kept
    camera = choices.current.camera if choices else ""
    if kept.camera and camera and camera != kept.camera:
        yield f"The networks of this robot learned from the camera {kept.camera}; this is {camera}."
    step_s = step_seconds(recording)
    if kept.step_s and step_s and not 1 / OTHER_STEP < step_s / kept.step_s < OTHER_STEP:
        yield f"The networks of this robot learned steps of {kept.step_s:.2g} s; here a step takes {step_s:.2g} s."


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
