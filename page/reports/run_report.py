"""The report on a robot's newest run: what was trained on what, its curves and verdicts, its pictures over the
training, and the frames that its networks get worst."""

import contextlib
import io
from collections.abc import Iterator, Mapping
from datetime import datetime
from html import escape

from page.backend import PageBackend
from page.facts import facts_table
from page.figures import PNG, data_address
from page.pictures import SHOWN
from page.reports.document import document
from page.tabs.job_view import training_view
from page.text import loss_text
from page.verdicts import evaluation_lines
from page.versions import origin_rows
from session import FrameUnreadable, RecordedSession, RobotProfile, SessionError, code_version
from training import EvaluationResult, JobSnapshot, TrainingManager, draw_charts, draw_strip, frame_errors, read_run

MOST_RECORDINGS, WORST = 3, 6
MAX_TEXT, MOST_LISTED = 2000, 50
JPEG = "image/jpeg"


def run_report(backend: PageBackend, profile: RobotProfile) -> str | None:
    """HTML of the report on the newest run of a robot; None before the first one."""
    manager = backend.loaded_manager(profile)
    job = manager.newest_run()
    if job is None:
        return None
    name = job.title.name or f"{job.network} {job.status}"
    view = SHOWN.embed(training_view(job, draw_charts(job, is_log=True), ""))
    recordings = backend.recordings_of(profile)
    parts = [_written(profile), view, _strip(manager, job), _facts(manager, job, recordings)]
    parts += _errors(backend, manager, recordings)
    return document(f"{profile.title}: {name}", "".join(parts))


def profile_of_robot(backend: PageBackend, robot: str) -> RobotProfile | None:
    """The profile of the robot with this folder of checkpoints, by its first recording that can be opened, or None."""
    for session_id in backend.session_ids(robot):
        with contextlib.suppress(SessionError):
            profile = backend.sessions.get(session_id).profile
            if profile.name == robot:
                return profile
    return None


def _written(profile: RobotProfile) -> str:
    now = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    return f'<p class="fine">Session Explorer {code_version()}, {escape(profile.title)}, written {now}.</p>'


def _strip(manager: TrainingManager, job: JobSnapshot) -> str:
    """The outputs for a few frames over the training, one column a step."""
    picture = draw_strip(manager.directory, job.log.removesuffix(".jsonl"))
    if picture is None:
        return ""
    return f'<h2>Over the training</h2><img src="{data_address(picture, PNG)}" alt="Outputs for a few frames, by step">'


def _facts(manager: TrainingManager, job: JobSnapshot, recordings: Mapping[str, RecordedSession]) -> str:
    """How the run was set up, the robot's recordings now, and which weights are in use."""
    run = read_run(manager.directory, job.log)
    rows = [("Log", job.log), ("Trained on", job.subject), *(_config(run.config) if run else ())]
    rows += [
        (f"Recording {session_id}", f"{recording.frame_count:,} frames, version {recording.version}")
        for session_id, recording in list(recordings.items())[:MOST_LISTED]
    ]
    digests = manager.served.digests()
    rows += [
        (f"{network.capitalize()} in use", f"{source.describe()}, {digests[network][:16]}")
        for network, source in manager.served.weights.items()
    ]
    rows += [(f"{network.capitalize()} from", text) for network, text in origin_rows(manager)]
    return f"<h2>Setup</h2>{facts_table(rows)}"


def _config(config: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _config(value)
        elif value not in (None, "", [], False):
            text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            yield name.replace("_", " ").capitalize(), text[:MAX_TEXT]


def _errors(backend: PageBackend, manager: TrainingManager, recordings: Mapping[str, RecordedSession]) -> Iterator[str]:
    """The evaluations with the weights in use, of a few recordings."""
    digests, count = dict(manager.served.digests()), 0
    for session_id, recording in recordings.items():
        kept = backend.evaluator.kept(session_id, recording.version)
        result = next((one for one in kept if dict(one.digests) == digests and one.track.is_complete), None)
        if result is not None and count < MOST_RECORDINGS:
            count += 1
            yield _of_recording(backend, session_id, recording, result)


def _of_recording(backend: PageBackend, session_id: str, recording: RecordedSession, result: EvaluationResult) -> str:
    baselines = backend.baselines.of(recording)
    lines = evaluation_lines(result, baselines) if baselines else ""
    worst = frame_errors.worst_frames(result.track.of("prediction"), WORST)
    pictures = "".join(_frame(recording, frame, mse) for frame, mse in worst)
    return (
        f"<h2>Errors of {escape(session_id)}</h2>{lines}"
        f'<h3>Worst predictions</h3><div class="pictures">{pictures}</div>'
    )


def _frame(recording: RecordedSession, frame: int, mse: float) -> str:
    file = io.BytesIO()
    try:
        recording.picture(frame).save(file, "JPEG", quality=85)
    except FrameUnreadable:
        return ""
    image = f'<img src="{data_address(file.getvalue(), JPEG)}" alt="">'
    return f"<figure>{image}<figcaption><b>Frame {frame}</b><span>MSE {loss_text(mse)}</span></figcaption></figure>"
