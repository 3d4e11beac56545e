import io
import itertools
import re
import warnings

import numpy as np
import pytest
from matplotlib.figure import Figure

from session import load_session, session_statistics
from session.statistics_figures import draw_action_counts, draw_intervals
from tests.cases import every_case
from tests.session.session_files import RIGHT, STAY, action, events_of, meta_of, observation, write_session

SLIGHT = {"motor_left": 0, "motor_right": 0.05, "duration": 0.2}


@pytest.fixture
def statistics_of(tmp_path):
    numbers = itertools.count()

    def measure(events, meta=None):
        folder = tmp_path / str(next(numbers)) / "robots" / "session_1"
        return session_statistics(load_session(write_session(folder, events, meta)))

    return measure


def rendered(draw, *arguments):
    """The rendered figure: matplotlib reports at rendering what it cannot draw."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    draw(figure, *arguments)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png")
    return figure


def bars(axes):
    names = [label.get_text() for label in axes.get_yticklabels()]
    return dict(zip(names, [int(bar.get_width()) for bar in axes.patches], strict=True))


def texts(figure):
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def spaced(seconds):
    """Frames and actions by turns, with these times between them."""
    times = np.cumsum([1000.0, *seconds])
    return [event | {"timestamp": time} for event, time in zip(events_of("oa" * len(times)), times, strict=False)]


def test_each_action_has_a_bar_with_its_count_and_share(statistics_of):
    actions = [RIGHT, RIGHT, RIGHT, STAY, SLIGHT]
    events = [event for n, one in enumerate(actions) for event in (observation(2 * n), action(2 * n + 1, one))]
    figure = rendered(draw_action_counts, ["stay", "right"], statistics_of(events))
    (axes,) = figure.axes
    assert bars(axes) == {"stay": 1, "right": 3, "other (not in the action space)": 1}
    assert texts(figure) == ["1  (20.0 %)", "3  (60.0 %)", "1  (20.0 %)"]
    assert axes.get_xlabel() == "actions taken"
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first candidate is on top


def test_an_action_never_taken_keeps_its_bar_and_no_other_needs_one(statistics_of):
    figure = rendered(draw_action_counts, ["stay", "right"], statistics_of(events_of("oao")))
    assert bars(figure.axes[0]) == {"stay": 0, "right": 1}


def test_of_many_actions_the_rarest_share_a_bar(statistics_of):
    """20 candidates, the first taken once, the last 20 times: 15 bars, and 1 + 2 + 3 + 4 + 5 actions together."""
    space = [{"turn": float(place)} for place in range(20)]
    actions = [one for place, one in enumerate(space) for _ in range(place + 1)]
    events = [action(step, one) for step, one in enumerate(actions)]
    statistics = statistics_of(events, meta_of(robot_type="X", action_space=space))
    counts = bars(rendered(draw_action_counts, [f"turn {place}" for place in range(20)], statistics).axes[0])
    expected = {f"turn {place}": place + 1 for place in range(5, 20)} | {"5 rarer ones together": 15}
    assert counts == expected


def test_names_from_files_are_cut_and_never_read_as_formulas(statistics_of):
    name = "$\\frac{broken$ " + "x" * 100 + " 7"
    figure = rendered(draw_action_counts, [name, "$right$"], statistics_of(events_of("oao")))
    first, second = bars(figure.axes[0])
    assert second == "$right$"
    assert len(first) == 36 and first.startswith("$\\frac") and first.endswith("x 7") and "…" in first


def test_without_actions_the_figure_holds_a_sentence(statistics_of):
    assert texts(rendered(draw_action_counts, ["stay", "right"], statistics_of(events_of("o")))) == [
        "No actions were recorded."
    ]


def test_every_interval_is_in_its_histogram(statistics_of):
    """Frames to actions 50, 50, 60 ms, actions to frames 200, 210, 220 ms, so frames to frames 250, 260, 280 ms."""
    figure = rendered(draw_intervals, statistics_of(spaced([0.05, 0.2, 0.05, 0.21, 0.06, 0.22])))
    assert [sum(axes.patches[0].get_data().values) for axes in figure.axes] == [3, 3, 3]
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[0].startswith("From frame to frame\nmedian 260 ms") and "longest 280 ms (frame 3)" in titles[0]
    assert titles[1].startswith("From action to the next frame\nmedian 210 ms")
    assert titles[2].startswith("From frame to the next action\nmedian 50 ms")
    assert figure.axes[2].get_xlabel() == "milliseconds" and figure.axes[2].get_xscale() == "linear"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["5 % to 95 %", "median", "longest"]


def test_a_wide_spread_is_drawn_on_a_logarithmic_axis(statistics_of):
    figure = rendered(draw_intervals, statistics_of(spaced([0.05, 0.2] * 10 + [0.05, 40.0])))
    assert {axes.get_xscale() for axes in figure.axes} == {"log"}
    assert figure.axes[2].get_xlabel() == "milliseconds, logarithmic"
    assert [sum(axes.patches[0].get_data().values) for axes in figure.axes] == [11, 11, 11]


def test_intervals_that_a_logarithmic_axis_cannot_show_are_counted(statistics_of):
    """Three of the intervals from frame to action are zero or less."""
    figure = rendered(draw_intervals, statistics_of(spaced([0.05, 0.2, 0.0, 0.2, -0.01, 0.2, 0.0, 40.0])))
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert ["not shown" in title for title in titles] == [False, False, True]
    assert re.search(r"\n3 of less than [\d.]+ ms not shown$", titles[2])


@every_case(
    "seconds",
    [[0.1], [0.1] * 9, [0.0] * 6, [-5.0] * 6, [0.0, 1e11, -1e11, 1e11], [1e-6, 2e-6], [-1.0, 0.5, -1.0, 100.0]],
)
def test_any_times_are_drawn(statistics_of, seconds):
    figure = rendered(draw_intervals, statistics_of(spaced(seconds)))
    assert len(figure.axes) == 3
    low, high = figure.axes[2].get_xlim()
    assert np.isfinite([low, high]).all() and low < high


def test_a_kind_without_intervals_says_so(statistics_of):
    titles = [axes.get_title(loc="left") for axes in rendered(draw_intervals, statistics_of(events_of("ooo"))).axes]
    assert titles[1:] == ["From action to the next frame: none", "From frame to the next action: none"]


@pytest.mark.parametrize("letters", ["", "o", "a"])
def test_without_intervals_the_figure_holds_a_sentence(statistics_of, letters):
    assert texts(rendered(draw_intervals, statistics_of(events_of(letters)))) == [
        "There are no two events to measure the time between."
    ]
