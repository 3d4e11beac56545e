import base64
import json
import re
import threading
from dataclasses import replace

import pytest
import torch

from models import SharedWorldModel
from session import NoHistory
from tests.models.small import small_config
from tests.promises import count
from tests.training.crafted import autoencoder, notebook_file, predictor
from tests.training.tiny import ENDLESS, FAST, are_equal, make_workshop, order, shared_model, tensors_of, train, until
from training import (
    BadTrainingValue,
    CheckpointError,
    CheckpointNotFound,
    CheckpointNotSaved,
    FixedSteps,
    JobRunning,
    LossThreshold,
    NothingToSave,
    NothingToTrain,
    Subject,
    Workshop,
    Workshops,
)
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES, STATE_FILE, file_digest
from training.jobs import manager as workshop_module
from training.jobs import weight_diff as weight_watch_module


def in_use(workshop):
    return {name: used.describe() for name, used in workshop.shared.weights.items()}


def start(workshop, recording, network="autoencoder", **options):
    """Start an endless job and wait for its first steps."""
    job = workshop.train(order(recording, network, ENDLESS, **options))
    until(lambda: job.snapshot().step >= 2)
    return job


def press_at_once(workshops, recording):
    """All at one moment: what each of them got, a job or a refusal's words."""
    barrier, got = threading.Barrier(len(workshops)), {}

    def press(place):
        wanted = order(recording, condition=ENDLESS, started_by=f"visitor {place}")
        barrier.wait()
        try:
            got[place] = workshops[place].train(wanted)
        except JobRunning as problem:
            got[place] = str(problem)

    threads = [threading.Thread(target=press, args=(place,)) for place in range(len(workshops))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


@pytest.mark.promise("two press Train")
def test_two_to_eight_who_press_train_at_once_get_exactly_one_job(workshop, recording, figure):
    rounds, pressed, jobs, wrong = count(7, 50), 0, 0, []
    for number in range(rounds):
        got = press_at_once([workshop] * (2 + number % 7), recording)
        (place,) = (place for place, one in got.items() if not isinstance(one, str))
        who, job = f"Visitor {place}", got[place]
        subject = re.escape(f"trains the autoencoder on frames 3 to 11 of {recording.name}")
        words = rf"{who} {subject}: step \d+ of at most 1,000,000. Wait until it ends, or press Stop."
        wrong += [one for one in got.values() if isinstance(one, str) and not re.fullmatch(words, one)]
        pressed, jobs = pressed + len(got), jobs + 1
        assert workshop.snapshot().started_by == f"visitor {place}"
        job.stop()
        assert job.wait(30)
    figure(
        f"{rounds} times 2 to 8 at once, {pressed} in all: {jobs} jobs, {len(wrong)} told anything but who, what, step"
    )
    assert jobs == rounds and wrong == []


@pytest.mark.promise("two press Train")
def test_programs_that_train_in_one_folder_at_once_get_exactly_one_job(workshop, recording, figure):
    """A lock on a file knows no difference between programs and workshops."""
    rounds, wrong = count(5, 50), []
    others = [make_workshop(workshop.directory) for _ in range(3)]
    for number in range(rounds):
        got = press_at_once([workshop, *others][: 2 + number % 3], recording)
        (place,) = (place for place, one in got.items() if not isinstance(one, str))
        subject = re.escape(f"visitor {place}: autoencoder on frames 3 to 11 of {recording.name}")
        words = rf"Another program trains this robot's networks \({subject}, step \d+ of at most 1,000,000\). .*"
        wrong += [one for one in got.values() if isinstance(one, str) and not re.fullmatch(words, one)]
        got[place].stop()
        assert got[place].wait(30)
    figure(f"{rounds} times 2 to 4 programs at once in one folder: {rounds} jobs, {len(wrong)} not told so")
    assert wrong == []


def test_while_a_job_runs_nobody_trains_or_loads(tmp_path, workshop, recording):
    train(workshop, recording)
    path = workshop.directory / FILES["autoencoder"]
    job = start(workshop, recording)
    for is_paused in (False, True):
        if is_paused:
            workshop.pause()
        with pytest.raises(JobRunning, match="Ada trains the autoencoder"):
            workshop.train(order(recording, "predictor"))
        with pytest.raises(JobRunning, match="Ada trains the autoencoder"):
            workshop.load("autoencoder", path)
    workshop.stop()
    assert workshop.wait(20) and job.snapshot().status == "stopped"
    workshop.load("autoencoder", path)
    assert train(workshop, recording, "predictor").status == "finished"


def test_another_program_on_the_same_folder_is_kept_out_until_the_job_ends(workshop, recording):
    other = make_workshop(workshop.directory)  # a lock on a file knows no difference between programs and objects
    start(workshop, recording)
    for _ in range(3):
        with pytest.raises(JobRunning) as caught:
            other.train(order(recording, "predictor"))
    caught = str(caught.value)
    holder = f"Ada: autoencoder on frames 3 to 11 of {recording.name}"
    told = re.fullmatch(
        r"Another program trains this robot's networks \((.*), step (\d+) of at most (.*)\). .*", caught
    )
    assert told.group(1, 3) == (holder, "1,000,000")
    assert other.snapshot() is None
    workshop.stop()
    assert workshop.wait(20)
    assert train(other, recording, "predictor").status == "finished"
    assert train(workshop, recording).status == "finished"


def test_a_job_that_fails_leaves_the_folder_free(workshop, recording, monkeypatch):
    monkeypatch.setattr(workshop, "_note_steps", lambda network: 1 / 0)
    assert train(workshop, recording).status == "failed"
    assert train(make_workshop(workshop.directory), recording).status == "finished"


def test_pause_resume_and_stop_reach_the_job(workshop, recording):
    job = start(workshop, recording)
    workshop.pause()
    until(lambda: workshop.snapshot().status == "paused")
    workshop.resume()
    step = job.snapshot().step
    until(lambda: job.snapshot().step > step)
    workshop.stop()
    assert workshop.wait(20) and workshop.snapshot().status == "stopped"


def test_without_a_job_there_is_nothing_to_stop(workshop, recording):
    assert workshop.snapshot() is None and workshop.wait(0)
    for command in (workshop.pause, workshop.resume, workshop.stop):
        with pytest.raises(NothingToTrain):
            command()
    train(workshop, recording)
    for command in (workshop.pause, workshop.resume, workshop.stop):
        with pytest.raises(NothingToTrain):
            command()


def test_what_cannot_be_trained_leaves_the_workshop_free(workshop, recording):
    for subject, problem in ((Subject(0, 0), NoHistory), (Subject(0, 2), BadTrainingValue)):
        with pytest.raises(problem):
            workshop.train(order(recording, "predictor", subject=subject))
    assert workshop.snapshot() is None and not workshop.directory.exists()
    assert train(workshop, recording).status == "finished"


def test_with_nothing_learned_there_is_nothing_to_save(workshop, recording):
    with pytest.raises(NothingToSave):
        workshop.save()
    train(workshop, recording, condition=LossThreshold(1000.0, 5))  # reached at once: no step was taken
    with pytest.raises(NothingToSave):
        workshop.save()
    assert not list(workshop.directory.glob("*.pth"))


def test_only_networks_that_learned_or_were_loaded_are_saved(workshop, recording):
    assert train(workshop, recording).saved == "autoencoder.pth (step 2)"
    assert workshop.save().files == {"autoencoder.pth": 2}
    assert train(workshop, recording, "predictor").saved == "autoencoder.pth (step 4), predictor_0.pth (step 2)"
    assert workshop.save().files == {"autoencoder.pth": 4, "predictor_0.pth": 2}


def test_the_weights_in_use_are_told_after_steps_saves_and_loads(workshop, recording):
    folder = workshop.directory.name
    assert in_use(workshop) == {"autoencoder": "untrained", "predictor": "untrained"}
    start(workshop, recording, "predictor")
    workshop.pause()
    until(lambda: workshop.shared.weights["predictor"].step == workshop.snapshot().step)
    step = workshop.shared.weights["predictor"].step
    assert step >= 2 and workshop.shared.weights["predictor"].file is None
    workshop.stop()
    assert workshop.wait(20)
    step = workshop.snapshot().step
    assert in_use(workshop) == {
        "autoencoder": f"{folder}/autoencoder.pth, step {step}",
        "predictor": f"{folder}/predictor_0.pth, step {step}",
    }
    other = make_workshop(workshop.directory)
    other.load("predictor", workshop.directory / "predictor_0.pth")
    assert in_use(other)["predictor"] == f"{folder}/predictor_0.pth, step {step}"
    assert in_use(other)["autoencoder"] == "untrained"


def test_a_save_during_training_does_not_name_weights_that_have_moved_on(workshop, recording, monkeypatch):
    real, job = workshop_module.write_contents, start(workshop, recording)

    def slow(directory, contents, lineage):
        step = job.snapshot().step
        until(lambda: job.snapshot().step > step + 1)
        return real(directory, contents, lineage)

    monkeypatch.setattr(workshop_module, "write_contents", slow)
    saved = workshop.save()
    used = workshop.shared.weights["autoencoder"]
    assert used.file is None and used.step > saved.files["autoencoder.pth"]
    monkeypatch.setattr(workshop_module, "write_contents", real)
    assert read_checkpoint(workshop.directory / "autoencoder.pth").step == saved.files["autoencoder.pth"]


def test_saves_from_many_threads_at_once_all_leave_whole_files(workshop, recording):
    start(workshop, recording, "predictor")
    problems, finished = [], []

    def save():
        try:
            for _ in range(3):
                workshop.save()
                for name in FILES.values():
                    read_checkpoint(workshop.directory / name)
            finished.append(True)
        except CheckpointError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    workshop.stop()
    assert workshop.wait(20) and problems == [] and len(finished) == 4
    other = make_workshop(workshop.directory)
    assert all(other.load(network, workshop.directory / name).notes == () for network, name in FILES.items())


def test_training_changes_the_loaded_weights(tmp_path, workshop, recording):
    train(workshop, recording)
    other = make_workshop(tmp_path / "other")
    other.load("autoencoder", workshop.directory / "autoencoder.pth")
    loaded = tensors_of(other.shared.model)
    train(other, recording)
    assert not are_equal(tensors_of(other.shared.model), loaded)
    assert in_use(other)["autoencoder"] == "other/autoencoder.pth, step 4"


@pytest.fixture
def of_notebook(tmp_path):
    """A workshop for networks of the size that the crafted files have."""
    return Workshop(SharedWorldModel(small_config(), torch.device("cpu")), tmp_path)


def test_an_optimizer_without_names_is_said_to_start_fresh(tmp_path, of_notebook):
    path = notebook_file(tmp_path / "predictor_0.pth", predictor(), copied=autoencoder())
    notes = of_notebook.load("predictor", path).notes
    assert len(notes) == 2 and "copy of an autoencoder" in notes[0]
    assert notes[1].startswith("Its optimizer could not be matched") and "fresh" in notes[1]
    assert of_notebook._optimizers.of("predictor").steps == 0


def test_a_fresh_optimizer_that_was_saved_is_no_mismatch(tmp_path, workshop):
    torch.save(shared_model().model.autoencoder.state_dict(), tmp_path / "bare.pth")
    workshop.load("autoencoder", tmp_path / "bare.pth")
    workshop.save()
    assert workshop.load("autoencoder", workshop.directory / "autoencoder.pth").notes == ()


def test_weights_alone_need_no_word_about_an_optimizer(tmp_path, of_notebook):
    torch.save(autoencoder().state_dict(), tmp_path / "bare.pth")
    assert of_notebook.load("autoencoder", tmp_path / "bare.pth").notes == ()


def test_loading_drops_the_moments_of_the_weights_before(tmp_path, workshop, recording):
    train(workshop, recording, "predictor")
    torch.save(shared_model().model.predictor.state_dict(), tmp_path / "bare.pth")
    workshop.load("predictor", tmp_path / "bare.pth")
    assert workshop._optimizers.of("predictor").steps == 0
    assert workshop._optimizers.of("autoencoder").steps == 2


def test_a_file_of_another_robots_folder_is_told(tmp_path, workshop, recording):
    train(workshop, recording)
    other = make_workshop(tmp_path / "checkpoints" / "jetbot")
    (note,) = other.load("autoencoder", workshop.directory / "autoencoder.pth").notes
    assert note == "It lies in the folder of toroidal_dot, not in that of jetbot."


def test_a_damaged_random_state_is_left_aside(workshop, recording):
    train(workshop, recording)
    state_file = workshop.directory / STATE_FILE
    state = json.loads(state_file.read_text())
    size = len(base64.b64decode(state["random_state"]))
    for raw in (bytes(size), b"\xff" * size, b"x", b""):
        state_file.write_text(json.dumps(state | {"random_state": base64.b64encode(raw).decode()}))
        other = make_workshop(workshop.directory)
        random_state = other._optimizers.generator.get_state()
        assert other.load("autoencoder", workshop.directory / "autoencoder.pth").step == 2
        assert torch.equal(other._optimizers.generator.get_state(), random_state)


def test_defaults_are_loaded_once_and_only_where_they_are(workshop, recording):
    empty = make_workshop(workshop.directory)
    empty.load_defaults()
    assert in_use(empty) == {"autoencoder": "untrained", "predictor": "untrained"}
    train(workshop, recording)
    empty.load_defaults()
    assert in_use(empty)["autoencoder"] == "untrained"
    other = make_workshop(workshop.directory)
    other.load_defaults()
    assert in_use(other) == {"autoencoder": "toroidal_dot/autoencoder.pth, step 2", "predictor": "untrained"}


def test_a_load_that_fails_leaves_everything_as_it_was(workshop, recording):
    train(workshop, recording)
    before, used = tensors_of(workshop.shared.model), in_use(workshop)
    with pytest.raises(CheckpointNotFound):
        workshop.load("predictor", workshop.directory / "nothing.pth")
    assert are_equal(tensors_of(workshop.shared.model), before) and in_use(workshop) == used
    assert workshop._optimizers.of("autoencoder").steps == 2


def test_a_folder_that_cannot_be_written_costs_no_training(tmp_path, recording):
    (tmp_path / "file").write_text("")
    workshop = make_workshop(tmp_path / "file" / "toroidal_dot")
    now = train(workshop, recording)
    assert (now.status, now.step) == ("finished", 2)
    assert now.saved.startswith("The checkpoint was not saved (Not a directory)")
    with pytest.raises(CheckpointNotSaved):
        workshop.save()
    assert in_use(workshop)["autoencoder"] == "step 2"


def test_the_numbers_of_a_run_lie_beside_the_checkpoints(workshop, recording):
    train(workshop, recording, "predictor")
    lines = [json.loads(line) for line in workshop.run_file.read_text().splitlines()]
    assert workshop.run_file.parent == workshop.directory / "runs"
    config = lines[0]["config"]
    assert (config["network"], config["max_steps"], config["predictor_lr"]) == ("predictor", 2, FAST.predictor_lr)
    assert lines[-1] == {"ended": workshop.snapshot().message}
    assert [line["step"] for line in lines if "grad_norm" in line] == [1, 2]


def test_each_robot_has_one_workshop(tmp_path, recording):
    workshops, first, second = Workshops(tmp_path), shared_model(), shared_model()
    assert workshops.get(first, "jetbot") is workshops.get(first, "jetbot")
    assert workshops.get(first, "jetbot") is not workshops.get(second, "toroidal_dot")
    assert workshops.run_file("jetbot") is None
    train(workshops.get(second, "toroidal_dot"), recording)
    assert workshops.run_file("toroidal_dot").parent == tmp_path / "toroidal_dot" / "runs"
    assert workshops.run_file("jetbot") is None


def test_closing_stops_every_job_and_saves(tmp_path, recording):
    workshops = Workshops(tmp_path)
    jobs = [start(workshops.get(shared_model(), name), recording) for name in ("one", "two")]
    workshops.get(shared_model(), "idle")
    workshops.close(timeout_s=30)
    for job, name in zip(jobs, ("one", "two"), strict=True):
        now = job.snapshot()
        assert now.status == "interrupted"
        assert read_checkpoint(tmp_path / name / "autoencoder.pth").step == now.step


def test_fixed_steps_go_on_where_the_last_job_ended(workshop, recording):
    for total in (2, 4, 6):
        assert train(workshop, recording, condition=FixedSteps(2)).step == 2
        assert workshop._optimizers.of("autoencoder").steps == total


def digests_in(workshop):
    return {path.name: file_digest(path) for path in workshop.directory.glob("*.pth")}


def test_a_run_of_many_saves_keeps_what_was_there_before_it_as_the_backup(workshop, recording):
    train(workshop, recording)
    before = digests_in(workshop)["autoencoder.pth"]
    train(workshop, recording, condition=FixedSteps(5), config=replace(FAST, save_every=1))
    after = digests_in(workshop)
    assert after["autoencoder_backup.pth"] == before != after["autoencoder.pth"]
    assert set(after) == {"autoencoder.pth", "autoencoder_backup.pth"}


def test_a_checkpoint_that_was_never_loaded_is_kept_and_told(workshop, recording):
    train(workshop, recording)
    before = digests_in(workshop)["autoencoder.pth"]
    restarted = make_workshop(workshop.directory)
    told = train(restarted, recording, condition=FixedSteps(3))
    (kept,) = [name for name, digest in digests_in(restarted).items() if digest == before]
    assert kept.startswith("autoencoder_2") and f"kept as {kept}" in told.saved


def test_a_checkpoint_that_another_program_wrote_meanwhile_is_kept(workshop, recording):
    train(workshop, recording)
    other = make_workshop(workshop.directory)
    other.load("autoencoder", workshop.directory / "autoencoder.pth")
    train(other, recording)
    newer = digests_in(workshop)["autoencoder.pth"]
    (kept,) = workshop.save().kept
    assert digests_in(workshop)[kept] == newer != digests_in(workshop)["autoencoder.pth"]


def test_nothing_is_saved_while_another_program_trains_there(workshop, recording):
    train(workshop, recording)
    other = make_workshop(workshop.directory)
    job = start(other, recording)
    with pytest.raises(JobRunning, match="Another program trains"):
        workshop.save()
    other.stop()
    assert job.wait(60)


def test_runs_begun_in_one_second_write_a_file_each(workshop, recording):
    files = set()
    for _ in range(3):
        train(workshop, recording)
        files.add(workshop.run_file)
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


def test_before_the_first_job_there_are_no_weights_to_compare(workshop):
    assert workshop.weight_comparison() is None


def test_a_job_of_the_predictor_changes_layers_of_both_networks(workshop, recording):
    before = tensors_of(workshop.shared.model)
    train(workshop, recording, "predictor")
    found = workshop.weight_comparison()
    assert (found.network, found.subject) == ("predictor", workshop.snapshot().subject)
    assert (found.first_step, found.last_step, found.steps, found.is_running) == (0, 2, 2, False)
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(workshop.shared.model)), rel=1e-6)
    still = {change.after.name for change in found.changes if not change.change}
    assert still == set() and {change.after.network for change in found.changes} == {"autoencoder", "predictor"}


