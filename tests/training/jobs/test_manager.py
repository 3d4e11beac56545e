import base64
import itertools
import json
import re
import threading
from dataclasses import replace

import pytest
import torch

from models import SharedWorldModel
from session import NoHistory
from tests.cases import every_case
from tests.models.small import small_config
from tests.promises import count
from tests.training.checkpoint_files import autoencoder, notebook_file, predictor
from tests.training.tiny import ENDLESS, FAST, are_equal, make_manager, request, shared_model, tensors_of, train, until
from training import (
    CheckpointError,
    CheckpointNotFound,
    CheckpointNotSaved,
    FixedSteps,
    FrameSelection,
    InvalidValue,
    JobRunning,
    LossThreshold,
    NothingToSave,
    NothingToTrain,
    TrainingManager,
)
from training.checkpoints.manifest import STATE_FILE, file_digest
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.jobs import trainer as trainer_module
from training.jobs import weight_diff as weight_diff_module


def in_use(manager):
    return {name: used.describe() for name, used in manager.shared.weights.items()}


def start(manager, recording, network="autoencoder", **options):
    """Start an endless job and wait for its first steps."""
    job = manager.train(request(recording, network, ENDLESS, **options))
    until(lambda: job.snapshot().step >= 2)
    return job


def press_at_once(managers, recording):
    """All at one moment: what each of them got, a job or a refusal's words."""
    barrier, got = threading.Barrier(len(managers)), {}

    def press(place):
        wanted = request(recording, condition=ENDLESS, started_by=f"visitor {place}")
        barrier.wait()
        try:
            got[place] = managers[place].train(wanted)
        except JobRunning as problem:
            got[place] = str(problem)

    threads = [threading.Thread(target=press, args=(place,)) for place in range(len(managers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


@pytest.mark.promise("two press Train")
def test_two_to_eight_who_press_train_at_once_get_exactly_one_job(manager, recording, figure):
    rounds, pressed, jobs, wrong = count(7, 50), 0, 0, []
    for number in range(rounds):
        got = press_at_once([manager] * (2 + number % 7), recording)
        (place,) = (place for place, one in got.items() if not isinstance(one, str))
        who, job = f"visitor {place}", got[place]
        subject = re.escape(f"autoencoder on frames 9 to 11 of {recording.name}")
        words = rf"Training is running \({subject}, step \d+ / 1,000,000, started by {who}\). Wait, or stop it first."
        wrong += [one for one in got.values() if isinstance(one, str) and not re.fullmatch(words, one)]
        pressed, jobs = pressed + len(got), jobs + 1
        assert manager.snapshot().started_by == f"visitor {place}"
        job.stop()
        assert job.wait(30)
    figure(
        f"{rounds} times 2 to 8 at once, {pressed} in all: {jobs} jobs, {len(wrong)} told anything but who, what, step"
    )
    assert jobs == rounds and wrong == []


@pytest.mark.promise("two press Train")
def test_programs_that_train_in_one_folder_at_once_get_exactly_one_job(manager, recording, figure):
    """A lock on a file knows no difference between programs and managers."""
    rounds, wrong = count(5, 50), []
    others = [make_manager(manager.directory) for _ in range(3)]
    for number in range(rounds):
        got = press_at_once([manager, *others][: 2 + number % 3], recording)
        (place,) = (place for place, one in got.items() if not isinstance(one, str))
        subject = re.escape(f"visitor {place}: autoencoder on frames 9 to 11 of {recording.name}")
        words = rf"Another program is training these networks \({subject}, step \d+ / 1,000,000\). .*"
        wrong += [one for one in got.values() if isinstance(one, str) and not re.fullmatch(words, one)]
        got[place].stop()
        assert got[place].wait(30)
    figure(f"{rounds} times 2 to 4 programs at once in one folder: {rounds} jobs, {len(wrong)} not told so")
    assert wrong == []


def test_while_a_job_runs_nobody_trains_or_loads(tmp_path, manager, recording):
    train(manager, recording)
    path = manager.directory / FILES["autoencoder"]
    job = start(manager, recording)
    for is_paused in (False, True):
        if is_paused:
            manager.pause()
        with pytest.raises(JobRunning, match=r"Training is running \(autoencoder on .*started by Ada"):
            manager.train(request(recording, "predictor"))
        with pytest.raises(JobRunning, match=r"Training is running \(autoencoder on .*started by Ada"):
            manager.load("autoencoder", path)
    manager.stop()
    assert manager.wait(20) and job.snapshot().status == "stopped"
    manager.load("autoencoder", path)
    assert train(manager, recording, "predictor").status == "finished"


def test_another_program_on_the_same_folder_is_kept_out_until_the_job_ends(manager, recording):
    other = make_manager(manager.directory)  # a lock on a file knows no difference between programs and objects
    start(manager, recording)
    for _ in range(3):
        with pytest.raises(JobRunning) as caught:
            other.train(request(recording, "predictor"))
    caught = str(caught.value)
    holder = f"Ada: autoencoder on frames 9 to 11 of {recording.name}"
    told = re.fullmatch(r"Another program is training these networks \((.*), step (\d+) / (.*)\). .*", caught)
    assert told.group(1, 3) == (holder, "1,000,000")
    assert other.snapshot() is None
    manager.stop()
    assert manager.wait(20)
    assert train(other, recording, "predictor").status == "finished"
    assert train(manager, recording).status == "finished"


def test_a_job_that_fails_leaves_the_folder_free(manager, recording, monkeypatch):
    monkeypatch.setattr(manager.trainer, "_record_steps", lambda networks: 1 / 0)
    assert train(manager, recording).status == "failed"
    assert train(make_manager(manager.directory), recording).status == "finished"


def test_pause_resume_and_stop_reach_the_job(manager, recording):
    job = start(manager, recording)
    manager.pause()
    until(lambda: manager.snapshot().status == "paused")
    manager.resume()
    step = job.snapshot().step
    until(lambda: job.snapshot().step > step)
    manager.stop()
    assert manager.wait(20) and manager.snapshot().status == "stopped"


def test_without_a_job_there_is_nothing_to_stop(manager, recording):
    assert manager.snapshot() is None and manager.wait(0)
    for command in (manager.pause, manager.resume, manager.stop):
        with pytest.raises(NothingToTrain):
            command()
    train(manager, recording)
    for command in (manager.pause, manager.resume, manager.stop):
        with pytest.raises(NothingToTrain):
            command()


def test_what_cannot_be_trained_leaves_the_manager_free(manager, recording):
    for subject, problem in ((FrameSelection(0, 0), NoHistory), (FrameSelection(0, 2), InvalidValue)):
        with pytest.raises(problem):
            manager.train(request(recording, "predictor", selection=subject))
    assert manager.snapshot() is None and not manager.directory.exists()
    assert train(manager, recording).status == "finished"


def test_with_nothing_learned_there_is_nothing_to_save(manager, recording):
    with pytest.raises(NothingToSave):
        manager.save()
    train(manager, recording, condition=LossThreshold(1000.0, 5))  # reached at once: no step was taken
    with pytest.raises(NothingToSave):
        manager.save()
    assert not list(manager.directory.glob("*.pth"))


def test_only_networks_that_learned_or_were_loaded_are_saved(manager, recording):
    assert train(manager, recording).saved == "autoencoder.pth (step 2)"
    assert manager.save().files == {"autoencoder.pth": 2}
    assert train(manager, recording, "predictor").saved == "autoencoder.pth (step 4), predictor_0.pth (step 2)"
    assert manager.save().files == {"autoencoder.pth": 4, "predictor_0.pth": 2}


def test_the_weights_in_use_are_named_after_steps_saves_and_loads(manager, recording):
    folder = manager.directory.name
    assert in_use(manager) == {"autoencoder": "untrained", "predictor": "untrained"}
    start(manager, recording, "predictor")
    manager.pause()
    until(lambda: manager.shared.weights["predictor"].step == manager.snapshot().step)
    step = manager.shared.weights["predictor"].step
    assert step >= 2 and manager.shared.weights["predictor"].file is None
    manager.stop()
    assert manager.wait(20)
    step = manager.snapshot().step
    assert in_use(manager) == {
        "autoencoder": f"{folder}/autoencoder.pth, step {step}",
        "predictor": f"{folder}/predictor_0.pth, step {step}",
    }
    other = make_manager(manager.directory)
    other.load("predictor", manager.directory / "predictor_0.pth")
    assert in_use(other)["predictor"] == f"{folder}/predictor_0.pth, step {step}"
    assert in_use(other)["autoencoder"] == "untrained"


def test_a_save_during_training_does_not_name_weights_that_have_moved_on(manager, recording, monkeypatch):
    real, job = trainer_module.write_contents, start(manager, recording)

    def slow(directory, contents, provenance):
        step = job.snapshot().step
        until(lambda: job.snapshot().step > step + 1)
        return real(directory, contents, provenance)

    monkeypatch.setattr(trainer_module, "write_contents", slow)
    saved = manager.save()
    used = manager.shared.weights["autoencoder"]
    assert used.file is None and used.step > saved.files["autoencoder.pth"]
    monkeypatch.setattr(trainer_module, "write_contents", real)
    assert read_checkpoint(manager.directory / "autoencoder.pth").step == saved.files["autoencoder.pth"]


def test_saves_from_many_threads_at_once_all_leave_whole_files(manager, recording):
    start(manager, recording, "predictor")
    problems, finished = [], []

    def save():
        try:
            for _ in range(2):
                manager.save()
                for name in FILES.values():
                    read_checkpoint(manager.directory / name)
            finished.append(True)
        except CheckpointError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    manager.stop()
    assert manager.wait(20) and problems == [] and len(finished) == 4
    other = make_manager(manager.directory)
    assert all(other.load(network, manager.directory / name).notes == () for network, name in FILES.items())


def test_training_changes_the_loaded_weights(tmp_path, manager, recording):
    train(manager, recording)
    other = make_manager(tmp_path / "other")
    other.load("autoencoder", manager.directory / "autoencoder.pth")
    loaded = tensors_of(other.shared.model)
    train(other, recording)
    assert not are_equal(tensors_of(other.shared.model), loaded)
    assert in_use(other)["autoencoder"] == "other/autoencoder.pth, step 4"


@pytest.fixture
def of_notebook(tmp_path):
    """A manager for networks of the size that the crafted files have."""
    return TrainingManager(SharedWorldModel(small_config(), torch.device("cpu")), tmp_path)


def test_an_optimizer_without_names_is_said_to_start_fresh(tmp_path, of_notebook):
    path = notebook_file(tmp_path / "predictor_0.pth", predictor(), copied=autoencoder())
    notes = of_notebook.load("predictor", path).notes
    assert len(notes) == 2 and "copy of an autoencoder" in notes[0]
    assert notes[1].startswith("Its optimizer could not be matched") and "fresh" in notes[1]
    optimizer = of_notebook.trainer.state.of("predictor")
    assert (optimizer.steps, optimizer.first_step) == (5, 5)  # one count of steps; the schedule starts anew


def test_a_fresh_optimizer_that_was_saved_is_no_mismatch(tmp_path, manager):
    torch.save(shared_model().model.autoencoder.state_dict(), tmp_path / "bare.pth")
    manager.load("autoencoder", tmp_path / "bare.pth")
    manager.save()
    assert manager.load("autoencoder", manager.directory / "autoencoder.pth").notes == ()


def test_weights_alone_need_no_word_about_an_optimizer(tmp_path, of_notebook):
    torch.save(autoencoder().state_dict(), tmp_path / "bare.pth")
    assert of_notebook.load("autoencoder", tmp_path / "bare.pth").notes == ()


def test_loading_drops_the_moments_of_the_weights_before(tmp_path, manager, recording):
    train(manager, recording, "predictor")
    torch.save(shared_model().model.predictor.state_dict(), tmp_path / "bare.pth")
    manager.load("predictor", tmp_path / "bare.pth")
    assert manager.trainer.state.of("predictor").steps == 0
    assert manager.trainer.state.of("autoencoder").steps == 2


def test_a_file_of_another_robots_folder_is_named(tmp_path, manager, recording):
    train(manager, recording)
    other = make_manager(tmp_path / "checkpoints" / "jetbot")
    (note,) = other.load("autoencoder", manager.directory / "autoencoder.pth").notes
    assert note == "It lies in the folder of toroidal_dot, not in that of jetbot."


def test_a_damaged_random_state_is_left_aside(manager, recording):
    train(manager, recording)
    state_file = manager.directory / STATE_FILE
    state = json.loads(state_file.read_text())
    size = len(base64.b64decode(state["random_state"]))
    for raw in (bytes(size), b"\xff" * size, b"x", b""):
        state_file.write_text(json.dumps(state | {"random_state": base64.b64encode(raw).decode()}))
        other = make_manager(manager.directory)
        random_state = other.trainer.state.generator.get_state()
        assert other.load("autoencoder", manager.directory / "autoencoder.pth").step == 2
        assert torch.equal(other.trainer.state.generator.get_state(), random_state)


def test_defaults_are_loaded_once_and_only_where_they_are(manager, recording):
    empty = make_manager(manager.directory)
    empty.load_defaults()
    assert in_use(empty) == {"autoencoder": "untrained", "predictor": "untrained"}
    train(manager, recording)
    empty.load_defaults()
    assert in_use(empty)["autoencoder"] == "untrained"
    other = make_manager(manager.directory)
    other.load_defaults()
    assert in_use(other) == {"autoencoder": "toroidal_dot/autoencoder.pth, step 2", "predictor": "untrained"}


def test_a_load_that_fails_leaves_everything_as_it_was(manager, recording):
    train(manager, recording)
    before, used = tensors_of(manager.shared.model), in_use(manager)
    with pytest.raises(CheckpointNotFound):
        manager.load("predictor", manager.directory / "nothing.pth")
    assert are_equal(tensors_of(manager.shared.model), before) and in_use(manager) == used
    assert manager.trainer.state.of("autoencoder").steps == 2


def test_a_folder_that_cannot_be_written_costs_no_training(tmp_path, recording):
    (tmp_path / "file").write_text("")
    manager = make_manager(tmp_path / "file" / "toroidal_dot")
    now = train(manager, recording)
    assert (now.status, now.step) == ("finished", 2)
    assert now.saved.startswith("The checkpoint was not saved (Not a directory)")
    with pytest.raises(CheckpointNotSaved):
        manager.save()
    assert in_use(manager)["autoencoder"] == "step 2"


def test_the_numbers_of_a_run_lie_beside_the_checkpoints(manager, recording):
    train(manager, recording, "predictor")
    lines = [json.loads(line) for line in manager.run_file.read_text().splitlines()]
    assert manager.run_file.parent == manager.directory / "runs"
    config = lines[0]["config"]
    assert (config["network"], config["max_steps"], config["predictor_lr"]) == ("predictor", 2, FAST.predictor_lr)
    assert lines[-1] == {"ended": manager.snapshot().message, "status": "finished"}
    assert [line["step"] for line in lines if "grad_norm" in line] == [1, 2]


def test_fixed_steps_go_on_where_the_last_job_ended(manager, recording):
    for total in (2, 4, 6):
        assert train(manager, recording, condition=FixedSteps(2)).step == 2
        assert manager.trainer.state.of("autoencoder").steps == total


def digests_in(manager):
    return {path.name: file_digest(path) for path in manager.directory.glob("*.pth")}


def test_a_run_of_many_saves_keeps_what_was_there_before_it_as_the_backup(manager, recording):
    train(manager, recording)
    before = digests_in(manager)["autoencoder.pth"]
    train(manager, recording, condition=FixedSteps(5), config=replace(FAST, save_every=1))
    after = digests_in(manager)
    assert after["autoencoder_backup.pth"] == before != after["autoencoder.pth"]
    assert set(after) == {"autoencoder.pth", "autoencoder_backup.pth"}


def test_a_checkpoint_that_was_never_loaded_is_kept_and_named(manager, recording):
    train(manager, recording)
    before = digests_in(manager)["autoencoder.pth"]
    restarted = make_manager(manager.directory)
    told = train(restarted, recording, condition=FixedSteps(3))
    assert [one.digests["autoencoder"] for one in restarted.versions()] == [before]
    assert "the previous weights are in the checkpoint history" in told.saved


def test_a_checkpoint_that_another_program_wrote_meanwhile_is_kept(manager, recording):
    train(manager, recording)
    other = make_manager(manager.directory)
    other.load("autoencoder", manager.directory / "autoencoder.pth")
    train(other, recording)
    newer = digests_in(manager)["autoencoder.pth"]
    assert "the previous weights are in the checkpoint history" in manager.save().describe()
    assert manager.versions()[0].digests["autoencoder"] == newer != digests_in(manager)["autoencoder.pth"]


def test_nothing_is_saved_while_another_program_trains_there(manager, recording):
    train(manager, recording)
    other = make_manager(manager.directory)
    job = start(other, recording)
    with pytest.raises(JobRunning, match="Another program is training"):
        manager.save()
    other.stop()
    assert job.wait(60)


def test_runs_begun_in_one_second_write_a_file_each(manager, recording):
    files = set()
    for _ in range(3):
        train(manager, recording)
        files.add(manager.run_file)
    assert len(files) == 3 and all(file.exists() for file in files)


def moved(changes):
    """Norm of the change of each network."""
    by_network = {"autoencoder": 0.0, "predictor": 0.0}
    for change in changes:
        by_network[change.after.network] += change.change**2
    return {network: total**0.5 for network, total in by_network.items()}


def distances(before, after):
    """The same, from all tensors of two moments."""
    squares = {key: (after[key].double() - before[key].double()).square().sum().item() for key in before}
    return {
        network: sum(square for key, square in squares.items() if key.startswith(network)) ** 0.5
        for network in ("autoencoder", "predictor")
    }


def test_before_the_first_job_there_are_no_weights_to_compare(manager):
    assert manager.weight_comparison() is None


def test_a_job_of_the_predictor_changes_layers_of_both_networks(manager, recording):
    before = tensors_of(manager.shared.model)
    train(manager, recording, "predictor")
    found = manager.weight_comparison()
    assert (found.network, found.subject) == ("predictor", manager.snapshot().subject)
    assert (found.first_step, found.last_step, found.steps, found.is_running) == (0, 2, 2, False)
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(manager.shared.model)), rel=1e-6)
    still = {change.after.name for change in found.changes if not change.change}
    assert still == set() and {change.after.network for change in found.changes} == {"autoencoder", "predictor"}


def test_a_job_of_the_autoencoder_leaves_the_predictor_as_it_was(manager, recording):
    train(manager, recording)
    found = manager.weight_comparison()
    assert found.network == "autoencoder"
    assert all((change.change > 0) == (change.after.network == "autoencoder") for change in found.changes)


def test_a_running_job_is_compared_with_what_was_before_it(manager, recording):
    train(manager, recording)
    before = tensors_of(manager.shared.model)
    start(manager, recording)
    manager.pause()
    until(lambda: manager.snapshot().status == "paused")
    found = manager.weight_comparison()
    assert found.is_running and (found.first_step, found.steps) == (2, manager.snapshot().step)
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(manager.shared.model)), rel=1e-6)
    manager.resume()
    until(lambda: manager.weight_comparison().steps > found.steps)
    manager.stop()
    assert manager.wait(20)
    last = manager.weight_comparison()
    assert not last.is_running and last.steps == manager.snapshot().step > found.steps


