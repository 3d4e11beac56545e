from dataclasses import replace

import numpy as np
import pytest

from models import WeightsSource
from page.tabs import actions
from page.tabs.actions import diagnostics_view
from session import load_session
from tests.page.test_page_figures import Drawing, Html, assert_harmless, evil_names, picture, table
from tests.session.session_files import events_of, meta_of, write_session
from training.evaluation import diagnostics_figures
from training.evaluation.diagnostics import ActionDiagnostics

TRAINED = {"autoencoder": WeightsSource("autoencoder.pth", 10), "predictor": WeightsSource("predictor_0.pth", 1200)}


@pytest.fixture
def recording(tmp_path):
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoao")))


def diagnosed(true=(0.1, 0.3), shuffled=(0.2, 0.5), zeroed=(0.1, 0.2), **changes):
    """Means 0.2, 0.35 and 0.15: ASG +0.15, AZG −0.05."""
    diagnostics = ActionDiagnostics(
        targets=tuple(range(3, 3 + len(true))),
        history_length=3,
        true_losses=np.array(true),
        shuffled_losses=np.array(shuffled),
        zeroed_losses=np.array(zeroed),
        other_losses=np.array(shuffled),
        sensitivity=0.002,
        sensitivity_share=0.05,
        told_apart=1,
        best_is_recorded=0.625,
        chance=0.5,
        same_share=0.0,
        weights_in_use=TRAINED,
        is_mixed=False,
    )
    return replace(diagnostics, **changes)


def view(recording, diagnostics, drawing=None):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(actions, "diagnostics_figures", drawing or Drawing())
        return diagnostics_view(recording, diagnostics)


def measures(html):
    """Title with its sentence, and value, of every row."""
    (body,) = (part.split("</tbody>")[0] for part in html.split("<tbody>")[1:])
    rows = [Html(row + "</tr>") for row in body.split("</tr>")[:-1]]
    cells = [row.split("</th>") for row in body.split("</tr>")[:-1:2]]
    sentences = [row.text for row in rows[1::2]]
    return [
        (f"{Html(title + '</th></tr>').text} {sentence}", Html(value).text)
        for (title, value), sentence in zip(cells, sentences, strict=True)
    ]


def test_every_measure_has_its_value_and_its_sentence(recording):
    rows = measures(view(recording, diagnosed()))
    names = ("Loss with the true", "ASG", "AZG", "Action sensitivity", "Recorded action predicts best")
    assert all(title.startswith(name) and len(title) > 60 for (title, _), name in zip(rows, names, strict=True))
    # 0.15 of 0.2 is 75 %, 0.05 of it 25 %.
    assert [value for _, value in rows] == [
        "0.200",
        "+0.150 (+75 %)",
        "−0.0500 (−25 %)",
        "2.00e-3 (5 % of the frames' variance)",
        "62\xa0% of 1",
    ]
    assert "(0.350)" in rows[1][0] and "(0.150)" in rows[2][0] and "By chance: 50\xa0%." in rows[4][0]
    assert "Not counted: 1 frame on which the actions differ by too little." in rows[4][0]


def test_shares_of_a_hundred_percent_and_more_are_plain_numbers(recording):
    """Losses of 0.1 and 1.3 instead: growth by 0 and by 1200 %."""
    diagnostics = diagnosed((0.1,), (1.3,), (0.2,), sensitivity_share=1.0)
    values = [value for _, value in measures(view(recording, diagnostics))]
    assert values[1:4] == ["+1.20 (+1,200 %)", "+0.100 (+100 %)", "2.00e-3 (100 % of the frames' variance)"]


def test_a_gap_too_small_to_matter_is_shown_with_its_digits(recording):
    """0.1 + 2e-7: 0.0002 % of it."""
    values = [value for _, value in measures(view(recording, diagnosed((0.1,), (0.1 + 2e-7,), (0.1,))))]
    assert values[1] == "+2.00e-7 (+0.0002 %)" and values[2] == "+0 (+0 %)"


def test_a_model_that_ignores_actions_gets_no_share_and_what_has_no_number_is_left_out(recording):
    diagnostics = diagnosed((0.0,), (0.0,), (0.1,), sensitivity_share=None, best_is_recorded=None, told_apart=0)
    values = [value for _, value in measures(view(recording, diagnostics))]
    assert values == ["0", "+0", "+0.100", "2.00e-3", "the model ignores the action"]


def test_the_frames_and_the_weights_are_named(recording):
    document = Html(view(recording, diagnosed()))
    assert "2 frames, evenly spread, history 3." in document.text
    weights = "autoencoder autoencoder.pth, step 10, predictor predictor_0.pth, step 1,200"
    assert f"JetBot session_1, {weights}" in document.titles
    assert "Untrained" not in document.text


@pytest.mark.parametrize(("share", "is_shown"), [(0.49, False), (0.5, True), (1.0, True)])
def test_of_one_action_the_page_says_that_shuffling_shows_little(recording, share, is_shown):
    text = Html(view(recording, diagnosed(same_share=share))).text
    assert ("ASG says little about this recording" in text) == is_shown
    assert (f"For {100 * share:.0f}\xa0% of these frames" in text) == is_shown


@pytest.mark.parametrize("is_mixed", [True, False])
def test_weights_that_changed_meanwhile_are_shown(recording, is_mixed):
    text = Html(view(recording, diagnosed(is_mixed=is_mixed))).text
    assert ("The weights changed during" in text) == is_mixed


def test_the_table_holds_the_losses_frame_by_frame(recording):
    header, *rows = table(view(recording, diagnosed()), "use_of_actions.csv")
    assert header == ["frame", "true actions", "shuffled", "zeroed"]
    assert rows == [["3", "0.1", "0.2", "0.1"], ["4", "0.3", "0.5", "0.2"]]


@evil_names
def test_names_from_files_are_text_and_nothing_else(tmp_path, evil):
    meta = meta_of(robot_type=evil, action_space=[{"turn": 0}, {"turn": 1}])
    recording = load_session(write_session(tmp_path / evil, events_of("oo"), meta))
    weights = {"autoencoder": WeightsSource(f"auto{evil}"), "predictor": WeightsSource(f"pre{evil}")}
    html = view(recording, diagnosed(weights_in_use=weights))
    for name in (f"{recording.profile.title} {evil}", f"auto{evil}", f"pre{evil}"):
        assert_harmless(html, name)


def test_the_real_drawing_fits_the_view(recording):
    diagnostics = Html(view(recording, diagnosed(), diagnostics_figures))
    pixels = picture(diagnostics.bytes_at("img", "src"))
    assert pixels.shape == (510, 960, 3) and pixels.min() < 100
