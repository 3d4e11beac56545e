import asyncio
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from gradio.routes import App
from gradio.state_holder import SessionState
from gradio_client.utils import is_file_obj_with_meta

from page.server.blocks import NO_FILES, PageBlocks, holds_file

FILE = {"path": "http://elsewhere.invalid/x", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def page():
    with PageBlocks() as page:
        field, output = gr.Textbox(), gr.HTML()
        field.submit(lambda text: f"heard {text}", field, output)
    return page


def answer_of(page: PageBlocks, *inputs: object, state: SessionState | None = None) -> list:
    call = page.process_api(next(iter(page.fns.values())), list(inputs), state)
    with ThreadPoolExecutor(1) as other:  # the browser of other tests may run a loop in the main thread
        return other.submit(asyncio.run, call).result()["data"]


@pytest.mark.parametrize("value", [FILE, [FILE], {"value": FILE}, {"a": [{"b": [1, [FILE]]}]}])
def test_a_file_in_an_input_is_rejected_before_any_download(page, monkeypatch, value):
    downloads = []
    monkeypatch.setattr(
        "gradio.processing_utils.async_ssrf_protected_download", lambda *inputs, **options: downloads.append(inputs)
    )
    assert is_file_obj_with_meta(FILE)
    with pytest.raises(gr.Error, match=NO_FILES):
        answer_of(page, value)
    assert downloads == []


def test_no_application_is_made_before_one_is_served(page):
    assert page.queue(api_open=False).app is None
    assert App.create_app(page).blocks is page


def test_other_values_are_accepted(page):
    assert answer_of(page, "a word") == ["heard a word"]
    for value in (None, 1, "path", {"session": "a", "frame": 3}, {"path": "a"}, [["meta", "path"]]):
        assert not holds_file([value])


def test_a_deeply_nested_file_is_found():
    nested: object = FILE
    for _ in range(100_000):
        nested = [nested]
    assert holds_file([nested])


def stored_by(state: SessionState) -> str:
    return str([vars(block) for block in state.blocks_config.blocks.values()]) + str(list(state.components))


@pytest.mark.parametrize("answer", [lambda text: f"heard {text}", lambda text: gr.update(value=f"heard {text}")])
def test_an_answer_is_not_stored_for_its_tab(answer):
    with PageBlocks() as page:
        field, output = gr.Textbox(), gr.HTML()
        field.submit(answer, field, output)
    state = SessionState(page)
    for word in ("one", "two"):
        assert f"heard {word}" in str(answer_of(page, word, state=state))
        assert "heard" not in stored_by(state)


def test_gradio_itself_stores_the_answer():
    with gr.Blocks() as page:
        field, output = gr.Textbox(), gr.HTML()
        field.submit(lambda text: f"heard {text}", field, output)
    state = SessionState(page)
    answer_of(page, "one", state=state)
    assert "heard one" in stored_by(state)


@pytest.fixture
def built(monkeypatch) -> list[int]:
    """The components that Gradio builds to update the page, by number."""
    numbers: list[int] = []
    monkeypatch.setattr(SessionState, "_update_config", lambda state, number: numbers.append(number))
    return numbers


def test_only_outputs_that_change_are_built(built):
    with PageBlocks() as page:
        field, outputs = gr.Textbox(), [gr.HTML(), gr.HTML(), gr.HTML()]
        field.submit(lambda word: (gr.skip(), gr.update(value=word, visible=False), gr.skip()), field, outputs)
    first, second, third = answer_of(page, "one", state=SessionState(page))
    assert first == third == gr.skip()
    assert (second["value"], second["visible"]) == ("one", False)
    assert built == [outputs[1]._id]


@pytest.mark.parametrize("count", [1, 2])
def test_an_answer_that_changes_nothing_builds_nothing(count, built):
    with PageBlocks() as page:
        gr.Textbox().submit(lambda: gr.skip(), None, [gr.HTML() for _ in range(count)])
    assert answer_of(page, state=SessionState(page)) == [gr.skip()] * count
    assert built == []


def test_an_answer_with_too_few_values_is_an_error():
    with PageBlocks() as page:
        gr.Textbox().submit(lambda: ("one", "two"), None, [gr.HTML(), gr.HTML(), gr.HTML()])
    with pytest.raises(ValueError, match="didn't return enough output"):
        answer_of(page)