def test_each_comparison_beside_training_is_that_of_a_whole_step(manager, recording):
    known, record_steps = {}, manager.trainer._record_steps

    def record(networks):
        record_steps(networks)
        found = manager.weight_comparison()
        known[found.last_step] = moved(found.changes)

    start(manager, recording, "predictor")
    manager.trainer._record_steps = record
    until(lambda: known)
    first, found = min(known), []

    def has_seen_several_steps():
        found.append(manager.weight_comparison())
        return len({one.last_step for one in found}) > 2

    until(has_seen_several_steps)
    manager.stop()
    assert manager.wait(20)
    assert all(moved(one.changes) == known[one.last_step] for one in found if one.last_step >= first)


def test_the_comparison_of_an_ended_job_outlives_loads_and_needs_no_copy(manager, recording):
    train(manager, recording)
    found = manager.weight_comparison()
    assert manager._weight_diff._before is None
    train_elsewhere = make_manager(manager.directory.with_name("other"))
    train(train_elsewhere, recording, "predictor")
    for network, name in FILES.items():
        manager.load(network, train_elsewhere.directory / name)
    assert manager.weight_comparison() is found
    loaded = tensors_of(manager.shared.model)
    train(manager, recording)
    again = manager.weight_comparison()
    assert moved(again.changes) == pytest.approx(distances(loaded, tensors_of(manager.shared.model)), rel=1e-6)


