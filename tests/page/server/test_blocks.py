import asyncio
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import pytest
from gradio.state_holder import SessionState
from gradio_client.utils import is_file_obj_with_meta

from page.server.blocks import NO_FILES, PageBlocks, holds_file

FILE = {"path": "http://elsewhere.invalid/x", "meta": {"_type": "gradio.FileData"}}


@pytest.fixture
def page():
    with PageBlocks() as page:
        field, shown = gr.Textbox(), gr.HTML()
        field.submit(lambda typed: f"heard {typed}", field, shown)
    return page


def asked(page: PageBlocks, *inputs: object, state: SessionState | None = None) -> list:
    call = page.process_api(next(iter(page.fns.values())), list(inputs), state)
    with ThreadPoolExecutor(1) as other:  # in the main thread a browser of other tests may have a loop of its own
        return other.submit(asyncio.run, call).result()["data"]


@pytest.mark.parametrize("sent", [FILE, [FILE], {"value": FILE}, {"a": [{"b": [1, [FILE]]}]}])
def test_a_file_in_an_input_is_refused_before_anything_is_fetched(page, monkeypatch, sent):
    fetched = []
    monkeypatch.setattr(
        "gradio.processing_utils.async_ssrf_protected_download", lambda *asked, **more: fetched.append(asked)
    )
    assert is_file_obj_with_meta(FILE)
    with pytest.raises(gr.Error, match=NO_FILES):
        asked(page, sent)
    assert fetched == []


def test_everything_else_passes(page):
    assert asked(page, "a word") == ["heard a word"]
    for value in (None, 1, "path", {"session": "a", "frame": 3}, {"path": "a"}, [["meta", "path"]]):
        assert not holds_file([value])


def test_deep_nesting_is_no_obstacle():
    nested: object = FILE
    for _ in range(100_000):
        nested = [nested]
    assert holds_file([nested])


def kept_by(state: SessionState) -> str:
    return str([vars(block) for block in state.blocks_config.blocks.values()]) + str(list(state.components))


@pytest.mark.parametrize("answer", [lambda typed: f"heard {typed}", lambda typed: gr.update(value=f"heard {typed}")])
def test_an_answer_is_not_kept_for_its_tab(answer):
    with PageBlocks() as page:
        field, shown = gr.Textbox(), gr.HTML()
        field.submit(answer, field, shown)
    state = SessionState(page)
    for word in ("one", "two"):
        assert f"heard {word}" in str(asked(page, word, state=state))
        assert "heard" not in kept_by(state)


def test_gradio_itself_keeps_the_answer():
    with gr.Blocks() as page:
        field, shown = gr.Textbox(), gr.HTML()
        field.submit(lambda typed: f"heard {typed}", field, shown)
    state = SessionState(page)
    asked(page, "one", state=state)
    assert "heard one" in kept_by(state)
