"""Writing recordings as a dataset, row by row, and counting what is left out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from session.errors import ExportError, FrameUnreadable
from session.export.lerobot.dataset import DatasetWriter, Row
from session.export.lerobot.files import Limits
from session.export.lerobot.videos import BYTES_PER_PIXEL
from session.export.new_folder import new_folder, require_free_space
from session.export.plan import Plan
from session.export.runs import Run
from session.export.sources import Source

NO_TASK = "no task was recorded"
NAMED_PARTS = 3
LIMITS = Limits()


@dataclass
class Written:
    """What was written of a recording: ``rows`` in ``episodes``; ``undecoded`` pictures were left out."""

    source: Source
    rows: int = 0
    episodes: int = 0
    undecoded: int = 0

    @property
    def idle(self) -> int:
        """Frames after which no action was decided, or whose state is not known."""
        return self.source.session.frame_count - self.source.row_count

    @property
    def is_as_usual(self) -> bool:
        """True if the recording became one episode, and no more than the frames at its ends were left out."""
        at_ends = 1 + self.source.states.are_last_actions
        return self.episodes == 1 and self.idle <= at_ends and not self.undecoded and not self.source.session.skipped

    def __str__(self) -> str:
        """A sentence on what was written, and on what was left out."""
        session = self.source.session
        parts = [f"{self.source.session_id}: {self.rows:,} of {session.frame_count:,} frames are written"]
        if self.episodes != 1:
            parts[0] += f", as {self.episodes:,} episodes without gaps"
        if self.idle:
            parts.append(f"left out: {self.idle:,} without an action after, or without a state")
        if self.undecoded:
            parts.append(f"left out: {self.undecoded:,} that cannot be decoded")
        if session.skipped:
            parts.append(f"lost in the recording: {', '.join(session.skipped_summary(NAMED_PARTS))}")
        return "; ".join(parts) + "."


def export_dataset(
    plan: Plan, place: Path, task: str, codec: str, advance: Callable[[int], object], limits: Limits = LIMITS
) -> list[Written]:
    """Write a LeRobotDataset at ``place``, whole or not at all; ``task``: of all episodes, "" for the recorded ones.

    ``advance`` is called with a number of rows when they are done. Raises SessionError and OSError.
    """
    require_free_space(place, round(plan.row_count * plan.size[0] * plan.size[1] * BYTES_PER_PIXEL))
    with new_folder(place) as folder:
        writer = DatasetWriter(folder, plan, codec, limits)
        try:
            written = [_write_source(writer, plan, source, task, advance) for source in plan.sources]
            if not writer.episode_count:
                raise ExportError("No picture of these recordings can be decoded; choose other recordings.")
            writer.finish()
        finally:
            writer.abandon()
    return written


def _write_source(
    writer: DatasetWriter, plan: Plan, source: Source, task: str, advance: Callable[[int], object]
) -> Written:
    written = Written(source)
    before = writer.row_count, writer.episode_count
    for run in source.runs:
        written.undecoded += _write_run(writer, plan, source, run, task or source.session.task or NO_TASK, advance)
    written.rows, written.episodes = writer.row_count - before[0], writer.episode_count - before[1]
    return written


def _write_run(
    writer: DatasetWriter, plan: Plan, source: Source, run: Run, task: str, advance: Callable[[int], object]
) -> int:
    """Write a run as an episode, or as several around pictures that cannot be decoded; returns how many those are."""
    session, undecoded = source.session, 0
    channels = [session.profile.channel_names.index(name) for name in plan.action_names]
    states = source.states.values[:, [source.states.names.index(name) for name in plan.state_names]]
    writer.begin_episode(len(run))
    for place, (frame, action) in enumerate(zip(run.frames.tolist(), run.actions.tolist(), strict=True)):
        try:
            picture = plan.picture(source, frame)
        except FrameUnreadable:
            undecoded += 1
            writer.end_episode(task)
            writer.begin_episode(len(run) - place - 1)
        else:
            writer.add(Row(picture, session.actions[action, channels], states[frame]))
        advance(1)
    writer.end_episode(task)
    return undecoded
