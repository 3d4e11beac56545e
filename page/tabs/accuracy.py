"""What the page shows of predictions compared with the simulator. Knows only the shape of such a result."""

from html import escape

from page.figures import table_link
from page.tabs.networks import untrained_notice, weights_text
from page.text import count_text
from session import RecordedSession
from training import AccuracySummary, CounterfactualAccuracy

NOT_SEEN = "no dot"


def truth_view(recording: RecordedSession, truth: CounterfactualAccuracy) -> str:
    """HTML: one sentence with the share that is right, a row for each action, and every distance to keep."""
    told, frames = truth.shares(), len({one.frame for one in truth.deviations})
    mixed = '<div class="notice">The weights changed meanwhile: measure again for numbers that belong together.</div>'
    rows = "".join(_row(action, truth.shares(number)) for number, action in enumerate(truth.actions))
    rows += _row("all", told)
    return (
        f'<div class="result">{untrained_notice(truth.weights)}{mixed if truth.is_mixed else ""}'
        f'<p id="truth-figure"><b>{told.near:.0%} within 2 px of the truth.</b> From {count_text(frames, "frame")} of '
        f"{escape(recording.profile.title)} {escape(recording.name)}, after each action: where the model puts the dot, "
        f"and where the simulator puts it. History {truth.history_length}, {weights_text(truth.weights)}.</p>"
        '<table class="measures" id="truth-table"><thead><tr><th scope="col">Action</th>'
        f"{_heads('Predictions', 'Within 2 px', 'Visible dot', 'Mean distance', 'Median')}</tr></thead>"
        f"<tbody>{rows}</tbody></table><p class='links'>{_link(recording, truth)}</p></div>"
    )


def _heads(*titles: str) -> str:
    return "".join(f'<th scope="col" class="number">{title}</th>' for title in titles)


def _row(name: str, told: AccuracySummary) -> str:
    cells = (f"{told.pairs:,}", f"{told.near:.0%}", f"{told.visible:.0%}", *map(_pixels, _distances(told)))
    numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
    return f'<tr><th scope="row">{escape(name)}</th>{numbers}</tr>'


def _distances(told: AccuracySummary) -> tuple[float | None, float | None]:
    return told.mean_pixels, told.median_pixels


def _pixels(distance: float | None) -> str:
    return NOT_SEEN if distance is None else f"{distance:.1f} px"


def _link(recording: RecordedSession, truth: CounterfactualAccuracy) -> str:
    rows = [(one.frame, truth.actions[one.candidate], _number(one.pixels)) for one in truth.deviations]
    return table_link(("frame", "action", "distance in pixels"), rows, f"truth_{recording.name}")


def _number(pixels: float | None) -> float | str:
    return "" if pixels is None else float(pixels)