def test_a_job_of_the_autoencoder_leaves_the_predictor_as_it_was(workshop, recording):
    train(workshop, recording)
    found = workshop.weight_comparison()
    assert found.network == "autoencoder"
    assert all((change.change > 0) == (change.after.network == "autoencoder") for change in found.changes)


def test_a_running_job_is_compared_with_what_was_before_it(workshop, recording):
    train(workshop, recording)
    before = tensors_of(workshop.shared.model)
    start(workshop, recording)
    workshop.pause()
    until(lambda: workshop.snapshot().status == "paused")
    found = workshop.weight_comparison()
    assert found.is_running and (found.first_step, found.steps) == (2, workshop.snapshot().step)
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(workshop.shared.model)), rel=1e-6)
    workshop.resume()
    until(lambda: workshop.weight_comparison().steps > found.steps)
    workshop.stop()
    assert workshop.wait(20)
    last = workshop.weight_comparison()
    assert not last.is_running and last.steps == workshop.snapshot().step > found.steps


def test_each_comparison_beside_training_is_that_of_a_whole_step(workshop, recording):
    known, note_steps = {}, workshop._note_steps

    def note(network):
        note_steps(network)
        found = workshop.weight_comparison()
        known[found.last_step] = moved(found.changes)

    start(workshop, recording, "predictor")
    workshop._note_steps = note
    until(lambda: known)
    first, found = min(known), []

    def has_seen_several_steps():
        found.append(workshop.weight_comparison())
        return len({one.last_step for one in found}) > 2

    until(has_seen_several_steps)
    workshop.stop()
    assert workshop.wait(20)
    assert all(moved(one.changes) == known[one.last_step] for one in found if one.last_step >= first)


