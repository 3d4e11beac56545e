import math
from dataclasses import replace

import numpy as np
import pytest

from models import WeightsSource
from models.introspection import attention_figures
from models.introspection.attention import attention_on_frames, breakdown, uniform_attention
from page.tabs import attention
from page.tabs.attention import MEASURES, attention_choices, attention_view, token_text
from page.text import loss_text
from session import load_session
from tests.models.introspection.test_attention import look_of
from tests.page.test_page_figures import Drawing, Html, assert_harmless, evil_names, picture, table
from tests.session.session_files import events_of, meta_of, write_session

T, P = 3, 197


@pytest.fixture
def recording(tmp_path):
    return load_session(write_session(tmp_path / "jetbot" / "session_1", events_of("oaoaoaoao")))


@pytest.fixture(scope="module")
def look():
    """Uniform, but for half of the attention on the last action: key 3·198 − 1."""
    weights = uniform_attention(P, T * (P + 1) + P) / 2
    weights[:, T * (P + 1) - 1] += 0.5
    return look_of(weights, T)


class Overlays(Drawing):
    """Plain pictures: 10 for an overlay, 20 for one with an outlined patch."""

    def __init__(self):
        super().__init__()
        self.tops, self.outlined = [], []

    def overlay(self, pixels, attention, top):
        self.tops.append(top)
        return np.full((2, 2, 3), 10, np.uint8)

    def outline_patch(self, pixels, token):
        self.outlined.append((pixels.shape, token))
        return np.full((2, 2, 3), 20, np.uint8)

    def overlay_strip(self):
        return np.zeros((1, 4, 3), np.uint8)


def view(recording, look, token=None, drawing=None, frame=3):
    history = recording.history(frame, T)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "attention_figures", drawing or Overlays())
        return attention_view(recording, history, look, token, attention_on_frames(look, token), breakdown(look))


def test_every_measure_has_its_value_its_uniform_value_and_its_sentence(recording, look):
    html = view(recording, look)
    for key, (title, sentence) in MEASURES.items():
        assert title in Html(html).text and sentence in Html(html).text and len(sentence) > 40
        assert math.isfinite(vars(look.measures)[key])
    # APA: half, and half of what is even; 0.5 + 0.5 · 0.00144 = 0.5007 beside 0.00144.
    baseline = np.mean([1 / (T * 198 + place + 1) for place in range(P)])
    assert f'<td class="number">{0.5 + baseline / 2:.3f}</td><td class="number">{loss_text(baseline)}</td>' in html


def test_the_usual_layer_and_head_have_no_column_of_their_own(recording, look):
    usual = view(recording, look)
    assert "Selected" not in Html(usual).text and "layer 6 of 6, mean of 8 heads" in Html(usual).text


@pytest.mark.parametrize(
    ("changes", "selection"),
    [
        (dict(layer=2), "layer 3 of 6, mean of 8 heads"),
        (dict(head=0), "layer 6 of 6, head 1 of 8"),
        (dict(layer=0, head=7), "layer 1 of 6, head 8 of 8"),
    ],
)
def test_another_layer_or_head_gets_a_column_and_is_named(recording, look, changes, selection):
    measures = replace(look.shown, apa=0.125)
    document = Html(view(recording, replace(look, shown=measures, **changes)))
    assert "Selected" in document.text and "0.125" in document.text
    assert f"Selected: {selection}." in document.text
    assert document.text.count(selection) >= 5  # at the overlays, the table and each figure


def test_the_frames_and_the_weights_are_named(recording, look):
    weights = {"autoencoder": WeightsSource("autoencoder.pth", 1200), "predictor": WeightsSource()}
    document = Html(view(recording, replace(look, weights_in_use=weights)))
    assert "Frame 3 from frames 0, 1, 2" in document.text
    assert "session_1, autoencoder autoencoder.pth, step 1,200, predictor untrained" in document.titles[0]
    assert "Untrained predictor:" in document.text
    assert document.all("div")[0]["data-frame"] == "3"


def test_a_history_shorter_than_requested_says_so(recording, look):
    short = look_of(uniform_attention(P, 198 + P), 1)
    history, html = recording.history(1, T), view(recording, short, frame=1)
    assert history.note and history.note in Html(html).text and "Frame 1 from frame 0." in html


