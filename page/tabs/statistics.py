"""The view of the statistics of a recording: actions, intervals, missing and repeated events, sizes."""

from collections.abc import Callable, Sequence
from html import escape
from typing import TYPE_CHECKING

from page.facts import facts_table
from page.figures import drawable_labels, figure_card, render_figure, table_link
from page.tabs.networks import action_group_labels
from page.text import bytes_text, count_text, percent_text
from session import Intervals, RecordedSession, SessionStatistics, statistics_figures
from training import Foretold

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_BARS = 17
PACE = {
    "frame_to_frame": "Frame to frame",
    "action_to_frame": "Action to next frame",
    "frame_to_action": "Frame to next action",
}


def statistics_view(recording: RecordedSession, statistics: SessionStatistics, foretold: Foretold) -> str:
    """HTML of a recording's statistics, and of whether its actions can be `foretold` from its frames."""
    labels, common = action_group_labels(recording)
    drawn = drawable_labels(labels)
    how_often = f"Count of each action{common}."
    pace = "Time from one event to the next: a long tail means the robot or camera stalled."
    actions = _card(
        statistics.action_count, "Actions", how_often, 1.0 + 0.3 * min(len(labels) + 1, MOST_BARS),
        lambda figure: statistics_figures.draw_action_counts(figure, drawn, statistics),
    )  # fmt: skip
    intervals = _card(
        statistics.frame_count + statistics.action_count > 1, "Time between events", pace, 5.0,
        lambda figure: statistics_figures.draw_intervals(figure, statistics),
    )  # fmt: skip
    return (
        f'<div class="result">{_warning(foretold)}{facts_table([*_counts(statistics), _foretold(foretold)])}'
        f"{actions}{_actions_link(labels, statistics)}"
        f"{facts_table(_pace(statistics))}{intervals}{_intervals_link(statistics)}</div>"
    )


def _warning(foretold: Foretold) -> str:
    return f'<div class="notice" id="foretold">{escape(foretold.warning)}</div>' if foretold.warning else ""


def _foretold(foretold: Foretold) -> tuple[str, str]:
    """The same as a fact, also if there is nothing to warn of."""
    name = "Action predictable from the frame"
    if not foretold.frames:
        return name, "not known: too few frames with an action after them"
    if foretold.is_one_action:
        return name, "not known: only one action was recorded"
    agreement, chance = percent_text(foretold.agreement), percent_text(foretold.chance)
    answer = "yes" if foretold.is_foretold else "no"
    return name, f"{answer} (similar frames share the action in {agreement}; chance {chance})"


def _card(is_drawn: object, title: str, sentence: str, height: float, draw: Callable[["Figure"], None]) -> str:
    if not is_drawn:
        return ""
    return figure_card(render_figure(draw, height), title, sentence, f"session_{title.lower().replace(' ', '_')}")


def _counts(statistics: SessionStatistics) -> list[tuple[str, str]]:
    targets = statistics.targets
    return [
        ("Missing steps", _missing_text(statistics)),
        ("Missing images", f"{statistics.missing.lost_pictures:,}"),
        (
            "Actions without a following frame",
            f"{statistics.missing.unseen_actions:,}",
        ),
        (
            "Duplicate frames",
            f"{statistics.extra_frames:,} at {count_text(statistics.repeated_moments, 'moment')}"
            if statistics.extra_frames
            else "0",
        ),
        (
            "Same picture as the frame before",
            f"{statistics.equal_neighbours.equal:,} of {count_text(statistics.equal_neighbours.compared, 'frame')} "
            "compared",
        ),
        (
            "Frames with enough history",
            f"{targets.with_context:,} of {count_text(statistics.frame_count, 'frame')}; {targets.with_3:,} with 3 "
            f"context frames, {targets.with_8:,} with 8",
        ),
        ("Frame sizes", _sizes_text(statistics)),
        ("Frame files", _files_text(statistics)),
        ("Timestamps going backwards", f"{statistics.backward_times:,}"),
    ]


def _missing_text(statistics: SessionStatistics) -> str:
    missing = statistics.missing
    if not missing.steps:
        return "none"
    places = ", ".join(map(str, missing.first_gaps))
    at = f", before frame {places}{', …' if missing.gaps > len(missing.first_gaps) else ''}" if places else ""
    return f"{missing.steps:,} in {count_text(missing.gaps, 'gap')}{at}"


def _sizes_text(statistics: SessionStatistics) -> str:
    ordered = sorted(statistics.files.sizes.items(), key=lambda one: -one[1])
    return ", ".join(f"{width} × {height} ({count:,})" for (width, height), count in ordered[:6]) or "not known"


def _files_text(statistics: SessionStatistics) -> str:
    files = statistics.files
    if files.median is None:
        return "none could be read"
    unreadable = f", {files.unreadable:,} unreadable" if files.unreadable else ""
    return (
        f"{bytes_text(files.smallest)} to {bytes_text(files.largest)}, median {bytes_text(round(files.median))} "
        f"({count_text(files.sample_size, 'file')} read{unreadable})"
    )


def _pace(statistics: SessionStatistics) -> list[tuple[str, str]]:
    return [(title, _pace_text(intervals)) for title, intervals in _intervals(statistics)]


def _intervals(statistics: SessionStatistics) -> list[tuple[str, Intervals]]:
    return [(title, vars(statistics)[name]) for name, title in PACE.items()]


def _pace_text(intervals: Intervals) -> str:
    if intervals.median_s is None:
        return "none"
    low, middle, high, longest = (
        _milliseconds(seconds)
        for seconds in (intervals.low_s, intervals.median_s, intervals.high_s, intervals.longest_s)
    )
    return f"median {middle}, 5th–95th percentile {low}–{high}, max {longest} (frame {intervals.longest_frame})"


def _milliseconds(seconds: float) -> str:
    # A damaged recording may hold any number as a time: only what fits a line is written out.
    value = 1000 * seconds
    return f"{value:,.0f} ms" if 1000 <= abs(value) < 1e10 else f"{value:.4g} ms"


def _actions_link(labels: Sequence[str], statistics: SessionStatistics) -> str:
    rows = [*zip(labels, map(int, statistics.action_counts), strict=True), ("other", statistics.other_actions)]
    return f'<p class="links">{table_link(("action", "count"), rows, "session_actions")}</p>'


def _intervals_link(statistics: SessionStatistics) -> str:
    rows = [
        (title, int(frame), float(seconds))
        for title, intervals in _intervals(statistics)
        for frame, seconds in zip(intervals.frames, intervals.seconds, strict=True)
    ]
    header = ("interval", "frame", "seconds")
    return f'<p class="links">{table_link(header, rows, "session_intervals")}</p>'
