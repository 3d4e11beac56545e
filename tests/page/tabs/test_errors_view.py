import json
import re
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from page.tabs import errors_view as page_errors
from page.tabs.errors_view import TRACK_COLUMNS, errors_data, errors_label, errors_view, progress_view
from session import load_session
from tests.cases import every_case
from tests.page.test_page_figures import Drawing, Html, assert_harmless, evil_names, picture, table
from tests.session.session_files import RIGHT, STAY, action, events_of, meta_of, observation, write_session
from training.evaluation import figures as error_figures
from training.evaluation.baselines import recording_baselines
from training.evaluation.frame_errors import FrameErrors
from training.evaluation.results import EvaluationKey, EvaluationResult

NAN = float("nan")
ID = "robots/session_1"
WEIGHTS = {"autoencoder": "autoencoder.pth", "predictor": "predictor_0.pth"}


@dataclass(frozen=True)
class Progress:
    session_id: str = ID
    done: int = 30
    total: int = 120
    frames_per_s: float = 12.345
    seconds_left: float | None = 75.0
    started_by: str = "Ada"
    status: str = "running"
    message: str = ""
    is_active: bool = True


def errors_of(prediction, reconstruction=None, evaluated=None, history_length=3, weights=WEIGHTS):
    """Errors of frames whose context is one frame if there is a prediction."""
    prediction = np.array(prediction, dtype=np.float32)
    reconstruction = prediction if reconstruction is None else np.array(reconstruction, dtype=np.float32)
    context = (~np.isnan(prediction)).astype(np.int8)
    done = len(prediction) if evaluated is None else evaluated
    key = EvaluationKey(ID, "1", history_length, "digest of one", "digest of the other")
    track = FrameErrors(reconstruction, prediction, context, done)
    return EvaluationResult(key, weights, "2025-09-21T14:21:33+00:00", 1.5, track)


def opened(folder, events, name="session_1", **meta):
    return load_session(write_session(folder / "robots" / name, events, meta_of(**meta)))


@pytest.fixture
def recording(tmp_path):
    """Five frames; STAY led to frames 1 and 3, RIGHT to 2 and 4."""
    events = [observation(0)]
    for frame, taken in enumerate((STAY, RIGHT, STAY, RIGHT), start=1):
        events += [action(2 * frame - 1, taken), observation(2 * frame)]
    return opened(tmp_path, events)


FIVE = errors_of([NAN, 0.2, 0.4, 0.1, 0.3], [0.01, 0.02, 0.05, 0.04, 0.03])


def view(recording, errors, other=None, drawing=None, session_id=ID, baselines=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_errors, "error_figures", drawing or Drawing())
        return errors_view(recording, session_id, errors, other, baselines)


def summary(html):
    """Rows of the table of numbers: title, and the cells."""
    body = html.split('id="errors-summary"')[1].split("<tbody>")[1].split("</tbody>")[0]
    rows = [row.split("</th>") for row in body.split("</tr>")[:-1]]
    return {
        Html(title.removeprefix("<tr>") + "</th>").text: re.findall(r">([^<>]+)</td>", cells) for title, cells in rows
    }


def test_errors_are_summed_up_with_how_many_frames_have_one(recording):
    # Mean (0.2 + 0.4 + 0.1 + 0.3) / 4; 95 % of the way over three gaps: 0.3 + 0.85 · 0.1.
    assert summary(view(recording, FIVE)) == {
        "Prediction MSE4 frames": ["0.250", "0.250", "0.385", "0.400"],
        "Reconstruction MSE5 frames": ["0.0300", "0.0300", "0.0480", "0.0500"],
    }


def test_the_recording_the_weights_and_the_history_are_named(recording):
    text = Html(view(recording, FIVE)).text
    assert "JetBot session_1: autoencoder.pth + predictor_0.pth · history 3 · 2025-09-21 14:21." in text
    assert "Not finished" not in text and "could not be read" not in text


def test_an_evaluation_that_is_not_finished_says_so(recording):
    half = errors_of([NAN, 0.2, 0.4, NAN, NAN], [0.01, 0.02, NAN, NAN, NAN], evaluated=3)
    text = Html(view(recording, half)).text
    assert "Not finished: 3 of 5 frames. 1 frame could not be read." in text
    assert errors_label(half).endswith(" · 3 of 5 frames") and "frames" not in errors_label(FIVE)


