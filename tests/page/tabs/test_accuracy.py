from dataclasses import replace

import pytest

from models import WeightsSource
from page.tabs.accuracy import accuracy_view
from session import load_session
from tests.page.test_page_figures import Html, assert_harmless, table
from tests.session.session_files import events_of, write_session
from training.evaluation.accuracy import CounterfactualAccuracy, PixelError

TRAINED = {"autoencoder": WeightsSource("autoencoder.pth", 10), "predictor": WeightsSource("predictor_0.pth", 1200)}
FOUND = (
    *(PixelError(3, 0, 0.25, 0.0), PixelError(3, 1, 4.0), PixelError(7, 0, 1.25), PixelError(7, 1, None, 22.5)),
    *(PixelError(9, 0, 2.0), PixelError(9, 1, 1.0)),
)
TRUTH = CounterfactualAccuracy("toroidal_dot/session_1", 3, ("action 0", "action 1"), FOUND, TRAINED, False)


@pytest.fixture
def recording(tmp_path):
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoao")))


def test_shares_and_distances_of_each_action_and_of_all_are_shown(recording):
    document = Html(accuracy_view(recording, TRUTH))
    text = document.text
    assert "67\xa0% within 2 px of the simulator." in text and "over 3 frames" in text
    assert "predictor_0.pth, step 1,200" in document.titles[0]
    assert "action 03100\xa0%100\xa0%1.2 px1.2 px33\xa0%" in text
    assert "action 1333\xa0%67\xa0%2.5 px2.5 px0\xa0%" in text
    assert "all667\xa0%83\xa0%1.7 px1.2 px17\xa0%" in text


def test_every_distance_can_be_downloaded(recording):
    rows = table(accuracy_view(recording, TRUTH), f"truth_{recording.name}.csv")
    assert rows[0] == ["frame", "action", "distance in pixels", "distance of repeating the last frame"]
    assert rows[1:5] == [
        ["3", "action 0", "0.25", "0"],
        ["3", "action 1", "4", ""],
        ["7", "action 0", "1.25", ""],
        ["7", "action 1", "", "22.5"],
    ]


def test_what_cannot_be_trusted_is_said(recording):
    assert "weights changed during" not in accuracy_view(recording, TRUTH)
    assert "weights changed during" in accuracy_view(recording, replace(TRUTH, is_mixed=True))
    untrained = {**TRAINED, "predictor": WeightsSource()}
    assert "Untrained predictor" in accuracy_view(recording, replace(TRUTH, weights=untrained))


def test_a_model_that_shows_no_heading_has_no_distance(recording):
    blind = replace(TRUTH, deviations=tuple(replace(one, pixels=None) for one in FOUND))
    assert "all60\xa0%0\xa0%no headingno heading" in Html(accuracy_view(recording, blind)).text


def test_names_from_files_are_nothing_but_text(tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    recorded = load_session(write_session(tmp_path / "jetbot" / "session_2", events_of("oao")))
    assert_harmless(accuracy_view(recorded, replace(TRUTH, actions=(evil, "b"))), evil)
