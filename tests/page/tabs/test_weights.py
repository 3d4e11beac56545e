from dataclasses import dataclass, replace

import numpy as np
import pytest

from models import WeightsSource
from models.introspection import weight_figures
from models.introspection.weights import copy_weights, inspect_weights, weight_changes
from page.tabs import weights
from page.tabs.weights import weights_view
from tests.page.test_page_figures import Drawing, Html, assert_harmless, evil_names, picture, table
from tests.training.tiny import shared_model


@dataclass(frozen=True)
class Comparison:
    changes: tuple
    network: str = "predictor"
    subject: str = "frames 3 to 11 of session_1"
    steps: int = 2000
    is_running: bool = False


def view(look, comparison, drawing):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(weights, "weight_figures", drawing)
        return weights_view(look, comparison)


@pytest.fixture(scope="module")
def shared():
    return shared_model()


@pytest.fixture(scope="module")
def look(shared):
    return inspect_weights(shared)


@pytest.fixture(scope="module")
def changes(shared):
    """The predictor's output moved: its layer norm's bias, zero before, is now 0.5 everywhere."""
    before = copy_weights(shared.model)
    moved = before | {"predictor.layer_norm.bias": before["predictor.layer_norm.bias"] - 0.5}
    return weight_changes(moved, shared.model)


def test_all_parameters_are_counted(shared, look):
    count = sum(weights.numel() for weights in shared.model.parameters())
    document = Html(view(look, None, Drawing()))
    assert f"{count:,} parameters in both networks: autoencoder untrained, predictor untrained." in document.text
    assert "Untrained autoencoder and predictor:" in document.text


def test_the_weights_in_use_are_named(look):
    used = {"autoencoder": WeightsSource("autoencoder.pth", 1200), "predictor": WeightsSource(None, 3)}
    document = Html(view(replace(look, weights_in_use=used), None, Drawing()))
    assert "autoencoder autoencoder.pth, step 1,200, predictor step 3" in document.text
    assert "Untrained" not in document.text


def test_without_a_training_the_page_says_what_to_do_and_draws_no_change(look):
    drawing = Drawing()
    document = Html(view(look, None, drawing))
    assert "After training, this shows how much each layer changed" in document.text
    assert "draw_changes" not in drawing.calls and "outlined" not in document.text
    assert drawing.calls["draw_distributions"] == (look.groups,)
    assert not any(link["download"].startswith("weights_change") for link in document.all("a"))


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (dict(), "(predictor training on frames 3 to 11 of session_1, 2,000 steps)"),
        (dict(steps=1, is_running=True), "(predictor training on frames 3 to 11 of session_1, 1 step so far)"),
    ],
)
def test_a_training_says_which_it_was_and_how_long(look, changes, fields, sentence):
    drawing = Drawing()
    document = Html(view(look, Comparison(changes, **fields), drawing))
    assert sentence in document.text and "filled: after the last run, outlined: before" in document.text
    assert drawing.calls["draw_changes"] == drawing.calls["draw_distributions"] == (changes,)


def test_weights_loaded_since_a_training_are_distinguished_from_what_it_made(look, changes):
    drawing = Drawing()
    others = [replace(one, after=replace(one.after, norm=one.after.norm + 1)) for one in changes]
    document = Html(view(look, Comparison(others), drawing))
    assert "Other weights were loaded since" in document.text and "outlined" not in document.text
    assert drawing.calls["draw_norms"] == drawing.calls["draw_distributions"] == (look.groups,)
    assert drawing.calls["draw_changes"] == (others,)


def test_the_table_of_changes_has_every_layer_before_and_after(look, changes):
    header, *rows = table(view(look, Comparison(changes), Drawing()), "weights_change.csv")
    assert header[:3] == ["network", "layer", "weights"] and header[-2:] == ["change", "relative"]
    assert [row[:2] for row in rows] == [[one.after.network, one.after.name] for one in changes]
    by_layer = {row[1]: dict(zip(header, row, strict=True)) for row in rows}
    # 32 numbers moved by 0.5 each: the root of 32 · 0.25.
    assert float(by_layer["Output"]["change"]) == pytest.approx(8**0.5)
    expected = float(by_layer["Output"]["change"]) / float(by_layer["Output"]["norm before"])
    assert float(by_layer["Output"]["relative"]) == pytest.approx(expected)
    assert {row[-2] for name, row in zip(by_layer, rows, strict=True) if name != "Output"} == {"0"}


def test_the_table_of_weights_has_every_tensor(shared, look):
    html = view(look, None, Drawing())
    header, *rows = table(html, "weights.csv")
    assert header == ["tensor", "shape", "weights", "mean", "std", "norm", "lowest", "highest"]
    tensors = dict(shared.model.named_parameters())
    assert {row[0] for row in rows} == set(tensors)
    by_name = {row[0]: row for row in rows}
    row, tensor = by_name["predictor.output_head.weight"], tensors["predictor.output_head.weight"].detach()
    assert row[1:3] == ["32 × 32", "1024"]
    expected = [tensor.mean(), tensor.std(correction=0), tensor.norm(), tensor.min(), tensor.max()]
    assert [float(value) for value in row[3:]] == pytest.approx([float(value) for value in expected], rel=1e-4)
    assert f"All {len(tensors)} tensors" in Html(html).text
    assert Html(html).text.count("predictor.output_head.weight") == 1


def test_the_filters_are_shown_pixel_by_pixel(look):
    document = Html(view(look, None, Drawing()))
    (alt,) = (one["alt"] for one in document.all("img") if one["alt"].startswith("Patch-embedding filters"))
    assert np.array_equal(picture(document.bytes_at("img", "src", alt=alt)), look.filters)


@evil_names
def test_names_from_files_are_text_and_nothing_else(look, changes, evil):
    used = {"autoencoder": WeightsSource(f"auto{evil}"), "predictor": WeightsSource(f"pre{evil}")}
    comparison = Comparison(changes, subject=f"frames of {evil}")
    html = view(replace(look, weights_in_use=used), comparison, Drawing())
    for name in (f"auto{evil}", f"pre{evil}", f"frames of {evil}"):
        assert_harmless(html, name)


def test_the_real_drawings_fit_the_view(look, changes):
    document = Html(view(look, Comparison(changes), weight_figures))
    captions = [one["alt"] for one in document.all("img") if not one["alt"].startswith("Patch-embedding")]
    assert len(captions) == len(set(captions)) == 5
    for alt in captions:
        pixels = picture(document.bytes_at("img", "src", alt=alt))
        assert pixels.shape[1] == 960 and pixels.min() < 100
