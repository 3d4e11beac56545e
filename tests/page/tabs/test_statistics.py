import re

import pytest

from page.tabs import statistics
from page.tabs.statistics import statistics_view
from session import load_session, session_statistics, statistics_figures
from tests.cases import every_case
from tests.page.test_page_figures import Drawing, Html, assert_harmless, evil_names, picture, table
from tests.session.session_files import RIGHT, STAY, action, events_of, meta_of, observation, write_session
from training import Foretold, foretold_actions


def opened(folder, events, **meta):
    return load_session(write_session(folder / "robots" / "session_1", events, meta_of(**meta)))


def view(recording, drawing=None, told=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "statistics_figures", drawing or Drawing())
        return statistics_view(recording, session_statistics(recording), told or foretold_actions(recording))


def facts(html):
    """What the tables of facts say, by name."""
    rows = re.findall(r"<th scope='row'>(.*?)</th><td>(.*?)</td>", html)
    return {Html(name).text: Html(value).text for name, value in rows}


def at(event, seconds):
    return event | {"timestamp": 1_000_000.0 + seconds}


def test_what_is_missing_and_what_is_repeated_is_shown(tmp_path):
    """Steps 2 and 5 are missing; frames 2 and 3 are one moment; nobody saw what the actions at 10 and 11 did."""
    texts = facts(view(opened(tmp_path, events_of("oa.oa.ooaoaa"))))
    assert texts["Missing steps"] == "2 in 2 gaps, before frame 1, 2"
    assert texts["Duplicate frames"] == "1 at 1 moment"
    assert texts["Actions without a following frame"] == "2"
    assert texts["Missing images"] == "0" and texts["Timestamps going backwards"] == "0"
    assert texts["Frames with enough history"].startswith("1 of 5 frames; 0 with 3 context")
    assert texts["Frame sizes"] == "16 × 16 (5)"
    assert re.fullmatch(r"\d+ B to \d+ B, median \d+ B \(5 files read\)", texts["Frame files"])


def test_actions_that_follow_from_the_picture_are_warned_of(tmp_path):
    recording, name = opened(tmp_path, events_of("oaoao")), "Action predictable from the frame"
    html = view(recording, told=Foretold(50, 0.97, 0.5))
    assert facts(html)[name].startswith("yes (") and 'id="foretold"' in html and "97 % of the cases" in html
    html = view(recording, told=Foretold(50, 0.52, 0.5))
    assert facts(html)[name].startswith("no (") and 'id="foretold"' not in html
    assert facts(view(recording))[name] == "not known: too few frames with an action after them"


def test_nothing_missing_is_said_in_a_word(tmp_path):
    assert facts(view(opened(tmp_path, events_of("oaoao"))))["Missing steps"] == "none"


def test_many_gaps_are_not_all_listed(tmp_path):
    texts = facts(view(opened(tmp_path, events_of("o." * 7 + "o"))))
    assert texts["Missing steps"] == "7 in 7 gaps, before frame 1, 2, 3, 4, 5, …"


def test_the_pace_is_shown_in_milliseconds_with_the_frame_of_the_longest(tmp_path):
    """Frames at 0, 0.5, 1.0 and 13.5 s: 0.5 s, 0.5 s, and 12.5 s before frame 3."""
    times = (0.0, 0.1, 0.5, 0.6, 1.0, 1.1, 13.5)
    texts = facts(view(opened(tmp_path, [at(e, t) for e, t in zip(events_of("oaoaoao"), times, strict=True)])))
    # 5 % and 95 % over two gaps: 0.5, and 0.5 + 0.9 · 12 s.
    assert texts["Frame to frame"] == "median 500 ms, 5th–95th percentile 500 ms–11,300 ms, max 12,500 ms (frame 3)"
    assert texts["Action to next frame"].endswith("max 12,400 ms (frame 3)")
    assert texts["Frame to next action"].startswith("median 100 ms")


def test_a_clock_that_was_set_back_gives_times_below_zero_and_says_so(tmp_path):
    texts = facts(view(opened(tmp_path, [at(e, t) for e, t in zip(events_of("oo"), (5000.0, 0.0), strict=True)])))
    assert texts["Timestamps going backwards"] == "1"
    assert "max -5,000,000 ms" in texts["Frame to frame"]


