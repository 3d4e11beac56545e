"""The table of targets: ratios to references of the same run."""

import pytest

from benchmarks.targets import TARGETS, Target, table

OPENING = Target("open", "listing", "opening", "s", 2.0, per=("reading", "s"))


@pytest.mark.parametrize(("seconds", "mark"), [(0.3, "1.5"), (0.5, "MISSED")])
def test_a_time_is_compared_with_its_reference_on_a_slow_and_on_a_fast_machine(seconds, mark):
    lines = [
        OPENING.line({"listing": {"opening": {"s": seconds * slow}, "reading": {"s": 0.2 * slow}}}) for slow in (1, 7)
    ]
    assert lines[0] == lines[1] and mark in lines[0] and "≤ 2" in lines[0]


def test_without_a_figure_or_its_reference_nothing_is_judged():
    for results in ({}, {"listing": {"opening": {"s": 1.0}}}, {"listing": {"reading": {"s": 1.0}}}):
        assert "not measured" in OPENING.line(results)
    assert table({}).count("not measured") == len(TARGETS)


def test_a_least_figure_is_missed_below_its_bound():
    target = Target("rate", "a", "row", "share", "goal", True)
    assert "MISSED" in target.line({"a": {"row": {"share": 0.4, "goal": 0.5}}})
    assert "MISSED" not in target.line({"a": {"row": {"share": 0.5, "goal": 0.5}}})