def test_the_worst_frames_come_worst_first_and_can_be_gone_to(recording):
    html = view(recording, FIVE)
    parts = [part.split("</ol>")[0] for part in html.split("<ol")[1:]]
    frames = [re.findall(r'data-go-frame="(\d+)"', part) for part in parts]
    assert frames == [["2", "4", "1", "3"], ["2", "3", "4", "1", "0"]]
    assert 'id="worst-prediction"' in parts[0] and 'id="worst-reconstruction"' in parts[1]
    button, image = Html(html).all("button")[0], Html(html).all("img")[0]
    assert button["title"] == "Go to frame 2, 2025-09-21 14:21:33.400" and button["type"] == "button"
    assert image["src"] == f"recorded/frame/2/{ID}?version={recording.version}"
    assert "Frame 20.400" in Html(html).text  # the number of the frame, and below it its error


def test_no_more_than_eight_worst_frames_are_shown(tmp_path):
    recording = opened(tmp_path, events_of("oa" * 20 + "o"))
    document = Html(view(recording, errors_of([NAN, *(0.01 * n for n in range(20))])))
    frames = [int(button["data-go-frame"]) for button in document.all("button")]
    assert frames[:8] == list(range(20, 12, -1)) and len(frames) == 16


def test_the_table_has_every_frame_and_leaves_out_what_there_is_none_of(recording):
    header, *rows = table(view(recording, FIVE), f"errors_of_frames_{recording.name}.csv")
    assert header == ["frame", "step", "context frames", "prediction mse", "reconstruction mse"]
    assert [row[:3] for row in rows] == [[str(n), str(2 * n), str(int(n > 0))] for n in range(5)]
    assert rows[0][3] == "" and [float(row[3]) for row in rows[1:]] == pytest.approx([0.2, 0.4, 0.1, 0.3])
    assert np.array_equal(np.array([row[4] for row in rows], np.float32), FIVE.track.reconstruction)


def test_figures_are_drawn_once_for_the_same_results(recording):
    other, drawing, again = errors_of([NAN, 0.3, 0.3, 0.3, 0.3], history_length=4), Drawing(), Drawing()
    assert view(recording, FIVE, None, drawing) == view(recording, FIVE, None, again)
    assert drawing.calls and not again.calls
    view(recording, FIVE, other, again)
    assert again.calls["draw_track"] == (FIVE, other, {})


def test_what_is_compared_is_in_every_part(recording):
    other = errors_of([NAN, 0.3, 0.3, 0.3, 0.3], [0.01] * 5, history_length=4)
    drawing = Drawing()
    html = view(recording, FIVE, other, drawing)
    assert summary(html)["Prediction MSE, compared4 frames"] == ["0.300"] * 4
    assert len(summary(html)) == 4
    header, *rows = table(html, f"errors_of_frames_{recording.name}.csv")
    assert header[5:] == ["compared prediction mse", "compared reconstruction mse"]
    assert rows[0][5] == "" and [float(value) for value in rows[1][5:]] == pytest.approx([0.3, 0.01])
    assert drawing.calls["draw_track"][:2] == drawing.calls["draw_histogram"] == (FIVE, other)
    compared = drawing.calls["draw_by_action"][2]
    assert [(one.group, one.count, one.mean) for one in compared] == [
        (0, 2, pytest.approx(0.3)),
        (1, 2, pytest.approx(0.3)),
    ]


def test_a_comparison_says_which_is_lower(recording):
    """Predictions differ by −0.1, +0.1, −0.2 and 0: −0.05 on average; reconstructions by 0, 0.01, 0.04, 0.03, 0.02."""
    other = errors_of([NAN, 0.3, 0.3, 0.3, 0.3], [0.01] * 5, history_length=4)
    document = Html(view(recording, FIVE, other))
    assert "Compared with autoencoder.pth + predictor_0.pth · history 4" in document.text
    assert "Prediction MSE: 0.0500 lower on average, lower in 2 of 4 frames" in document.text
    assert "Reconstruction MSE: 0.0200 higher on average, lower in 0 of 5 frames" in document.text


def test_weights_with_the_same_errors_are_neither_lower_nor_higher(recording):
    text = Html(view(recording, FIVE, FIVE)).text
    assert "Prediction MSE: the same on average, lower in 0 of 4 frames" in text
    assert "higher on average" not in text


def test_a_comparison_of_different_frames_says_that_there_is_none(recording):
    first = errors_of([NAN, 0.2, NAN, NAN, NAN], [NAN] * 5)
    other = errors_of([NAN, NAN, 0.2, NAN, NAN], [NAN] * 5)
    assert "no frame has both errors" in Html(view(recording, first, other)).text


