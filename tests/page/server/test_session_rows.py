from datetime import datetime, timedelta

import numpy as np
import pytest

from page.server.session_rows import ROWS, Listing, session_details, table_page
from session import Mark, SessionSummary, list_sessions, load_session, record_demo
from tests.cases import every_case

START = datetime(2026, 3, 1, 10, 0, 0)


def summary(number: int, robot: str = "JetBot", **others: object) -> SessionSummary:
    name = f"session_{number:04d}"
    options = dict(total_events=100 - number, duration_s=float(number % 7), is_finished=True, is_being_recorded=False)
    start = START + timedelta(minutes=number)
    options["task"] = f"Push button-{number}"
    return SessionSummary(f"{robot.lower()}/{name}", name, robot.lower(), robot, start, **options | others)


MANY = [summary(number, "JetBot" if number % 2 else "Arm") for number in range(60)]


def names(query: dict[str, str], summaries: list[SessionSummary] = MANY) -> list[str]:
    return [row["name"][-4:] for row in table_page(summaries, query)["rows"]]


def test_the_newest_come_first_page_by_page():
    first, last = table_page(MANY, {}), table_page(MANY, {"page": "2"})
    assert (first["found"], first["all"], first["pages"], first["robots"]) == (60, 60, 3, ["Arm", "JetBot"])
    assert [row["name"][-4:] for row in first["rows"]] == [f"{number:04d}" for number in range(59, 59 - ROWS, -1)]
    assert len(last["rows"]) == 10 and last["rows"][-1]["name"] == "session_0000"


@every_case(
    ("query", "expected"),
    [
        ({"sort": "name", "order": "up", "robot": "JetBot"}, ["0001", "0003", "0005"]),
        ({"sort": "events", "order": "up"}, ["0059", "0058", "0057"]),
        (
            {"sort": "length", "order": "down"},
            ["0055", "0041", "0027"],
        ),  # of 6 s; names of arms before those of jetbots
        ({"text": "0042"}, ["0042"]),
        ({"text": "JETBOT 10:17"}, ["0017"]),
        ({"text": "jetbot 0042"}, []),
        ({"text": "push button-7"}, ["0007"]),
    ],
)
def test_rows_are_searched_filtered_and_sorted(query, expected):
    assert names(query)[:3] == expected


FLAGS = {
    "jetbot/session_0007": (Mark(310, 340, "bumped into the wall", ""), Mark(None, None, "", "")),
    "arm/session_0010": tuple(Mark(frame, frame, "Kamera verdeckt", "") for frame in (9, 3, 5, 7)),
}


@every_case(
    ("query", "found", "lines"),
    [
        ({"text": "bumped"}, ["0007"], ["whole session", "310–340: bumped into the wall"]),
        ({"text": "kamera arm"}, ["0010"], [*(f"{frame}: Kamera verdeckt" for frame in (3, 5, 7)), "and 1 more"]),
        ({"marks": "flagged", "sort": "name"}, ["0007", "0010"], ["whole session", "310–340: bumped into the wall"]),
        ({"marks": "whole"}, ["0007"], ["whole session", "310–340: bumped into the wall"]),
        ({"marks": "unflagged", "text": "0007"}, [], None),
    ],
)
def test_flags_are_shown_searched_and_filtered(query, found, lines):
    rows = table_page(MANY, query, FLAGS)["rows"]
    assert [row["name"][-4:] for row in rows] == found and (not rows or rows[0]["marks"] == lines)
    assert table_page(MANY, {"marks": "unflagged"}, FLAGS)["found"] == len(MANY) - 2


@every_case("typed", ["küche", "KU\u0308CHE", "ｋüche"])
def test_accents_are_found_in_either_form(typed):
    of_a_mac = SessionSummary.of_unreadable("arm/Ku\u0308che")
    assert [row["name"] for row in table_page([of_a_mac, *MANY], {"text": typed})["rows"]] == ["Ku\u0308che"]


@every_case(
    "query", [{"page": "-1"}, {"page": "x"}, {"page": "9" * 30}, {"sort": "?"}, {"robot": "none"}, {"order": ""}]
)
def test_what_is_wrong_in_an_address_is_replaced_by_the_usual(query):
    assert table_page(MANY, query)["rows"]


def test_what_is_not_known_is_empty_and_comes_last_from_above():
    unknown = SessionSummary.of_unreadable("arm/session_x")
    rows = table_page([unknown, *MANY[:2]], {"sort": "length"})["rows"]
    assert rows[-1] == {
        "id": "arm/session_x", "name": "session_x", "robot": "arm", "date": "", "length": "", "events": "",
        "state": "cannot be read", "task": "", "marks": [], "is_readable": False,
    }  # fmt: skip


def test_a_listing_is_read_anew_only_after_a_while(tmp_path, monkeypatch):
    listing = Listing(lambda: list_sessions(tmp_path))
    assert listing.summaries() == []
    record_demo(tmp_path, "toroidal_dot", 3, seed=1)
    assert listing.summaries() == []
    monkeypatch.setattr("page.server.session_rows.LISTED_FOR_S", 0.0)
    assert len(listing.summaries()) == 1


class Result:
    """An evaluation whose prediction errors are these."""

    def __init__(self, errors: list[float], frame_count: int | None = None):
        self.track = self
        self.errors = np.array(errors, dtype=np.float32)
        self.evaluated, self.frame_count = len(errors), frame_count or len(errors)
        self.is_complete = self.evaluated == self.frame_count

    def of(self, measure: str) -> np.ndarray:
        assert measure == "prediction"
        return self.errors


class Baselines:
    repeat = np.array([np.nan, 0.02, 0.04])


@pytest.fixture(scope="module")
def dot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    return load_session(folder / record_demo(folder, "toroidal_dot", 4, seed=2))


def test_details_of_an_opened_recording_with_its_error_beside_that_of_repeating(dot):
    part = session_details(dot, Result([np.nan, 0.01, 0.02], 9), Baselines())
    assert part["error"].endswith(" (3 of 9 frames)")
    details = session_details(dot, Result([np.nan, 0.01, 0.02]), Baselines())
    assert (details["frames"], details["actions"], details["problems"]) == ("4", "3", "")
    assert details["version"] == dot.version and details["has_picture"]
    assert (details["error"], details["repeat"]) == ("0.0150", "0.0300")


@every_case(("result", "baselines"), [(None, None), (Result([np.nan]), Baselines())])
def test_without_an_evaluation_there_is_no_error(dot, result, baselines):
    details = session_details(dot, result, baselines)
    assert (details["error"], details["repeat"]) == ("", "")