def test_the_snapshot_of_an_ended_job_does_not_wait(manager, recording):
    train(manager, recording)
    held, looked, found = threading.Event(), threading.Event(), []

    def hold():
        with manager.shared.lock:
            held.set()
            looked.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    looking = threading.Thread(target=lambda: found.append(manager.weight_comparison()))
    looking.start()
    looking.join(10)
    looked.set()
    holder.join(20)
    assert found and found[0].steps == 2


def test_a_job_that_took_no_step_has_changed_nothing(manager, recording):
    train(manager, recording, condition=LossThreshold(1000.0, 5))
    found = manager.weight_comparison()
    assert found.steps == 0 and moved(found.changes) == {"autoencoder": 0.0, "predictor": 0.0}


NO_MEMORY = [
    RuntimeError("DefaultCPUAllocator: can't allocate memory"),
    MemoryError(),
    torch.OutOfMemoryError(),
]


@every_case("part, problem", itertools.product(["copy_weights", "weight_changes"], NO_MEMORY))
def test_weights_that_cannot_be_compared_cost_no_job(tmp_path, recording, caplog, part, problem):
    def fail(*arguments):
        raise problem

    caplog.clear()
    manager = make_manager(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(weight_diff_module, part, fail)
        now = train(manager, recording)
        assert (now.status, now.step, now.saved) == ("finished", 2, "autoencoder.pth (step 2)")
        assert manager.weight_comparison() is None and manager._weight_diff._before is None
    assert "were not compared" in caplog.text
    assert train(manager, recording).status == "finished" and manager.weight_comparison().steps == 2


def test_a_look_that_fails_for_want_of_memory_leaves_the_next_one_possible(manager, recording, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    start(manager, recording)
    with monkeypatch.context() as patched:
        patched.setattr(weight_diff_module, "weight_changes", fail)
        assert manager.weight_comparison() is None
    assert manager.weight_comparison().steps >= 2
    manager.stop()
    assert manager.wait(20) and manager.weight_comparison().steps == manager.snapshot().step


def test_a_job_that_fails_is_compared_all_the_same(manager, recording, monkeypatch):
    before, record_steps = tensors_of(manager.shared.model), manager.trainer._record_steps

    def record(networks):
        record_steps(networks)
        raise ZeroDivisionError

    monkeypatch.setattr(manager.trainer, "_record_steps", record)
    assert train(manager, recording).status == "failed"
    found = manager.weight_comparison()
    assert found.steps == 1 and not found.is_running
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(manager.shared.model)), rel=1e-6)
