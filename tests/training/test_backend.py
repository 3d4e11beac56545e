import pytest

from session import JETBOT, TOROIDAL_DOT
from tests.session.dataset_files import write_v2
from tests.session.tub_files import record, write_tub
from tests.training.tiny import ENDLESS, request, shared_model, train, until
from training import Backend
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import save_checkpoint
from training.steps import TrainState


@pytest.mark.parametrize("is_read_only", [False, True])
def test_what_a_robot_learned_last_is_in_use_when_it_is_first_shown(tmp_path, is_read_only):
    before = Backend(tmp_path, "cpu").loaded_manager(TOROIDAL_DOT)
    assert not before.shared.weights["predictor"].is_trained
    save_checkpoint(tmp_path / "checkpoints" / "toroidal_dot", TrainState(before.shared.model))
    backend = Backend(tmp_path, "cpu", is_read_only)
    weights = backend.loaded_manager(TOROIDAL_DOT).shared.weights
    assert {used.file for used in weights.values()} == {"toroidal_dot/autoencoder.pth", "toroidal_dot/predictor_0.pth"}


def test_a_file_that_cannot_be_loaded_leaves_the_network_untrained(tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    folder.mkdir(parents=True)
    (folder / "autoencoder.pth").write_bytes(b"nothing that could be loaded")
    weights = Backend(tmp_path, "cpu").loaded_manager(TOROIDAL_DOT).shared.weights
    assert not any(used.is_trained for used in weights.values())


@pytest.fixture
def small_backend(tmp_path, monkeypatch):
    """A backend whose networks take a step in milliseconds."""
    backend = Backend(tmp_path, "cpu")
    small = {name: shared_model() for name in ("jetbot", "toroidal_dot")}
    monkeypatch.setattr(backend._world_models, "get", lambda key, channels: small[key.split()[0]])
    return backend


def test_each_robot_has_one_manager_and_its_own_runs(small_backend, recording, tmp_path):
    backend = small_backend
    assert backend.manager(JETBOT) is backend.manager(JETBOT)
    assert backend.manager(JETBOT) is not backend.manager(TOROIDAL_DOT)
    assert backend.run_file("jetbot") is None
    train(backend.manager(TOROIDAL_DOT), recording)
    assert backend.run_file("toroidal_dot").parent == tmp_path / "checkpoints" / "toroidal_dot" / "runs"
    assert backend.run_file("jetbot") is None


def test_closing_stops_every_job_and_saves(small_backend, recording, tmp_path):
    managers = [small_backend.manager(profile) for profile in (JETBOT, TOROIDAL_DOT)]
    jobs = [manager.train(request(recording, condition=ENDLESS)) for manager in managers]
    until(lambda: all(job.snapshot().step >= 2 for job in jobs))
    assert [name for name, _ in small_backend.active_jobs()] == ["jetbot", "toroidal_dot"]
    small_backend.close(timeout_s=30)
    for job, name in zip(jobs, ("jetbot", "toroidal_dot"), strict=True):
        now = job.snapshot()
        assert now.status == "interrupted"
        assert read_checkpoint(tmp_path / "checkpoints" / name / "autoencoder.pth").step == now.step


def test_a_pointer_of_git_lfs_in_place_of_a_checkpoint_is_named_and_remembered_for_the_page(tmp_path):
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    folder.mkdir(parents=True)
    (folder / "autoencoder.pth").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n")
    manager = Backend(tmp_path, "cpu").loaded_manager(TOROIDAL_DOT)
    assert {network: str(problem) for network, problem in manager.unloaded_defaults.items()} == {
        "autoencoder": "autoencoder.pth is a pointer of Git LFS, not the file itself: run `git lfs pull`."
    }


def test_recordings_that_hold_a_robot_in_another_way_are_found_by_its_name(tmp_path):
    write_v2(tmp_path / "sessions" / "someone" / "arm", lengths=(11, 11), cameras={})
    write_tub(tmp_path / "sessions" / "lap", [record(index) for index in range(9)])
    backend = Backend(tmp_path, "cpu")
    names = [f"someone/arm/episode_{index:06d}" for index in range(2)]
    assert list(backend.recordings_of(backend.sessions.get(names[0]).profile)) == names
    changes = backend.sessions.get(f"{names[0]}@action=change")
    assert list(backend.recordings_of(changes.profile)) == [f"{name}@action=change" for name in names]
    assert list(backend.recordings_of(backend.sessions.get("lap").profile)) == ["lap"]
