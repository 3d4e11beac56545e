import itertools
import math
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from tests.training.tiny import ended, make_job
from training import FixedSteps, RunTitle
from training.jobs.loss_chart import (
    BOTTOM,
    HEIGHT,
    SHARE_HEIGHT,
    TOP,
    WIDTH,
    draw_charts,
    loss_chart,
    share_chart,
    skill_chart,
    smoothed,
)

FALLING = [(step, 1.0 / (step + 1)) for step in range(100)]


def drawing(chart):
    """The parsed drawing, and all its coordinates after checking that each lies in the picture."""
    whole = ElementTree.fromstring(f"<div>{chart}</div>")
    svg = whole[0]
    assert svg.tag == "svg"
    for part in svg.iter():
        for name, value in part.attrib.items():
            if name in ("x", "x1", "x2", "cx", "y", "y1", "y2", "cy"):
                limit = WIDTH if "x" in name else HEIGHT
                assert -0.1 <= float(value) <= limit + 0.1, (part.tag, name, value)
    return whole


def lines(whole):
    return [
        [tuple(map(float, pair.split(","))) for pair in line.get("points").split()] for line in whole.iter("polyline")
    ]


@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    "values",
    [
        FALLING,
        [(0, 0.5)],
        [(0, 0.0)],
        [(0, 1.0)],
        [(0, 0.0), (10, 0.0)],
        [(0, 3.4e38), (1, 1e-45)],
        [(0, 1e-9), (1_000_000, 1e-12)],
        [(0, 0.31), (1, 0.3)],
        [(0.5, 2.0), (1e6, 2.0000001)],
    ],
)
def test_any_finite_losses_are_drawn_inside_the_picture(values, is_log):
    whole = drawing(loss_chart({"evaluated": values}, None, is_log))
    (line,) = lines(whole)
    assert len(line) == len(values)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in line)


def test_a_falling_loss_falls_on_the_picture():
    for is_log in (False, True):
        (line,) = lines(drawing(loss_chart({"evaluated": FALLING}, None, is_log)))
        pairs = itertools.pairwise(line)
        assert all(later[0] > earlier[0] and later[1] >= earlier[1] for earlier, later in pairs)


@pytest.mark.parametrize("curves", [{}, {"evaluated": []}, {"a": [(0, math.nan)], "b": [(1, math.inf)]}])
def test_where_there_is_nothing_to_draw_nothing_is_drawn(curves):
    assert loss_chart(curves, 0.1, is_log=True) == ""


@pytest.mark.parametrize("is_log", [False, True])
def test_points_that_are_not_finite_are_left_out(is_log):
    values = [(0, 0.5), (1, math.nan), (2, math.inf), (3, -math.inf), (4, 0.25)]
    (line,) = lines(drawing(loss_chart({"evaluated": values}, 0.1, is_log)))
    assert len(line) == 2


@pytest.mark.parametrize("is_log", [False, True])
def test_the_threshold_is_a_line_of_its_own_and_named(is_log):
    whole = drawing(loss_chart({"evaluated": FALLING}, 0.002, is_log))
    (target,) = [line for line in whole.iter("line") if line.get("class") == "target"]
    assert target.get("y1") == target.get("y2")
    assert "threshold 0.002" in "".join(whole.itertext())


def test_names_are_text_and_nothing_else():
    name = "<script>alert('x')</script>\"&"
    chart = loss_chart({name: FALLING}, None, is_log=True)
    assert "<script" not in chart
    whole = drawing(chart)
    assert name in "".join(whole.itertext()) and name in whole[0].get("aria-label")


def test_many_curves_are_drawn_with_the_marks_of_their_scale():
    curves = {f"curve {place}": FALLING for place in range(7)}
    whole = drawing(loss_chart(curves, None, is_log=True))
    assert len(lines(whole)) == 7
    marks = [text for text in whole[0].itertext() if re.fullmatch(r"[\d.e-]+", text)]
    assert len(marks) >= 3


def test_shares_are_drawn_in_percent_on_a_scale_up_to_a_hundred():
    whole = drawing(share_chart([(1, 1.0), (11, 0.01), (21, 0.001)], None))
    (line,) = lines(whole)
    middle = TOP + (SHARE_HEIGHT - BOTTOM - TOP) * 2 / 3  # three decades: 1 % lies two of them below 100 %
    assert [y for _, y in line] == pytest.approx([TOP, middle, SHARE_HEIGHT - BOTTOM], abs=0.06)
    assert {"0.1 %", "1 %", "10 %", "100 %"} <= set(whole.itertext())
    assert whole[0].get("aria-label").endswith("latest: 0.1 %")


def test_a_share_of_nothing_is_drawn_at_the_bottom():
    (line,) = lines(drawing(share_chart([(1, 0.0), (11, 1e-7)], 0.015)))
    assert all(y == pytest.approx(SHARE_HEIGHT - BOTTOM) for _, y in line)


def test_the_even_share_is_a_dashed_line_where_a_share_like_it_lies():
    whole = drawing(share_chart([(1, 0.015)], 0.015))
    (target,) = [line for line in whole.iter("line") if line.get("class") == "target"]
    ((_, y),) = lines(whole)[0]
    assert float(target.get("y1")) == y and "dashed: their share of all parameters, 1.5 %" in set(whole.itertext())


