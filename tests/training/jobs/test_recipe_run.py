"""Runs of the recipe as the page begins and continues them."""

import json
import threading

import pytest
import torch

from session import JETBOT, TOROIDAL_DOT, load_session, record_demo
from tests.session.session_files import change_meta
from tests.training.tiny import are_equal, shared_model, until
from training import InvalidValue, backend
from training.checkpoints.paths import FILES
from training.checkpoints.reader import read_checkpoint
from training.jobs.recipe_estimate import estimate_recipe, first_frames
from training.recipe import RecipeConfig, UniqueFrames, is_held_out

SMALL = RecipeConfig(
    autoencoder_steps=6, autoencoder_batch=2, predictor_steps=8, dream_steps=4, kept_patches=6, predictor_batch=2
)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """A folder with two recordings."""
    folder = tmp_path_factory.mktemp("two") / "sessions"
    for seed in (1, 2):
        record_demo(folder, "toroidal_dot", 12, seed=seed)
    return folder


@pytest.fixture(scope="module")
def estimate(sessions):
    """The estimate of a run, measured once."""
    return estimate_recipe(shared_model(), load_session(next((sessions / "toroidal_dot").iterdir())))


@pytest.fixture
def open_backend(tmp_path, sessions, estimate, monkeypatch):
    """A function that makes a backend over the recordings, as each start of a program does."""
    (tmp_path / "sessions").symlink_to(sessions)
    monkeypatch.setattr(backend, "standard_config", lambda frames: SMALL)
    monkeypatch.setattr(backend, "estimate_recipe", lambda *given: estimate)

    def make():
        made = backend.Backend(tmp_path, "cpu")
        model = shared_model()
        monkeypatch.setattr(made._world_models, "get", lambda key, channels: model)
        return made

    return make


def begin(made, **options):
    return made.begin_recipe(made.recordings_of(TOROIDAL_DOT), "Ada", **options)


def tensors(folder):
    return {name: read_checkpoint(folder / name).tensors for name in ("autoencoder.pth", "predictor_0.pth")}


def test_a_run_on_all_recordings_keeps_measures_looks_and_the_networks_from_before(open_backend, tmp_path):
    made = open_backend()
    first = begin(made)
    assert first.wait(60) and first.snapshot().status == "finished", first.snapshot().message
    now, manager = first.snapshot(), made.manager(TOROIDAL_DOT)
    assert [(pace.name, pace.steps, pace.taken) for pace in now.paces] == [
        ("reconstruct", 6, 6), ("predict", 8, 8), ("rollout", 4, 4),
    ]  # fmt: skip
    assert all(pace.estimated_s > 0 and pace.measured_s > 0 for pace in now.paces)
    assert now.subject == "2 Toroidal Dot recordings" and set(now.measures) == {"skill"} and len(now.references) == 2
    looks = manager.looks().looks
    assert {look.phase for look in looks} == {"reconstruct", "predict", "rollout"} and looks[-1].step == 18
    head = json.loads(manager.run_file.read_text().splitlines()[0])
    assert len(head["config"]["recipe"]["recordings"]) == 2

    before = tensors(manager.directory)
    second = begin(made)
    second.pause()
    served = manager.served
    assert served is not manager.shared and all(one.is_trained for one in served.weights.values())
    assert are_equal(served.network("predictor").state_dict(), before["predictor_0.pth"])
    shown = manager.looks()  # never of the run before
    assert shown is None or f"{shown.run}.jsonl" == second.snapshot().log
    second.resume()
    assert second.wait(60) and manager.served is manager.shared
    assert "the previous weights are in the checkpoint history" in second.snapshot().saved
    (version,) = manager.versions()
    origin = version.newest.origin
    assert origin.made_by == "training a world model on 2 Toroidal Dot recordings"
    assert origin.recording_count == len(origin.recordings) == 2 and origin.code
    assert all(
        are_equal(read_checkpoint(version.path(manager.directory, network)).tensors, before[name])
        for network, name in FILES.items()
    )
    # The same seed: fresh networks learn the same.
    assert all(are_equal(one, before[name]) for name, one in tensors(manager.directory).items())


