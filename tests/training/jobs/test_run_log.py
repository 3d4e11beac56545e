import json
import os
import threading
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from models import WorldModels
from tests.training.tiny import make_manager, order, shared_model, train, until
from training import CheckpointNotSaved, FixedSteps, JobRunning, LossNotFinite
from training import train as command
from training.checkpoints.writer import FILES
from training.jobs import run_log as run_log_module
from training.jobs.run_log import RECORD_FILE, UNFINISHED, RunRecord, RunRecorder, read_record

RECORD = RunRecord(
    network="predictor",
    subject="frame 12 of demo",
    started_by="Ada",
    began="2025-11-23T14:02:11",
    step=7,
    max_steps=100,
    threshold=None,
    seconds=1.5,
    first_step=40,
    saved_step=None,
    saving_step=None,
    numbers="20251123_140211_predictor.jsonl",
    is_interrupted=False,
)


def progress(step, seconds=1.0):
    return SimpleNamespace(step=step, seconds=seconds)


def test_a_record_reads_back_as_it_was_written(tmp_path):
    for record in (RECORD, replace(RECORD, threshold=0.5, saved_step=3, is_interrupted=True)):
        RunRecorder(tmp_path).begin(record)
        assert read_record(tmp_path) == record
    assert [path.name for path in tmp_path.iterdir()] == [RECORD_FILE]


def test_the_record_is_written_at_once_then_about_once_a_second_and_at_saves(tmp_path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(run_log_module.time, "monotonic", lambda: now[0])
    recorder = RunRecorder(tmp_path)
    recorder.begin(replace(RECORD, step=0))
    seen = []
    for step in range(1, 13):
        now[0] += 0.25
        recorder.note_progress(progress(step))
        seen.append(read_record(tmp_path).step)
    assert seen == [0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12]
    recorder.note_progress(progress(13))
    recorder.note_saved({"autoencoder": 90, "predictor": 53})
    assert (read_record(tmp_path).step, read_record(tmp_path).saved_step) == (13, 13)
    recorder.note_saved({"autoencoder": 91})  # the other network alone says nothing of this run
    recorder.note_saved({"predictor": 50})  # a save that took longer than the next one
    assert read_record(tmp_path).saved_step == 13


def test_the_end_in_good_order_takes_the_record_away_and_an_interruption_leaves_it(tmp_path):
    recorder = RunRecorder(tmp_path)
    recorder.begin(RECORD)
    recorder.end()
    recorder.note_saved({"predictor": 9})
    recorder.note_progress(progress(9))
    assert list(tmp_path.iterdir()) == []
    recorder.begin(RECORD)
    recorder.note_progress(progress(9))
    recorder.end(is_interrupted=True)
    recorder.end()
    assert read_record(tmp_path) == replace(RECORD, step=9, seconds=1.0, is_interrupted=True)


def test_a_place_that_cannot_be_written_costs_nothing(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    (tmp_path / RECORD_FILE).mkdir()
    for folder in (tmp_path / "file" / "robot", tmp_path):
        recorder = RunRecorder(folder)
        recorder.begin(RECORD)
        recorder.note_saved({"predictor": 2})
        recorder.end()
        assert read_record(folder) is None
    assert "was not written" in caplog.text


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'"' + b"x" * 20_000 + b'"',
    *(
        json.dumps(asdict(RECORD) | changed).encode()
        for changed in (
            {"step": -1},
            {"step": 101},
            {"step": 1.5},
            {"step": True},
            {"step": "7"},
            {"step": 10**30},
            {"max_steps": 0},
            {"max_steps": 10**9},
            {"saved_step": -3},
            {"saving_step": 0.5},
            {"first_step": None},
            {"threshold": float("nan")},
            {"threshold": "low"},
            {"seconds": float("inf")},
            {"seconds": None},
            {"network": "brain"},
            {"network": ["predictor"]},
            {"subject": None},
            {"began": "yesterday"},
            {"began": 5},
            {"is_interrupted": 1},
            {"more": 1},
        )
    ),
    json.dumps({"step": 3}).encode(),
]


@pytest.mark.parametrize("content", HOSTILE)
def test_what_is_no_record_is_ignored(manager, recording, content):
    manager.directory.mkdir(parents=True)
    (manager.directory / RECORD_FILE).write_bytes(content)
    assert read_record(manager.directory) is None
    assert manager.last_run() is None and manager.run_file is None


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device"])
def test_what_is_no_file_is_ignored_at_once_and_the_next_run_has_its_record(manager, recording, tmp_path, kind):
    path = manager.directory / RECORD_FILE
    path.parent.mkdir(parents=True)
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps(asdict(RECORD)))
    make = {
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(outside),
        "folder": path.mkdir,
        "device": lambda: path.symlink_to("/dev/zero"),
    }
    make[kind]()
    (manager.directory / UNFINISHED).symlink_to(outside)
    assert manager.last_run() is None
    assert train(manager, recording).status == "finished"
    assert json.loads(outside.read_text()) == asdict(RECORD)


def test_long_and_strange_words_are_cut(tmp_path):
    strange = replace(RECORD, subject="x" * 500 + "\x1b[31m", started_by="a\nb")
    (tmp_path / RECORD_FILE).write_text(json.dumps(asdict(strange)))
    found = read_record(tmp_path)
    assert len(found.subject) <= 80 and found.started_by == "a?b"


# ---- with jobs --------------------------------------------------------------------------------------------------