def test_all_frames_share_one_scale_and_each_shows_its_share(recording, look):
    drawing = Overlays()
    document = Html(view(recording, look, drawing=drawing))
    # All patches get the same: half of the mean of 1 / (query position + 1); 196 of them are a frame.
    each = 0.5 * np.mean([1 / (T * 198 + place + 1) for place in range(P)])
    assert drawing.tops == [pytest.approx(each, rel=1e-5)] * T and drawing.outlined == []
    assert all(f"Context frame {frame}all patches {196 * each:.3f}" in document.text for frame in range(T))
    assert "the mean future token" in document.text


def test_the_query_token_is_outlined_in_the_frame_to_be_predicted(recording, look):
    drawing = Overlays()
    document = Html(view(recording, look, token=16, drawing=drawing))
    assert drawing.outlined == [((224, 224, 3), 16)]
    assert "patch in row 1, column 1" in document.text  # 16 = 1 + 14·1 + 1
    pictures = [picture(document.bytes_at("img", "src", alt=f"Context frame {frame}")) for frame in range(T)]
    assert all(one.max() == 10 for one in pictures)
    assert picture(document.bytes_at("img", "src", alt="Predicted frame 3")).max() == 20


def test_tables_hold_the_measures_and_every_future_token(recording, look):
    html = view(recording, look)
    header, *rows = table(html, "attention_frame_3_measures.csv")
    assert header == ["measure", "last layer, mean of heads", "shown", "uniform"]
    assert [row[0] for row in rows] == [title for title, _ in MEASURES.values()]
    assert float(rows[0][1]) == pytest.approx(look.measures.apa) and float(rows[0][3]) == pytest.approx(look.baseline)
    header, *rows = table(html, "attention_frame_3_tokens.csv")
    assert header == ["future token", "place", "last action", "last frame", "rest"] and len(rows) == P
    assert rows[0][:2] == ["0", "Class token"] and rows[196][:2] == ["196", "Patch in row 13, column 13"]
    assert all(sum(map(float, row[2:])) == pytest.approx(1, abs=1e-4) for row in rows)


def test_figures_get_the_frames_names(recording, look):
    drawing = Overlays()
    view(recording, look, drawing=drawing)
    assert drawing.calls["draw_parts"][1] == drawing.calls["draw_attention_map"][1] == ["0", "1", "2"]


@evil_names
def test_names_from_files_are_text_and_nothing_else(tmp_path, look, evil):
    meta = meta_of(robot_type=evil, action_space=[{"turn": 0}, {"turn": 1}])
    events = [event | {"data": {"turn": 1}} if event["type"] == "action" else event for event in events_of("oaoaoao")]
    recording = load_session(write_session(tmp_path / evil, events, meta))
    assert recording.name == evil
    weights = {"autoencoder": WeightsSource(f"auto{evil}"), "predictor": WeightsSource(f"pre{evil}")}
    html = view(recording, replace(look, weights_in_use=weights))
    for name in (f"{recording.profile.title} {evil}", f"auto{evil}", f"pre{evil}"):
        assert_harmless(html, name)


def test_measures_that_are_no_numbers_are_said_to_be_none(recording, look):
    """Nothing on any frame: TTAR divides by zero."""
    odd = replace(look, measures=replace(look.measures, ttar=math.inf))
    html = view(recording, odd)
    assert "not finite" in Html(html).text


def test_choices_begin_with_the_usual_ones_and_count_as_people_do():
    layers, heads, tokens = attention_choices(6, 8)
    assert layers[0] == ("Last layer", 0) and layers[1:] == [(f"Layer {n}", n) for n in range(1, 7)]
    assert heads[0] == ("Mean of all heads", 0) and heads[-1] == ("Head 8", 8)
    assert [value for _, value in tokens] == [-1, *range(197)] and len({label for label, _ in tokens}) == 198
    assert token_text(14) == "Patch in row 0, column 13" and token_text(15) == "Patch in row 1, column 0"


def test_the_real_drawings_fit_the_view(recording, look):
    document = Html(view(recording, look, token=196, drawing=attention_figures))
    sentences = [one["alt"] for one in document.all("img") if one["alt"].endswith(".")]  # a figure's sentence
    figures = [picture(document.bytes_at("img", "src", alt=alt)) for alt in sentences]
    assert len(figures) == 3 and all(pixels.shape[1] == 960 and pixels.min() < 100 for pixels in figures)
    downloads = [link["download"] for link in document.all("a") if "keep-picture" in link.get("class", "")]
    assert downloads[-3:] == [f"attention_frame_3_{part}.png" for part in ("parts", "map", "tokens")]
    assert (
        downloads[-4] == "predicted_frame_3.png" and len(downloads) == len(document.all("img")) - 1
    )  # but the colour scale
