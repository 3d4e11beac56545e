import contextlib

import pytest
import torch

from session import load_session, record_demo
from tests.training.tiny import make_manager
from training import FrameDataset, FrameSelection, NothingToTrain


@pytest.fixture(scope="package", autouse=True)
def one_thread():
    """Networks this small are slower with two, most of all beside another program."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A data folder with one recording of twelve frames."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "id").write_text(record_demo(folder / "sessions", "toroidal_dot", 12, seed=1))
    return folder


@pytest.fixture(scope="session")
def recording(data):
    return load_session(data / "sessions" / (data / "id").read_text())


@pytest.fixture
def manager(tmp_path):
    """A manager of small networks; its job is stopped in the end."""
    made = make_manager(tmp_path / "checkpoints" / "toroidal_dot")
    yield made
    with contextlib.suppress(NothingToTrain):
        made.stop()
    assert made.wait(30)


@pytest.fixture
def batch(recording):
    return FrameDataset(recording, FrameSelection(5, 8, batch_size=2), needs_history=True).draw(
        torch.Generator().manual_seed(0)
    )