@pytest.mark.parametrize("shares", [[], [(1, math.nan)]])
def test_where_no_share_is_known_nothing_is_drawn(shares):
    assert share_chart(shares, 0.015) == ""


def test_a_predictor_job_has_two_charts_and_an_autoencoder_job_one(recording):
    charts = draw_charts(ended(make_job(recording, FixedSteps(2), "predictor")), is_log=True)
    assert len(lines(drawing(charts.action_share))) == 1 and "share" not in charts.losses
    charts = draw_charts(ended(make_job(recording, FixedSteps(2))), is_log=True)
    assert charts.action_share == "" and len(lines(drawing(charts.losses))) == 2


def test_smoothing_draws_the_raw_training_loss_as_well_and_earlier_runs_are_dashed(recording):
    job = ended(make_job(recording, FixedSteps(3)))
    charts = draw_charts(job, True, 0.5, {"25 Nov": [(0, 0.5), (3, 0.4)]})
    lines_by_name = {line.get("data-name"): line for line in drawing(charts.losses).iter("polyline")}
    assert set(lines_by_name) == {"eval loss", "training loss", "raw training loss", "earlier: 25 Nov"}
    assert lines_by_name["earlier: 25 Nov"].get("stroke-dasharray") and lines_by_name["raw training loss"].get(
        "opacity"
    )
    assert "raw" not in charts.losses.partition("legend")[2]


def test_each_loss_has_one_colour_and_earlier_runs_that_of_the_loss_they_are_compared_by(recording):
    """Whatever else is drawn; trivial guesses are dashed lines with their losses, but not for a live loop."""
    names = ["evaluated", "held out", "reconstruction", "training total", "training image", "training latent"]
    job = ended(make_job(recording, FixedSteps(1)))
    job = replace(job, curves=dict.fromkeys(names, FALLING), references={"repeating the last frame": 0.02})
    for earlier in ({}, {"a": FALLING, "b": FALLING}):
        whole = drawing(draw_charts(job, True, 0.5, earlier).losses)
        drawn = {line.get("data-name"): line for line in whole.iter("polyline")}
        colours = {name: line.get("stroke") for name, line in drawn.items()}
        own = [colours[name] for name in colours if not name.startswith(("raw ", "earlier: "))]
        assert len(own) == len(set(own)) == 6 and colours["eval loss"] == "#0072b2"
        assert {colours[f"earlier: {name}"] for name in earlier} <= {colours["validation loss"]}
        assert len({drawn[f"earlier: {name}"].get("stroke-dasharray") for name in earlier}) == len(earlier)
        assert "repeating the last frame 0.02" in "".join(whole.itertext())
    assert "repeating" not in draw_charts(replace(job, gates={"prediction": 0.1}), True).losses


def test_an_axis_names_each_step_once():
    def steps(points):
        return [text.text for text in drawing(loss_chart({"a": points}, None, True))[0].iter("text")][-3:]

    assert steps([(0, 0.5)])[-1] == "step 0" and steps([(7, 0.5)])[-1] == "step 7"
    assert steps([(0, 0.5), (1, 0.4)])[-2:] == ["0", "step 1"] and steps(FALLING) == ["0", "50", "step 99"]


def test_a_live_loop_has_its_gates_as_lines_and_its_uncertainty_apart(recording):
    curves = {"reconstruction": FALLING, "prediction": FALLING, "uncertainty": [(0, 1e-5), (9, 2e-5)]}
    gates, title = {"reconstruction": 0.01, "prediction": 0.02}, RunTitle("<b>")
    charts = draw_charts(
        replace(ended(make_job(recording, FixedSteps(1))), curves=curves, gates=gates, title=title), True
    )
    whole = drawing(charts.losses)
    assert len([line for line in whole.iter("line") if line.get("class") == "target"]) == 2
    text = "".join(whole.itertext())
    assert "reconstruction gate 0.01" in text and "prediction gate 0.02" in text and "uncertainty" not in text
    assert "<b>&lt;b&gt;</b>" in charts.losses  # the name of the run, in the legend
    assert drawing(charts.uncertainty)[0].get("aria-label") == "Uncertainty over steps; latest: uncertainty 2e-05"


def test_a_smoothed_curve_begins_at_its_first_value_and_follows_the_rest():
    points = smoothed([(1, 4.0), (2, 0.0), (3, 0.0)], 0.5)
    assert points == [(1, 4.0), (2, pytest.approx(4 / 3)), (3, pytest.approx(4 / 7))]
    assert smoothed(FALLING, 0.0) == FALLING


def test_the_skill_is_drawn_between_its_trivial_guesses():
    references = {"repeating the last frame": 0.02, "the mean image": 0.01}
    chart = drawing(skill_chart({"skill": [(100, -5.0), (200, 0.4)]}, references))
    ((low, high),) = lines(chart)
    assert "≤ −100 %" in set(chart.itertext())
    assert low[1] == SHARE_HEIGHT - BOTTOM and TOP < high[1] < low[1]  # far below all guesses: at the lower end
    assert [text.text for text in chart.iter("text") if text.text in references] == list(references)
    assert chart[0].get("data-first") == "100" and "40 %" in chart[0].get("aria-label")
    assert skill_chart({}, references) == skill_chart({"skill": []}, references) == ""
