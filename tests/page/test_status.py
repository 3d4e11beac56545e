"""The status line judges trained networks without being asked."""

from models import precision
from page.backend import PageBackend
from page.opening import open_session
from page.status import describe_status, tick_status
from page.visitor import Visitor
from session import record_demo
from tests.app.conftest import write_checkpoints
from tests.app.narrow import NarrowWorldModels


def test_trained_networks_are_judged_before_anybody_presses_a_button(tmp_path):
    backend, visitor = PageBackend(tmp_path, "cpu"), Visitor()
    backend._world_models = NarrowWorldModels(backend.device)
    tick_status(backend, visitor)  # without a session
    session_id = record_demo(tmp_path / "sessions", "jetbot_sim", 8, seed=1)
    open_session(backend, visitor, session_id, None)
    assert describe_status(backend, visitor).count("untrained") == 2
    tick_status(backend, visitor)
    write_checkpoints(tmp_path / "checkpoints" / "jetbot", action_channels=3)
    manager = backend.manager_for(visitor)
    manager._has_loaded_defaults = False
    manager.load_defaults()
    assert describe_status(backend, visitor).count("not judged yet") == 2
    tick_status(backend, visitor)
    backend.spot_checks.wait()
    assert "not judged yet" not in describe_status(backend, visitor)


def test_the_status_line_names_bfloat16_once_it_is_used(tmp_path, fast_bfloat16):
    backend, exact = PageBackend(tmp_path, "cpu", precision="auto"), PageBackend(tmp_path, "cpu")
    with precision.autocast(backend.device, "auto"):  # waits until it is known
        pass
    assert "CPU (bf16)<" in describe_status(backend, Visitor())
    assert "> CPU<" in describe_status(exact, Visitor())
