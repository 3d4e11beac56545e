"""HTML of a training job: its name, progress, numbers, verdict, curves and outcome."""

import math
from html import escape

from page.pictures import Picture, picture_row
from page.text import count_text, duration_text, loss_text, percent_text, rate_text
from page.verdicts import run_lines
from training import REPEATING, UNCERTAINTY, JobCharts, JobSnapshot, share_below

ROUND_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 45, 60, 120, 180, 240)
RISEN = 1.2  # times its first value: then the reconstruction error is reported to have risen
ROSE = 1.01  # times the first eval loss: less is no rise to speak of
SHARE_TITLE = "Gradient share of the action inputs"
SHARE_READING = (
    "Share of the predictor's squared gradient that reaches the action inputs. Well below the dashed line, training "
    "barely touches how actions are used."
)
SKILL_READING = "Skill on {} frames: 1 − MSE / MSE of the baseline at 0 %. 100 % is exact."
UNCERTAINTY_READING = "Variance of the predicted frame over dropout passes, mean over the actions."
FORMER = " The networks from before are in the checkpoint history, under Models: Restore puts them back."
PHASES = {"reconstruct": "reconstruction", "predict": "prediction"}
HEADINGS = {"running": "Training the {}", "elsewhere": "Another program is training the {}"}  # others: network, status


