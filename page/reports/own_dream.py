"""A visitor's dream as a whole: all of its steps that are remembered, to look through and to send as a report."""

from page.backend import PageBackend
from page.figures import table_link
from page.handlers import PageError
from page.reports.link import report_link, setup
from page.selection import recording_of
from page.tabs.compare.dream import dream_means, dream_view, error_rows
from page.tabs.networks import untrained_notice
from page.text import count_text, loss_text
from page.verdicts import baselines_line, mean_image_errors
from page.versions import origin_rows
from page.visitor import Visitor
from session import RecordedSession
from training import DreamStep, Imagination, remembered_steps

NO_DREAM = "There is no dream yet: press some actions first."


def show_dream(backend: PageBackend, visitor: Visitor) -> str:
    """All steps of the visitor's dream, up to the last 100: pictures beside the actual ones, and errors beside those of
    repeating the start frame and of the mean image; with a link to a report."""
    recording, imagination = recording_of(backend, visitor), visitor.imagination
    if imagination is None or not imagination.steps or imagination.recorded != recording.version:
        raise PageError(NO_DREAM)
    steps = remembered_steps(recording, imagination)
    truths = [step.actual for step in steps if step.actual is not None]
    means = mean_image_errors(backend, recording, truths) or []
    name = f"dream_{recording.name}_{imagination.start}"
    header = ("step", "action", "mse", "mse repeating")
    title = f"{recording.profile.title}: {count_text(len(steps), 'step')} imagined from frame {imagination.start}"
    return (
        f'<div class="result">{untrained_notice(backend.manager_for(visitor).served.weights)}'
        f"{_summary(imagination, steps, means)}{dream_view(recording, steps, ['Imagined'], means)}"
        f'<p class="links">{report_link(name, title)} {table_link(header, error_rows(recording, steps), name)}</p>'
        f"{setup(_rows(backend, visitor, recording, imagination))}</div>"
    )


def _summary(imagination: Imagination, steps: list[DreamStep], mean_mses: list[float]) -> str:
    count = len(imagination.actions)
    part = "" if len(steps) == count else f", the last {len(steps)} of them"
    text = f"<p>{count_text(count, 'step')} from frame {imagination.start}{part}"
    means = dream_means(steps, mean_mses)
    if not means:
        return f"{text}.</p>"
    error = f"mean MSE <b>{loss_text(means[0])}</b>"
    beside = baselines_line(means[0], means[2], means[1], "the start frame") if len(means) > 2 else ""
    return f"{text}: {error}</p>{beside}"


def _rows(
    backend: PageBackend, visitor: Visitor, recording: RecordedSession, imagination: Imagination
) -> list[tuple[str, str]]:
    manager = backend.manager_for(visitor)
    digests = manager.served.digests()
    modes = ", ".join(dict.fromkeys(step.mode for step in imagination.steps))
    rows = [("Recording", f"{visitor.session_id}, version {recording.version}"), ("Fed back as", modes)]
    rows += [
        (f"{network.capitalize()} now in use", f"{source.describe()}, {digests[network][:16]}")
        for network, source in manager.served.weights.items()
    ]
    return rows + [(f"{network.capitalize()} from", text) for network, text in origin_rows(manager)]
