"""A backend over one recording of a simulated JetBot, with networks of which steps take milliseconds."""

import pytest

from page.backend import PageBackend
from session import record_demo
from tests.app.narrow import NarrowWorldModels


@pytest.fixture
def backend(tmp_path):
    backend = PageBackend(tmp_path, "cpu")
    backend._world_models = NarrowWorldModels(backend.device)
    record_demo(tmp_path / "sessions", "jetbot_sim", 9, seed=1)
    return backend
