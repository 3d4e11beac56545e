"""Reading a tub: all valid records, and a log of the others."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import numpy as np

from session.donkeycar_format.catalogs import CHANNELS, STEERING, Records, read_records
from session.donkeycar_format.manifest import MANIFEST_FILE, Manifest, read_manifest
from session.files import open_folder
from session.formats.picture_files import PictureFiles
from session.formats.place import Place
from session.formats.reading import Choices, Reading, choose
from session.formats.rows import Strides, frozen, link_rows, stride_rows
from session.frames import FrameCheck, check_frames
from session.recording import RecordedSession
from session.robots.continuous import recorded_candidates
from session.robots.profiles import ActionChannel, RobotProfile
from session.skipped import SkippedLog
from session.summary import SessionSummary

DONKEYCAR = RobotProfile("donkeycar", "Donkeycar", tuple(ActionChannel(name, -1.0, 1.0) for name in CHANNELS))
USUAL_RATE = 20.0  # pictures a second, of the car's drive loop as it comes
PLAUSIBLE_RATES = (1.0, 120.0)
# The car was stopped, or carried somewhere else: a longer time between two records, also in intervals between others.
PAUSE_S, PAUSE_INTERVALS = 1.0, 10.0


def summarize(folder: Path, session_id: str) -> tuple[SessionSummary]:
    """The summary of the tub in ``folder`` by its manifest alone; raises OSError if it cannot be opened."""
    with open_folder(folder) as opened:
        manifest = read_manifest(opened, SkippedLog())
    summary = SessionSummary(
        session_id=session_id,
        name=folder.name,
        robot=DONKEYCAR.name,
        robot_title=DONKEYCAR.title,
        start_time=manifest.start_time,
        total_events=None,
        duration_s=None,
        is_finished=True,
        is_being_recorded=False,
    )
    return (summary,)


def load(place: Place) -> RecordedSession:
    """Read the tub in an absolute path; raises OSError if it cannot be opened."""
    log = SkippedLog()
    with open_folder(place.folder) as opened:
        manifest = read_manifest(opened, log)
        records = read_records(opened, manifest, log)
        rows = _usable_rows(records, manifest, log)
        check = check_frames(opened, [records.pictures[row] for row in rows.tolist() if records.pictures[row]])
    return _session(place, manifest, records, rows, check, log)


def _session(
    place: Place, manifest: Manifest, records: Records, rows: np.ndarray, check: FrameCheck, log: SkippedLog
) -> RecordedSession:
    times = np.array(records.times_ms)[rows] / 1000.0
    rate = _rate(times)
    choices = _choices(place.reading, rate)
    reading = choices.current
    strides = stride_rows(_drive_numbers(records, rows, times, rate), reading.stride, reading.offset)
    actions = _mean_commands(records, rows, strides)
    is_usable = np.isfinite(actions).all(axis=1)
    has_picture = _log_unusable(records, rows[strides.rows], rows[strides.begins][~is_usable], check, log)
    events = link_rows(strides, has_picture, is_usable)
    shown = rows[strides.rows][has_picture].tolist()
    indices = np.array(records.indices, dtype=np.int64)
    actions = frozen(actions[is_usable].astype(np.float32))
    candidates = recorded_candidates(DONKEYCAR, actions)
    return RecordedSession(
        folder=place.path,
        profile=DONKEYCAR,
        robot_type="donkeycar",
        start_time=manifest.start_time,
        end_time=None,
        is_finished=True,
        utc_offset_s=_utc_offset(manifest),
        steps=events.steps,
        times=frozen(times[strides.rows][has_picture]),
        frames=PictureFiles(place.folder, tuple(records.pictures[row] for row in shown)),
        actions=actions,
        action_steps=events.action_steps,
        action_times=frozen(times[strides.begins][is_usable]),
        candidate_actions=frozen(candidates.actions),
        is_continuous=candidates.is_continuous,
        links=events.links,
        skipped_log=log,
        pictures_digest=check.digest,
        notes=tuple(_notes(records, rows, manifest, rate)),
        choices=choices,
        steering=STEERING,
        rows=frozen(indices[shown]),
    )


def _usable_rows(records: Records, manifest: Manifest, log: SkippedLog) -> np.ndarray:
    """Records that were not deleted, in the order of their indices, int64 (R,); logs indices that come twice."""
    indices = np.array(records.indices, dtype=np.int64)
    order = np.argsort(indices, kind="stable")
    is_repeated = np.concatenate(([False], np.diff(indices[order]) == 0))[: len(order)]
    for row in order[is_repeated].tolist():
        _log(records, row, "its index was recorded before; the first one is kept", log)
    # Numbers of records are appended: a manifest that counts more was written after records that are lost.
    if manifest.record_count is not None and manifest.record_count > indices.max(initial=-1) + 1:
        log.add(
            MANIFEST_FILE,
            None,
            f"counts {manifest.record_count} records, but those that were found end at {indices.max(initial=-1) + 1}",
        )
    rows = order[~is_repeated]
    return rows[~np.isin(indices[rows], sorted(manifest.deleted))] if manifest.deleted else rows


def _rate(times: np.ndarray) -> float | None:
    """Pictures a second by the recorded times, or None if they are not known or do not advance."""
    intervals = np.diff(times[np.isfinite(times)])
    median = float(np.median(intervals)) if len(intervals) else 0.0
    return 1 / median if median > 0 else None


def _is_plausible(rate: float | None) -> bool:
    return rate is not None and PLAUSIBLE_RATES[0] <= rate <= PLAUSIBLE_RATES[1]


def _choices(asked: Reading, rate: float | None) -> Choices:
    known = rate if rate is not None and _is_plausible(rate) else USUAL_RATE
    return choose(asked, known)


def _drive_numbers(records: Records, rows: np.ndarray, times: np.ndarray, rate: float | None) -> np.ndarray:
    """A number for each row, one more than that of the row before only if the car drove on in between."""
    numbers = np.array(records.indices, dtype=np.int64)[rows]
    is_break = np.diff(np.array(records.drives, dtype=np.int64)[rows]) != 0
    if _is_plausible(rate):
        with np.errstate(invalid="ignore"):
            is_break |= np.diff(times) > max(PAUSE_S, PAUSE_INTERVALS / rate)
    return numbers + np.concatenate(([0], np.cumsum(is_break)))[: len(numbers)]


def _mean_commands(records: Records, rows: np.ndarray, strides: Strides) -> np.ndarray:
    """The mean angle and throttle during each step, float64 (M, 2): both are rates, whose effects add up."""
    commands = np.column_stack((np.array(records.angles), np.array(records.throttles))).reshape(-1, 2)[rows]
    begins, ends = strides.begins, strides.ends
    if not len(begins):
        return np.zeros((0, 2))
    sums = np.add.reduceat(commands, np.column_stack((begins, ends)).ravel(), axis=0)[::2]
    return sums / (ends - begins)[:, None]


def _log_unusable(
    records: Records, observed: np.ndarray, actions: np.ndarray, check: FrameCheck, log: SkippedLog
) -> np.ndarray:
    """Log lost pictures of the observed records and actions without numbers; returns where pictures are, bool (N,)."""
    has_picture = np.ones(len(observed), dtype=bool)
    for place, row in enumerate(observed.tolist()):
        name = records.pictures[row]
        problem = check.problems.get(name) if name else "frame is not named, or not by a file's name"
        if problem:
            has_picture[place] = False
            _log(records, row, problem, log)
    for row in actions.tolist():
        _log(records, row, "angle or throttle is not a usable number", log)
    return has_picture


def _log(records: Records, row: int, reason: str, log: SkippedLog) -> None:
    log.add(records.catalog_names[records.catalogs[row]], records.lines[row], reason)


def _utc_offset(manifest: Manifest) -> float:
    """Seconds that the clock of this machine was ahead of UTC then."""
    moment = manifest.start_time or datetime(1970, 1, 2)
    offset = moment.astimezone().utcoffset()
    return offset.total_seconds() if offset else 0.0


def _notes(records: Records, rows: np.ndarray, manifest: Manifest, rate: float | None) -> Iterator[str]:
    """Sentences on how the tub was understood."""
    if rate is None and len(rows) > 1:
        yield "The times of this tub are not known, or do not advance."
    elif rate is not None and not _is_plausible(rate):
        yield (
            f"The times of this tub are as recorded, but say {rate:,.0f} pictures a second, which no donkeycar takes "
            f"(usual are {USUAL_RATE:g}): they were probably lost when the tub was converted."
        )
    if manifest.deleted:
        yield f"{len(manifest.deleted):,} records that the manifest lists as deleted are left out."
    driven = int(np.array(records.is_pilot)[rows].sum())
    if driven:
        yield f"The autopilot drove in {driven:,} of {len(rows):,} records; its commands are the actions there."