def test_the_error_of_repeating_is_averaged_by_action_over_the_frames_of_the_baselines(recording):
    drawing = Drawing()
    baselines = recording_baselines(recording)
    html = view(recording, FIVE, drawing=drawing, baselines=baselines)
    rows = table(html, f"errors_by_action_{recording.name}.csv")[1:]
    repeats = dict(zip(baselines.frames.tolist(), baselines.repeat.tolist(), strict=True))
    expected = [np.mean([repeats[1], repeats[3]]), np.mean([repeats[2], repeats[4]])]
    names = [["repeating the last frame", "prediction", one] for one in ("stay", "turn left")]
    assert [row[:3] for row in rows[:2]] == names
    assert [float(row[4]) for row in rows[:2]] == pytest.approx(expected, rel=1e-4)
    assert [one.mean for one in drawing.calls["draw_by_action"][3]] == pytest.approx(expected)
    guesses = drawing.calls["draw_track"][2]["prediction"]
    assert guesses["repeating the last frame"] == pytest.approx(np.mean([repeats[frame] for frame in (1, 2, 3, 4)]))
    assert guesses["mean image"] == pytest.approx(baselines.mean.mean())


def test_errors_are_averaged_by_action(recording):
    drawing = Drawing()
    html = view(recording, FIVE, drawing=drawing)
    # STAY: (0.2 + 0.1) / 2; RIGHT: (0.4 + 0.3) / 2.
    header, *rows = table(html, f"errors_by_action_{recording.name}.csv")
    assert header == ["result", "error", "action", "frames", "mean mse"]
    assert [row[1:4] for row in rows[:2]] == [["prediction", action, "2"] for action in ("stay", "turn left")]
    assert [float(row[4]) for row in rows[:2]] == pytest.approx([0.15, 0.35])
    assert [row[1] for row in rows[2:]] == ["reconstruction"] * 2 and {row[0] for row in rows} == {"shown"}
    assert drawing.calls["draw_by_action"][0] == ["stay", "turn left"]


@pytest.mark.parametrize("drawing", [Drawing(), error_figures], ids=["plain", "real"])
@pytest.mark.parametrize("letters", ["", "o", "a", "oo"])
def test_a_recording_without_a_prediction_is_shown_as_it_is(tmp_path, letters, drawing):
    recording = opened(tmp_path, events_of(letters))
    n = recording.frame_count
    errors = errors_of([NAN] * n, [0.5] * n)
    html = view(recording, errors, errors, drawing)
    rows = summary(html)
    assert rows["Prediction MSE"] == ["none"] and len(table(html, f"errors_of_frames_{recording.name}.csv")) == 1 + n
    assert "worst-prediction" not in html and "prediction_mse_by_action" not in html
    assert len(Html(html).all("button")) == n
    data = errors_data(ID, n, errors, errors)
    assert len(data["rows"]) == (n > 0) and data["frames"] == n