def test_tables_hold_every_action_and_every_interval(tmp_path):
    taken = [STAY, RIGHT, RIGHT, RIGHT | {"motor_right": 0.05}]
    events = [event for n, one in enumerate(taken) for event in (observation(2 * n), action(2 * n + 1, one))]
    html = view(opened(tmp_path, [at(event, 0.25 * place) for place, event in enumerate(events)]))
    header, *rows = table(html, "session_actions.csv")
    assert header == ["action", "count"]
    assert rows == [["stay", "1"], ["turn left", "2"], ["other", "1"]]
    header, *rows = table(html, "session_intervals.csv")
    assert header == ["interval", "frame", "seconds"]
    assert rows == [
        *(["Frame to frame", str(frame), "0.5"] for frame in (1, 2, 3)),
        *(["Action to next frame", str(frame), "0.25"] for frame in (1, 2, 3)),
        *(["Frame to next action", str(frame), "0.25"] for frame in (0, 1, 2, 3)),
    ]


@every_case(
    ("letters", "drawn"),
    [
        ("", set()),
        ("o", set()),
        ("a", {"draw_action_counts"}),
        ("oo", {"draw_intervals"}),
        ("aa", {"draw_action_counts", "draw_intervals"}),
        ("oa", {"draw_action_counts", "draw_intervals"}),
    ],
)
def test_a_recording_of_next_to_nothing_is_shown_as_it_is(tmp_path, letters, drawn):
    recording, drawing = opened(tmp_path, events_of(letters)), Drawing()
    html = view(recording, drawing)
    assert set(drawing.calls) == drawn and len(Html(html).all("figure")) == len(drawn)
    texts = facts(html)
    assert texts["Missing steps"] == "none"
    assert texts["Frame to frame"].startswith("median" if letters == "oo" else "none")
    assert texts["Frame sizes"] == (f"16 × 16 ({letters.count('o')})" if "o" in letters else "not known")
    assert texts["Frame files"] == "none could be read" or "o" in letters
    assert len(table(html, "session_intervals.csv")) == 1 + (letters in ("oo", "oa"))
    assert sum(int(row[1]) for row in table(html, "session_actions.csv")[1:]) == letters.count("a")
    assert len(Html(view(recording, statistics_figures)).all("figure")) == len(drawn)


def test_frames_that_cannot_be_read_are_counted(tmp_path):
    recording = opened(tmp_path, events_of("oooo"))
    for step in (1, 3):
        (recording.folder / f"frames/frame_{step:06d}.jpg").write_bytes(b"no picture at all")
    texts = facts(view(recording))
    assert texts["Frame files"].endswith("(4 files read, 2 unreadable)") and texts["Frame sizes"] == "16 × 16 (2)"


@evil_names
def test_names_of_channels_are_text_and_nothing_else(tmp_path, evil):
    space = [{evil: 0}, {evil: 1}]
    recording = opened(tmp_path, [observation(0), action(1, space[1])], robot_type=evil, action_space=space)
    drawing = Drawing()
    html = view(recording, drawing)
    assert drawing.calls["draw_action_counts"][0] == [f"{evil} 0", f"{evil} 1"]
    assert [row[0] for row in table(html, "session_actions.csv")[1:]] == [f"{evil} 0", f"{evil} 1", "other"]
    assert "onerror" not in "".join(map(str, Html(html).elements))


@evil_names
def test_what_all_actions_have_in_common_is_text_and_nothing_else(tmp_path, evil):
    space = [{evil: 1, "turn": 0}, {evil: 1, "turn": 1}]
    recording = opened(tmp_path, [observation(0), action(1, space[1])], robot_type=evil, action_space=space)
    assert_harmless(view(recording), f"Count of each action (all with {evil} 1).")


def test_an_action_named_like_a_formula_is_not_run(tmp_path):
    space = [{"=1+1": 0}, {"=1+1": 1}]
    recording = opened(tmp_path, [observation(0), action(1, space[1])], robot_type="X", action_space=space)
    assert table(view(recording), "session_actions.csv")[1:] == [["'=1+1 0", "0"], ["'=1+1 1", "1"], ["other", "0"]]


def test_the_real_drawings_fit_the_view(tmp_path):
    document = Html(view(opened(tmp_path, events_of("oaoaoaoao")), statistics_figures))
    assert len(document.all("img")) == 2
    for image in document.all("img"):
        pixels = picture(document.bytes_at("img", "src", alt=image["alt"]))
        assert pixels.shape[1] == 960 and pixels.min() < 100
    names = [link["download"] for link in document.all("a") if link["download"].endswith(".png")]
    assert names == ["session_actions.png", "session_time_between_events.png"]