def test_the_comparison_of_an_ended_job_outlives_loads_and_needs_no_copy(workshop, recording):
    train(workshop, recording)
    found = workshop.weight_comparison()
    assert workshop._watch._before is None
    train_elsewhere = make_workshop(workshop.directory.with_name("other"))
    train(train_elsewhere, recording, "predictor")
    for network, name in FILES.items():
        workshop.load(network, train_elsewhere.directory / name)
    assert workshop.weight_comparison() is found
    loaded = tensors_of(workshop.shared.model)
    train(workshop, recording)
    again = workshop.weight_comparison()
    assert moved(again.changes) == pytest.approx(distances(loaded, tensors_of(workshop.shared.model)), rel=1e-6)


def test_a_look_at_an_ended_job_waits_for_nobody(workshop, recording):
    train(workshop, recording)
    held, looked, found = threading.Event(), threading.Event(), []

    def hold():
        with workshop.shared.lock:
            held.set()
            looked.wait(20)

    holder = threading.Thread(target=hold)
    holder.start()
    assert held.wait(20)
    looking = threading.Thread(target=lambda: found.append(workshop.weight_comparison()))
    looking.start()
    looking.join(10)
    looked.set()
    holder.join(20)
    assert found and found[0].steps == 2


def test_a_job_that_took_no_step_has_changed_nothing(workshop, recording):
    train(workshop, recording, condition=LossThreshold(1000.0, 5))
    found = workshop.weight_comparison()
    assert found.steps == 0 and moved(found.changes) == {"autoencoder": 0.0, "predictor": 0.0}