def test_long_recordings_are_drawn_in_columns():
    """5,000 frames in 1,200 columns: column i from frame 5000·i // 1200; every fifth frame has the highest error."""
    random = np.random.default_rng(2)
    prediction = random.random(5000).astype(np.float32)
    prediction[:40] = NAN
    data = errors_data(ID, 5000, errors_of(prediction), None)
    first, second = data["rows"]
    assert (first["name"], second["name"]) == ("Prediction MSE", "Reconstruction MSE")
    assert data["columns"] == len(first["at"]) == len(first["mean"]) == len(first["high"]) == TRACK_COLUMNS
    assert first["other"] is None
    starts = [5000 * i // 1200 for i in range(1201)]
    for i, (start, end) in enumerate(pairwise(starts)):
        column = prediction[start:end]
        if np.isnan(column).all():
            assert first["high"][i] is None and first["mean"][i] is None and first["at"][i] == start
        else:
            assert first["at"][i] == start + np.nanargmax(column)
            assert first["high"][i] == pytest.approx(np.nanmax(column), rel=1e-3)
            assert first["mean"][i] == pytest.approx(np.nanmean(column), rel=1e-3)
    assert first["high"].count(None) == 9  # 40 frames fill the first nine columns of 4 and 5: 5000·9 // 1200 = 37
    assert first["top"] == prediction[~np.isnan(prediction)].max()


def test_a_track_holds_nothing_that_json_does_not_know():
    errors = errors_of([NAN, 0.123456789, 1e-9])
    data = errors_data(ID, 3, errors, errors_of([NAN, NAN, 0.5]))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    row = data["rows"][0]
    assert row["high"] == [None, 0.1235, 1e-9] and row["other"]["high"] == [None, None, 0.5] and row["top"] == 0.5
    assert row["at"] == [0, 1, 2] and data["session"] == ID and data["frames"] == 3


def test_without_predictions_a_click_goes_to_the_worst_reconstruction():
    reconstruction = np.linspace(0, 1, 2400)  # two frames a column, the later one is worse
    data = errors_data(ID, 2400, errors_of([NAN] * 2400, reconstruction), None)
    assert [row["name"] for row in data["rows"]] == ["Reconstruction MSE"]
    assert data["rows"][0]["at"] == list(range(1, 2400, 2))


def test_without_errors_there_is_no_track():
    data = errors_data(ID, 7, None, None)
    assert data == {"session": ID, "frames": 7, "columns": 0, "rows": [], "label": ""}


def test_progress_says_how_far_how_fast_and_by_whom():
    document = Html(progress_view(Progress(), is_here=True))
    assert (
        document.text
        == "Evaluating this recording: frame 30 of 120, 12.3 frames/s, 1\u00a0min\u00a015\u00a0s left, started by Ada."
    )
    (bar,), (fill,) = (one for one in [document.all("div"), document.all("i")])
    assert bar["role"] == "progressbar" and (bar["aria-valuenow"], bar["aria-valuemax"]) == ("30", "120")
    assert fill["style"] == "width:25.0%"


@every_case(
    ("changes", "sentence"),
    [
        (dict(seconds_left=None, started_by=""), "frame 30 of 120, 12.3 frames/s."),
        (dict(done=1500, total=20_000, frames_per_s=1534.2), "frame 1,500 of 20,000, 1,534 frames/s, 1"),
        (dict(done=0, frames_per_s=0.0, seconds_left=None), "frame 0 of 120, 0 frames/s, started"),
        (dict(done=0, total=0), "frame 0 of 0"),
    ],
)
def test_progress_of_any_speed_is_shown_in_plain_numbers(changes, sentence):
    assert sentence in Html(progress_view(Progress(**changes), is_here=True)).text


@evil_names
def test_names_in_progress_are_text_and_nothing_else(evil):
    assert_harmless(progress_view(Progress(session_id=evil), is_here=False), f"Evaluating {evil}: frame")
    assert_harmless(progress_view(Progress(started_by=evil), is_here=True), f"started by {evil}.")


@evil_names
def test_names_from_files_are_text_and_nothing_else(tmp_path, evil):
    space = [{evil: 1, "turn": 0}, {evil: 1, "turn": 1}]
    events = [observation(0), action(1, space[0]), observation(2), action(3, space[1]), observation(4)]
    recording = opened(tmp_path, events, name=evil, robot_type=evil, action_space=space)
    weights = {"autoencoder": f"auto{evil}", "predictor": f"pre{evil}"}
    errors = errors_of([NAN, 0.2, 0.3], weights=weights)
    html = view(recording, errors, errors, session_id=f"robots/{evil}")
    names = (
        f"{recording.profile.title} {evil}: auto{evil} + pre{evil}",
        f"Compared with auto{evil} + pre{evil}",
        f"(all with {evil} 1)",
    )
    for name in names:
        assert_harmless(html, name)


def test_actions_named_like_formulas_are_not_run(tmp_path):
    space = [{"=1+1": 0}, {"=1+1": 1}]
    events = [observation(0), action(1, space[1]), observation(2)]
    recording = opened(tmp_path, events, robot_type="X", action_space=space)
    first = table(view(recording, errors_of([NAN, 0.5])), f"errors_by_action_{recording.name}.csv")[1]
    assert first == ["shown", "prediction", "'=1+1 1", "1", "0.5"]


def test_the_real_drawings_fit_the_view(recording):
    document = Html(view(recording, FIVE, errors_of([NAN, 0.3, 0.3, 0.3, 0.3]), error_figures))
    drawn = [one["alt"] for one in document.all("img") if one["alt"]]
    assert [alt.split(".")[0] for alt in drawn] == [
        "Errors over the recording",
        "Distribution of the errors",
        "Prediction MSE by action",
    ]
    for alt in drawn:
        pixels = picture(document.bytes_at("img", "src", alt=alt))
        assert pixels.shape[1] == 960 and pixels.min() < 100
