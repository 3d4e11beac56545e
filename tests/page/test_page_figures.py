import base64
import csv
import io
import warnings
from html.parser import HTMLParser

import matplotlib
import numpy as np
import pytest
from PIL import Image

from page.figures import drawable_labels, figure_card, picture_card, render_figure, table_link
from page.fonts import text_of, undrawable
from page.pictures import ROUTE, SHOWN
from tests.cases import every_case

# Names as a file may contain them: plain, and breaking out of an attribute in either kind of quotes.
EVIL = ("<img src=x onerror=alert(1)>", '"><img src=x onerror=alert(1)>', "'><img src=x onerror=alert(1)>")
evil_names = pytest.mark.parametrize("evil", EVIL)
WITHOUT_END = {"img", "br", "input"}


class Html(HTMLParser):
    """A parsed piece of HTML: its elements with their attributes, its text, and the titles that pop up."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.titles, self.opened = [], "", [], []
        self.feed(html)
        self.close()
        assert self.opened == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.titles += [value for name, value in attrs if name == "title"]
        self.opened += [tag] if tag not in WITHOUT_END else []

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    def bytes_at(self, tag, attribute, **wanted):
        """The content of the only element with these attributes, at a data: address or one of a picture."""
        (element,) = (one for one in self.all(tag) if wanted.items() <= one.items())
        address = element[attribute]
        is_held = address.startswith(ROUTE)
        return SHOWN.get(address.removeprefix(ROUTE)) if is_held else base64.b64decode(address.split(";base64,")[1])


class Drawing:
    """A module of figures that leaves every figure empty, and stores the arguments of each call."""

    def __init__(self):
        self.calls = {}

    def __getattr__(self, name):
        def draw(figure, *arguments):
            assert not figure.axes
            self.calls[name] = arguments

        return draw


def table(html, file_name):
    """The rows of a link that downloads a table."""
    text = Html(html).bytes_at("a", "href", download=file_name).decode("utf-8")
    return list(csv.reader(io.StringIO(text, newline="")))


def assert_harmless(html, evil):
    """Assert that a name from a file is displayed unchanged, as text or title alone."""
    document = Html(html)
    assert any(evil in text for text in (document.text, *document.titles))
    assert not any("onerror" in attributes or attributes.get("src") == "x" for _, attributes in document.elements)


def picture(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))


def test_a_figure_is_a_white_picture_twice_as_wide_as_a_column_on_a_small_screen():
    png = render_figure(lambda figure: figure.subplots().set_facecolor("black"), 3.0)
    pixels = picture(png)
    assert pixels.shape == (450, 960, 3)  # 3.0 and 6.4 inches of 150 dots
    assert pixels[[0, 0, -1, -1], [0, -1, 0, -1]].min() == 255 and pixels[225, 480].max() == 0


def test_a_style_of_the_users_own_changes_no_figure():
    usual = render_figure(lambda figure: figure.subplots().plot([1, 2], label="mse"), height_in=1)
    with matplotlib.rc_context({"text.usetex": True, "axes.facecolor": "black", "font.size": 30}):
        assert render_figure(lambda figure: figure.subplots().plot([1, 2], label="mse"), height_in=1) == usual
        assert matplotlib.rcParams["text.usetex"]


def test_a_drawing_that_fails_does_not_keep_the_next_from_being_drawn():
    def fail(figure):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        render_figure(fail, 1.0)
    assert picture(render_figure(lambda figure: None, 1.0)).shape == (150, 960, 3)


def test_a_card_says_what_it_shows_and_keeps_its_picture_under_a_name():
    pixels = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    document = Html(picture_card(pixels, "Title", "How to rows_read it.", "name_12"))
    assert "Title" in document.text and "How to rows_read it." in document.text
    (image,), (link,) = document.all("img"), document.all("a")
    assert image["alt"] == "Title. How to rows_read it." and link["download"] == "name_12.png"
    assert np.array_equal(picture(document.bytes_at("img", "src")), pixels)


@evil_names
def test_titles_sentences_and_file_names_are_text_and_nothing_else(evil):
    assert_harmless(figure_card(b"", evil, "", "a"), evil)
    assert_harmless(figure_card(b"", "", evil, "a"), evil)
    for html in (figure_card(b"", "", "", evil), table_link(("a",), [], evil)):
        (link,) = Html(html).all("a")
        assert link["download"] in (f"{evil}.png", f"{evil}.csv") and "onerror" not in link


def test_a_table_comes_back_as_it_was():
    rows = [(0, 0.5, 'a "b", c'), (1, -1.5, "two\nlines · ×"), (2, 1e-12, "")]
    rows_read = table(table_link(("frame", "error", "text"), rows, "numbers"), "numbers.csv")
    assert rows_read == [
        ["frame", "error", "text"],
        ["0", "0.5", 'a "b", c'],
        ["1", "-1.5", "two\nlines · ×"],
        ["2", "1e-12", ""],
    ]


def test_no_digit_of_a_float32_is_lost():
    values = np.random.default_rng(1).lognormal(-6, 5, 200).astype(np.float32)
    rows_read = table(table_link(("x",), [(float(value),) for value in values], "a"), "a.csv")[1:]
    assert np.array_equal(np.array(rows_read, dtype=np.float32)[:, 0], values)


def test_a_number_that_there_is_none_of_leaves_its_cell_empty():
    assert table(table_link(("a", "b"), [(float("nan"), 1.0)], "n"), "n.csv") == [["a", "b"], ["", "1"]]


@every_case("text", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1"])
def test_a_spreadsheet_runs_nothing(text):
    rows_read = table(table_link(("a", "b"), [(text, -2.5)], "n"), "n.csv")
    assert rows_read[1:] == [[f"'{text}", "-2.5"]]


@every_case("text", ["a\r=1+1", "a\n=1+1", "a,=1+1", 'a",=1+1'])
def test_no_cell_begins_inside_another(text):
    assert table(table_link(("a",), [(text,)], "n"), "n.csv")[1:] == [[text]]


@every_case("name", ["左电机 0.5", "왼쪽 1", "محرك", "🦾 1", "\U000f0000"])
def test_names_in_any_script_are_drawn_without_boxes_and_without_warnings(name):
    drawn = []

    def draw(figure):
        axes = figure.add_subplot()
        axes.set_yticks([0, 1], [name, "plain"])
        axes.set_title(name)
        drawn.append(figure)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        render_figure(draw, 2.0)
    letters = set(text_of(drawn[-1])) & undrawable(name)
    assert not letters
    labels = drawable_labels([name, f"{name} 0"])
    assert labels == (["action 1", "action 2"] if undrawable(name) else [name, f"{name} 0"])


def test_letters_of_the_usual_font_stay():
    assert drawable_labels(["Ровер 1", "Éclair − 2"]) == ["Ровер 1", "Éclair − 2"]