@pytest.mark.parametrize(
    "problem", [RuntimeError("DefaultCPUAllocator: can't allocate memory"), MemoryError(), torch.OutOfMemoryError()]
)
@pytest.mark.parametrize("part", ["copy_weights", "weight_changes"])
def test_weights_that_cannot_be_compared_cost_no_job(workshop, recording, monkeypatch, caplog, part, problem):
    def fail(*arguments):
        raise problem

    with monkeypatch.context() as patched:
        patched.setattr(weight_watch_module, part, fail)
        now = train(workshop, recording)
        assert (now.status, now.step, now.saved) == ("finished", 2, "autoencoder.pth (step 2)")
        assert workshop.weight_comparison() is None and workshop._watch._before is None
    assert "were not compared" in caplog.text
    assert train(make_workshop(workshop.directory), recording).status == "finished"
    assert train(workshop, recording).status == "finished" and workshop.weight_comparison().steps == 2


def test_a_look_that_fails_for_want_of_memory_leaves_the_next_one_possible(workshop, recording, monkeypatch):
    def fail(*arguments):
        raise MemoryError

    start(workshop, recording)
    with monkeypatch.context() as patched:
        patched.setattr(weight_watch_module, "weight_changes", fail)
        assert workshop.weight_comparison() is None
    assert workshop.weight_comparison().steps >= 2
    workshop.stop()
    assert workshop.wait(20) and workshop.weight_comparison().steps == workshop.snapshot().step


def test_a_job_that_fails_is_compared_all_the_same(workshop, recording, monkeypatch):
    before, note_steps = tensors_of(workshop.shared.model), workshop._note_steps

    def note(network):
        note_steps(network)
        raise ZeroDivisionError

    monkeypatch.setattr(workshop, "_note_steps", note)
    assert train(workshop, recording).status == "failed"
    found = workshop.weight_comparison()
    assert found.steps == 1 and not found.is_running
    assert moved(found.changes) == pytest.approx(distances(before, tensors_of(workshop.shared.model)), rel=1e-6)