def rough_duration(seconds: float) -> str:
    """About how long, in steps as wide as estimates vary: 45 minutes, 1 hour, 3 hours."""
    if seconds < 45:
        return "half a minute"
    minutes = min(ROUND_MINUTES, key=lambda one: abs(math.log(60 * one / seconds)))
    if minutes == ROUND_MINUTES[-1]:
        return f"{round(seconds / 3600)} hours"
    return count_text(minutes, "minute") if minutes < 60 else count_text(minutes // 60, "hour")


def job_line(job: JobSnapshot | None) -> str:
    """The job in a few words, for the status line."""
    if job is None or not job.is_active:
        return "none"
    who = f" (started by {job.started_by})" if job.started_by else ""
    status = "" if job.status == "running" else f"{job.status}: "
    left = f", about {rough_duration(job.seconds_left)} left" if job.seconds_left else ""
    return f"{status}{job.network}, step {job.step:,} / {job.max_steps:,}{left}{who}"


def training_view(job: JobSnapshot, charts: JobCharts, log_address: str, in_use: str = "") -> str:
    """HTML of a job; `log_address` is the address of its numbers, empty in a report, `in_use` are the verdicts on the
    networks in use."""
    share = 1.0 if job.status == "finished" else job.step / job.max_steps
    download = _downloads(log_address) if log_address else ""
    state = "active" if job.is_active else "ended"
    buttons = f' data-buttons="{_buttons(job)}"' if _buttons(job) else ""
    return (
        f'<div class="result" data-title="{escape(tab_title(job))}" data-run="{escape(job.log)}" data-state="{state}"'
        f"{buttons}>{_heading(job)}"
        f'<div class="bar" role="progressbar" aria-valuemin="0" aria-valuemax="{job.max_steps}" '
        f'aria-valuenow="{job.step}" aria-label="Training steps"><i style="width:{100 * share:.1f}%"></i></div>'
        f"{_numbers(job)}{run_lines(job)}{_live_baseline(job)}{_warning(job)}{_outcome(job)}{in_use}"
        f"{_skill(job, charts)}{_losses(charts)}{_uncertainty(charts)}{_share(charts)}{_pictures(job)}{download}</div>"
    )


def _downloads(log_address: str) -> str:
    """Links to the numbers of the run, and to a file on it for others."""
    address = escape(log_address)
    return (
        f'<p class="fine"><a href="{address}" download>Download the log of this run</a> · '
        f'<a href="{address}/report.html" download>Report</a>: one file to send, with curves, verdicts and pictures</p>'
    )


def _heading(job: JobSnapshot) -> str:
    """HTML: the name of the run, its status, the frames and the phase; and its note below."""
    named = f"<bdi><b>{escape(job.title.name)}</b></bdi> · " if job.title.name else ""
    note = f'<p class="fine run-note"><bdi>{escape(job.title.note)}</bdi></p>' if job.title.note else ""
    status = HEADINGS.get(job.status, f"{job.network.capitalize()} {job.status}").format(job.network)
    if job.gates:
        status = "Live loop in another program"
    return f'<p id="training-status">{named}<b>{status}</b> · {escape(job.subject)}{_phase(job)}</p>{note}'


def _buttons(job: JobSnapshot) -> str:
    """The buttons that do something now; the style of the page hides the others."""
    if job.is_active:
        return "resume stop" if job.status == "paused" else "pause stop"
    return "resume" if job.is_resumable else ""


def tab_title(job: JobSnapshot) -> str:
    """The progress of a job for the title of the browser's tab, or its end; empty for one of another program."""
    if job.is_active:
        paused = "paused, " if job.status == "paused" else ""
        return f"{paused}{100 * job.step // job.max_steps} % trained"
    return "" if job.status in ("elsewhere", "interrupted") else f"Training {job.status}"


def _phase(job: JobSnapshot) -> str:
    names = [pace.name for pace in job.paces]
    if job.phase not in names or len(names) < 2:
        return ""
    return f" · phase {names.index(job.phase) + 1} of {len(names)}: {escape(PHASES.get(job.phase, job.phase))}"


def _skill(job: JobSnapshot, charts: JobCharts) -> str:
    if not charts.skill:
        return ""
    frames = "validation" if "held out" in job.curves else "training"
    return f'<h3>Skill</h3>{charts.skill}<p class="fine">{SKILL_READING.format(frames)}</p>'


def _losses(charts: JobCharts) -> str:
    return f"<h3>Loss</h3>{charts.losses}" if charts.losses else ""


def _warning(job: JobSnapshot) -> str:
    """The warning of a predictor training that spoils the autoencoder."""
    points = job.curves.get("reconstruction", ())
    if not points or job.gates or points[-1][1] <= RISEN * points[0][1]:
        return ""
    return (
        f'<div class="notice" id="reconstruction-rises">The reconstruction error rose from {loss_text(points[0][1])} '
        f"to {loss_text(points[-1][1])}: joint training changes the autoencoder. To undo this, stop, restore "
        "the version before under Models, and train with the autoencoder frozen.</div>"
    )


def _numbers(job: JobSnapshot) -> str:
    facts = [("Step", f"{job.step:,} of {job.max_steps:,}")]
    if job.measures.get("skill"):
        facts.append(("Skill", _skill_text(job)))
    if job.loss is not None:
        facts.append(("Eval loss", loss_text(job.loss)))
    if job.curves.get("held out"):
        facts.append(("Validation loss", loss_text(job.curves["held out"][-1][1])))
    facts += _live_facts(job)
    if job.threshold is not None:
        facts.append(("Threshold", loss_text(job.threshold)))
    if job.steps_per_s:
        facts.append(("Speed", f"{rate_text(job.steps_per_s)} steps/s"))
    facts.append(("Time", duration_text(job.seconds)))
    if job.seconds_left:
        facts.append(("ETA", f"≈ {rough_duration(job.seconds_left)}"))
    if job.started_by:
        facts.append(("Started by", job.started_by))
    cells = "".join(f"<span><b>{escape(name)}</b> {escape(text)}</span>" for name, text in facts)
    return f'<div class="status-line" id="training-numbers">{cells}</div>'


def _live_facts(job: JobSnapshot) -> list[tuple[str, str]]:
    """The newest losses of a live loop with their gates, and its uncertainty."""
    newest = {name: points[-1][1] for name, points in job.curves.items() if points and job.gates}
    losses = [
        (f"{name.capitalize()} loss", f"{loss_text(newest[name])} (gate {loss_text(gate)})")
        for name, gate in job.gates.items()
        if name in newest
    ]
    return [*losses, ("Uncertainty", loss_text(newest[UNCERTAINTY]))] if UNCERTAINTY in newest else losses


def _live_baseline(job: JobSnapshot) -> str:
    """HTML beside the newest prediction of a live loop: what repeating the last frame gives for the same frame."""
    points, repeat = job.curves.get("prediction"), job.references.get(REPEATING)
    if not job.gates or not points or repeat is None:
        return ""
    skill = share_below(points[-1][1], repeat)
    amount = "" if skill is None else f"Prediction {'worse' if skill < 0 else f'{percent_text(skill)} better'} than "
    return f'<p class="fine baselines">{amount}{REPEATING}: {loss_text(repeat)}</p>'


def _skill_text(job: JobSnapshot) -> str:
    skill, reference = job.measures["skill"][-1][1], next(iter(job.references), "a trivial baseline")
    return f"worse than {reference}" if skill < 0 else f"{100 * skill:.0f} % better than {reference}"


def _uncertainty(charts: JobCharts) -> str:
    if not charts.uncertainty:
        return ""
    return f'<h3>Uncertainty</h3>{charts.uncertainty}<p class="fine">{UNCERTAINTY_READING}</p>'


def _share(charts: JobCharts) -> str:
    if not charts.action_share:
        return ""
    return f'<h3>{SHARE_TITLE}</h3>{charts.action_share}<p class="fine">{SHARE_READING}</p>'


def _outcome(job: JobSnapshot) -> str:
    if job.is_active:
        return ""
    saved = f" {escape(job.saved_sentence)}"
    if job.status == "elsewhere":
        saved = ""  # only the other program can report it
    former = FORMER if job.is_recipe and job.status in ("stopped", "failed", "interrupted") and job.saved else ""
    return f'<div class="notice" id="training-outcome">{escape(job.message)}{_change(job)}{saved}{former}</div>'


def _change(job: JobSnapshot) -> str:
    if job.evaluated_at < 1:
        return ""
    at = "" if job.evaluated_at == job.step else f" (at step {job.evaluated_at:,})"
    change = f" Eval loss {loss_text(job.first_loss)} → {loss_text(job.loss)}{at}."
    if job.loss > ROSE * job.first_loss and job.saved:
        change += " The loss rose; the checkpoints from before this run are in the checkpoint history, under Models."
    return change


def _pictures(job: JobSnapshot) -> str:
    if job.comparison is None or job.is_active:
        return ""
    pictures = [
        Picture(job.comparison.actual, f"Frame {job.comparison.frame}"),
        Picture(job.comparison.before, "Before", f"MSE {loss_text(job.comparison.before_mse)}"),
        Picture(job.comparison.after, "After", f"MSE {loss_text(job.comparison.after_mse)}"),
    ]
    return picture_row(pictures, "training-pictures")