def test_a_record_is_there_while_a_job_runs_and_gone_when_it_has_finished_stopped_or_failed(manager, recording):
    def look(ending):
        job = manager.train(order(recording, "predictor", FixedSteps(1_000_000)))
        until(lambda: job.snapshot().step >= 2)
        found = read_record(manager.directory)
        assert (found.network, found.started_by, found.max_steps) == ("predictor", "Ada", 1_000_000)
        assert found.subject == f"frames 3 to 11 of {recording.name}" and not found.is_interrupted
        assert manager.directory / "runs" / found.numbers == manager.run_file
        ending()
        assert job.wait(20)
        assert read_record(manager.directory) is None and manager.last_run().status == job.snapshot().status
        return job.snapshot().status

    assert look(manager.stop) == "stopped"

    def fail(batch):
        raise LossNotFinite

    real = manager.shared.model.prediction_losses
    assert look(lambda: setattr(manager.shared.model, "prediction_losses", fail)) == "failed"
    manager.shared.model.prediction_losses = real
    assert train(manager, recording).status == "finished" and read_record(manager.directory) is None


def test_an_interrupted_job_is_told_by_the_next_program_with_its_curves(manager, recording):
    job = manager.train(order(recording, "predictor", FixedSteps(1_000_000)))
    until(lambda: job.snapshot().step >= 25)
    manager.interrupt()
    assert job.wait(20)
    now = job.snapshot()
    assert (now.status, now.saved) == (
        "interrupted",
        f"autoencoder.pth (step {now.step}), predictor_0.pth (step {now.step})",
    )
    told = make_manager(manager.directory).last_run()
    assert (told.status, told.step, told.network, told.started_by) == ("interrupted", now.step, "predictor", "Ada")
    where = f"frames 3 to 11 of {recording.name}"
    words = f"Training of the predictor on {where} was interrupted at step {now.step} (begun by Ada,"
    assert told.message.startswith(words)
    assert told.saved == f"autoencoder.pth and predictor_0.pth at step {now.step}; load them under Models to train on"
    assert told.curves == now.curves and told.action_shares == now.action_shares
    assert (told.first_loss, told.loss, told.evaluated_at) == (now.first_loss, now.loss, now.evaluated_at)
    assert make_manager(manager.directory).run_file == manager.run_file


def test_the_step_saved_is_that_of_the_file_whatever_was_trained_before(manager, recording):
    train(manager, recording, condition=FixedSteps(3))
    job = manager.train(order(recording, condition=FixedSteps(1_000_000)))
    until(lambda: job.snapshot().step >= 2)
    saved = manager.save().files["autoencoder.pth"]
    assert read_record(manager.directory).saved_step == saved - 3
    manager.stop()
    assert job.wait(20)


def test_a_save_that_failed_is_not_counted(manager, recording, monkeypatch):
    def full(*arguments):
        raise CheckpointNotSaved("The checkpoint was not saved (no space left on the device).")

    monkeypatch.setattr("training.jobs.manager.write_contents", full)
    job = manager.train(order(recording, condition=FixedSteps(1_000_000)))
    until(lambda: job.snapshot().step >= 2)
    manager.interrupt()
    assert job.wait(20)
    told = make_manager(manager.directory).last_run()
    assert (told.status, told.saved) == ("interrupted", "")


def test_the_note_goes_when_a_new_job_starts(manager, recording):
    (manager.directory / "runs").mkdir(parents=True)
    (manager.directory / RECORD_FILE).write_text(json.dumps(asdict(RECORD)))
    assert manager.last_run().status == "interrupted"
    job = manager.train(order(recording, condition=FixedSteps(1_000_000)))
    assert manager.last_run().status == "running" and read_record(manager.directory).subject != RECORD.subject
    manager.stop()
    assert job.wait(20) and manager.last_run().status == "stopped"


def test_a_visitors_stop_that_came_first_is_no_interruption(manager, recording):
    job = manager.train(order(recording, condition=FixedSteps(1_000_000)))
    job.stop()
    job.interrupt()
    assert job.wait(20) and job.snapshot().status == "stopped" and read_record(manager.directory) is None


def test_the_command_line_leaves_the_same_word(data, tmp_path, recording, monkeypatch, capsys):
    """Asked to end, as by Ctrl-C."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    monkeypatch.setattr(WorldModels, "get", lambda self, key, channels: shared_model())
    monkeypatch.setattr(command.StopRequest, "__init__", lambda self: setattr(self, "is_made", False))
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    requests = []
    real = command._train

    def remembered(manager, order, stop, name):
        requests.append(stop)
        return real(manager, order, stop, name)

    monkeypatch.setattr(command, "_train", remembered)
    session_id = (data / "id").read_text()
    arguments = ["--data", str(tmp_path), "--session", session_id, "--model", "autoencoder", "--steps", "100000"]
    running = threading.Thread(target=command.main, args=(arguments,))
    running.start()
    until(lambda: read_record(folder) is not None and read_record(folder).step >= 1)
    other = make_manager(folder)
    assert other.last_run().status == "elsewhere"
    with pytest.raises(
        JobRunning, match=r"Another program trains .* \(the command line: .*, step \d+ of at most 100,000\)"
    ):
        other.train(order(recording))
    requests[0].is_made = True
    running.join(20)
    until(lambda: other.last_run().status == "interrupted")
    assert "begun by the command line" in other.last_run().message
    assert (folder / FILES["autoencoder"]).exists() and "Interrupted after" in capsys.readouterr().out
