"""Panels that are computed again only if something that they depend on has changed."""

from types import SimpleNamespace

import gradio as gr
import pytest

from page.panels import remember, unless_shown
from page.visitor import Visitor
from session import JETBOT


@pytest.fixture
def backend():
    shared = SimpleNamespace(version=1)
    return SimpleNamespace(manager_for=lambda visitor: SimpleNamespace(served=shared), shared=shared)


def test_a_panel_is_computed_again_if_session_weights_or_fields_have_changed(backend):
    visitor, calls = Visitor("jetbot/first", JETBOT), []
    look = unless_shown("attention", lambda backend, visitor, frame: calls.append(frame) or f"frame {frame}")
    assert look(backend, visitor, 3) == "frame 3"
    assert look(backend, visitor, 3) == gr.skip()
    assert look(backend, visitor, 4) == "frame 4"
    backend.shared.version += 1
    assert look(backend, visitor, 4) == "frame 4"
    visitor.go_to_session("jetbot/other", JETBOT, 0)
    assert look(backend, visitor, 4) == "frame 4" and calls == [3, 4, 4, 4]


def test_what_a_button_computed_counts_and_an_error_does_not(backend):
    visitor = Visitor("jetbot/first", JETBOT)
    press = remember("weights", lambda backend, visitor: "weights")
    look = unless_shown("weights", lambda backend, visitor: 1 / 0)
    assert press(backend, visitor) == "weights" and look(backend, visitor) == gr.skip()
    backend.shared.version += 1
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            look(backend, visitor)