def test_a_stopped_run_can_be_resumed_by_the_next_program_and_a_finished_one_cannot(open_backend, tmp_path):
    made = open_backend()
    session_id, recording = next(iter(made.recordings_of(TOROIDAL_DOT).items()))
    made.marks.flag(session_id, recording, 2, 3, "bumped")
    job = begin(made, leaves_out_flagged=True)
    until(lambda: job.snapshot().step >= 7)
    job.stop()
    assert job.wait(60) and job.snapshot().is_resumable and not job.snapshot().is_active
    assert job.snapshot().subject == "2 Toroidal Dot recordings, without 2 flagged frames"
    again = open_backend()
    again.marks.flag(session_id, recording, None, None, "flagged later, which the run must not notice")
    last = again.loaded_manager(TOROIDAL_DOT).last_run()
    assert last.status == "stopped" and last.is_resumable and "press Resume" in last.saved and last.measures["skill"]
    path = again.manager(TOROIDAL_DOT).directory / FILES["predictor"]
    saved, content = path.read_bytes(), torch.load(path, weights_only=True)
    torch.save(content | {"scheduler_state_dict": {"last_epoch": 100}}, path)  # as if a version had been restored
    with pytest.raises(InvalidValue, match="are not those that the interrupted run has saved"):
        again.resume_recipe(TOROIDAL_DOT, "Bob")
    path.write_bytes(saved)
    rest = again.resume_recipe(TOROIDAL_DOT, "Bob")
    assert rest.wait(60) and rest.snapshot().step == 18 and rest.snapshot().subject == job.snapshot().subject
    looks = again.manager(TOROIDAL_DOT).looks().looks
    assert looks[0].step == 0 and looks[-1].step == 18
    with pytest.raises(InvalidValue, match="no interrupted run of toroidal_dot"):
        again.resume_recipe(TOROIDAL_DOT, "Bob")


@pytest.mark.parametrize("is_on_disk", [True, False])
def test_a_run_that_ends_before_its_first_step_leaves_the_networks_from_before(open_backend, monkeypatch, is_on_disk):
    made = open_backend()
    assert begin(made).wait(60)
    manager = made.manager(TOROIDAL_DOT)
    before = tensors(manager.directory)
    weights = dict(manager.shared.weights)
    if not is_on_disk:
        for name in before:
            (manager.directory / name).unlink()
    is_stopped, begin_phase = threading.Event(), manager.trainer.begin_phase
    monkeypatch.setattr(manager.trainer, "begin_phase", lambda phase: is_stopped.wait(60) and begin_phase(phase))
    job = begin(made)
    job.stop()
    is_stopped.set()
    assert job.wait(60) and job.snapshot().step == 0 and not job.snapshot().saved
    assert manager.served is manager.shared and manager.shared.weights == weights
    assert are_equal(manager.shared.network("autoencoder").state_dict(), before["autoencoder.pth"])
    assert are_equal(manager.shared.network("predictor").state_dict(), before["predictor_0.pth"])


def test_without_recordings_that_are_long_enough_nothing_is_replaced(open_backend, sessions):
    made = open_backend()
    short = first_frames(load_session(next((sessions / "toroidal_dot").iterdir())), 1)
    with pytest.raises(InvalidValue, match="joined by an action"):
        made.begin_recipe({"short": short}, "Ada")
    made.marks.flag("short", short, None, None, "")
    with pytest.raises(InvalidValue, match="This recording is flagged as a whole"):
        made.begin_recipe({"short": short}, "Ada", leaves_out_flagged=True)
    assert made.manager(TOROIDAL_DOT).snapshot() is None and not made.recordings_of(JETBOT)


def test_the_estimate_names_every_phase(estimate):
    assert set(estimate.step_seconds) == {"reconstruct", "predict", "rollout"}
    steps = RecipeConfig()
    assert estimate.seconds > steps.predictor_steps * estimate.step_seconds["predict"] > 0


def test_of_a_real_camera_the_end_of_each_recording_is_held_out(tmp_path):
    folder = tmp_path / record_demo(tmp_path, "jetbot_sim", 40, seed=1)
    change_meta(folder, simulator=None)
    frames = UniqueFrames([load_session(folder)], is_held_out)
    held_out = [frames.source(number)[1] for number in range(len(frames)) if frames.is_held_out[number]]
    assert held_out and min(held_out) >= 32 and len(held_out) < 8
