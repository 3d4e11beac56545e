"""The log of a run: what is written, when, and what happens where nothing can be written."""

import json
import math
import threading

import numpy as np
import pytest

from models import WorldModels
from tests.training.jobs.test_previous_run import INFO, newest, phase
from tests.training.tiny import make_manager, request, shared_model, train, until
from training import CheckpointNotSaved, FixedSteps, JobRunning, LossNotFinite
from training import train as command
from training.checkpoints.writer import FILES
from training.jobs.run_log import RunLog, unique_path

PICTURE = np.zeros((4, 5, 3), np.uint8)
ENDLESS = FixedSteps(1_000_000)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def log(tmp_path):
    return RunLog(tmp_path / "runs" / "one.jsonl", INFO, {"lr": 0.1})


def test_a_run_is_json_line_by_line(log):
    log.begin_phase(phase("predictor"), step=0, network_step=40)
    log.log(0, {"evaluated/loss": 0.5})
    log.log(1, {"training/total": 0.25, "grad_norm": 2.0})
    log.picture(1, "actual", PICTURE)
    log.finish("Done after 1 step.")
    log.end("Done after 1 step.", "finished")
    head, begun, *rest = lines_of(log.path)
    assert head["config"] == {"lr": 0.1} and head["run"]["label"] == INFO.label
    assert begun == {"phase": "", "network": "predictor", "offset": 40, "step": 0, "threshold": 0.5}
    assert rest == [
        {"step": 0, "evaluated/loss": 0.5},
        {"step": 1, "training/total": 0.25, "grad_norm": 2.0},
        {"ended": "Done after 1 step.", "status": "finished"},
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_becomes_null(log, value):
    log.log(3, {"loss": value, "lr": 0.5})
    assert lines_of(log.path)[1] == {"step": 3, "loss": None, "lr": 0.5}


def test_every_line_is_there_as_soon_as_it_is_logged(log):
    for step in range(5):
        log.log(step, {"loss": 1.0})
        assert lines_of(log.path)[-1]["step"] == step


def test_saves_are_counted_in_steps_of_the_run_and_every_later_line_names_the_last(log):
    log.begin_phase(phase("predictor"), step=0, network_step=40)
    log.record_saving({"autoencoder": 90, "predictor": 53})
    log.record_saved({"autoencoder": 90, "predictor": 53})
    log.record_saved({"autoencoder": 91})  # the other network alone says nothing of this run
    log.record_saved({"predictor": 50})  # a save that took longer than the next one
    log.log(14, {"grad_norm": 1.0})
    assert lines_of(log.path)[2:] == [{"saving": 13}, {"saved": 13}, {"step": 14, "grad_norm": 1.0, "saved": 13}]


def test_a_run_that_goes_on_begins_with_what_its_earlier_part_has_saved(tmp_path):
    """Killed before its own first save, it can still be resumed."""
    path = unique_path(tmp_path, "predictor")
    log = RunLog(path, INFO, {}, saved_step=6)
    assert newest(tmp_path).saved_step == 6
    log.begin_phase(phase("predictor"), step=7, network_step=47)
    log.log(8, {"grad_norm": 1.0})
    assert newest(tmp_path).saved_step == 6 and lines_of(path)[-1]["saved"] == 6


def test_a_place_that_cannot_be_written_costs_nothing_and_is_reported_once(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    log = RunLog(tmp_path / "file" / "runs" / "one.jsonl", INFO, {})
    for step in range(5):
        log.log(step, {"loss": 1.0})
    log.record_saved({"predictor": 2})
    log.end("Done.", "finished")
    assert [record.message for record in caplog.records] == [
        "the log of this run is no longer written: Not a directory"
    ]


def test_runs_that_begin_in_one_second_never_share_a_log(tmp_path):
    barrier, found = threading.Barrier(8), []

    def begin():
        barrier.wait()
        found.extend(unique_path(tmp_path, "autoencoder") for _ in range(20))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(found)) == len(found) == 160


# ---- with jobs --------------------------------------------------------------------------------------------------


def test_the_log_of_a_job_goes_on_until_it_has_finished_stopped_or_failed(manager, recording):
    def run(ending):
        job = manager.train(request(recording, "predictor", ENDLESS))
        until(lambda: job.snapshot().step >= 2)
        run = newest(manager.directory)
        assert (run.network, run.info.started_by, run.info.max_steps) == ("predictor", "Ada", 1_000_000)
        assert run.info.subject == f"frames 9 to 11 of {recording.name}" and run.status is None
        assert manager.directory / "runs" / run.name == manager.run_file
        ending()
        assert job.wait(20)
        assert newest(manager.directory).has_ended and manager.last_run().status == job.snapshot().status
        return job.snapshot().status

    assert run(manager.stop) == "stopped"

    def fail(*_):
        raise LossNotFinite

    real = manager.shared.model.prediction_losses
    assert run(lambda: setattr(manager.shared.model, "prediction_losses", fail)) == "failed"
    manager.shared.model.prediction_losses = real
    assert train(manager, recording).status == "finished" and newest(manager.directory).status == "finished"


def test_an_interrupted_job_is_reported_by_the_next_program_with_its_curves(manager, recording):
    job = manager.train(request(recording, "predictor", ENDLESS))
    until(lambda: job.snapshot().step >= 25)
    manager.interrupt()
    assert job.wait(20)
    now = job.snapshot()
    saved = f"autoencoder.pth (step {now.step}), predictor_0.pth (step {now.step})"
    assert (now.status, now.saved) == ("interrupted", saved)
    reported = make_manager(manager.directory).last_run()
    assert (reported.status, reported.step, reported.network) == ("interrupted", now.step, "predictor")
    frames = f"frames 9 to 11 of {recording.name}"
    message = f"Predictor training on {frames} was interrupted at step {now.step} (started by Ada,"
    assert reported.message.startswith(message) and reported.started_by == "Ada"
    files = f"autoencoder.pth and predictor_0.pth at step {now.step}; load them under Models to continue"
    assert reported.saved == files
    assert reported.curves == now.curves and reported.action_shares == now.action_shares
    assert (reported.first_loss, reported.loss) == (now.first_loss, now.loss)
    assert (reported.evaluated_at, reported.seconds) == (now.evaluated_at, now.seconds)
    assert make_manager(manager.directory).run_file == manager.run_file


def test_the_step_saved_is_that_of_the_run_whatever_was_trained_before(manager, recording):
    train(manager, recording, condition=FixedSteps(3))
    job = manager.train(request(recording, condition=ENDLESS))
    until(lambda: job.snapshot().step >= 2)
    saved = manager.save().files["autoencoder.pth"]
    assert newest(manager.directory).saved_step == saved - 3
    manager.stop()
    assert job.wait(20)


def test_a_save_that_failed_is_not_counted(manager, recording, monkeypatch):
    def full(*arguments):
        raise CheckpointNotSaved("The checkpoint was not saved (no space left on the device).")

    monkeypatch.setattr("training.jobs.trainer.write_contents", full)
    job = manager.train(request(recording, condition=ENDLESS))
    until(lambda: job.snapshot().step >= 2)
    manager.interrupt()
    assert job.wait(20)
    reported = make_manager(manager.directory).last_run()
    assert (reported.status, reported.saved) == ("interrupted", "")


def test_a_visitors_stop_that_came_first_is_no_interruption(manager, recording):
    job = manager.train(request(recording, condition=ENDLESS))
    job.stop()
    job.interrupt()
    assert job.wait(20) and job.snapshot().status == "stopped" and newest(manager.directory).status == "stopped"


def test_the_command_line_leaves_the_same_record(data, tmp_path, recording, monkeypatch, capsys):
    """Asked to end, as by Ctrl-C."""
    (tmp_path / "sessions").symlink_to(data / "sessions")
    monkeypatch.setattr(WorldModels, "get", lambda self, key, channels: shared_model())
    monkeypatch.setattr(command.StopRequest, "__init__", lambda self: setattr(self, "is_made", False))
    folder = tmp_path / "checkpoints" / "toroidal_dot"
    requests = []
    real = command._train

    def remembered(manager, request, stop, name):
        requests.append(stop)
        return real(manager, request, stop, name)

    monkeypatch.setattr(command, "_train", remembered)
    session_id = (data / "id").read_text()
    arguments = ["--data", str(tmp_path), "--session", session_id, "--model", "autoencoder", "--steps", "100000"]
    running = threading.Thread(target=command.main, args=(arguments,))
    running.start()
    until(lambda: (run := newest(folder)) is not None and run.step >= 1)
    other = make_manager(folder)
    assert other.last_run().status == "elsewhere"
    with pytest.raises(
        JobRunning, match=r"Another program is training .* \(the command line: .*, step \d+ / 100,000\)"
    ):
        other.train(request(recording))
    requests[0].is_made = True
    running.join(20)
    until(lambda: other.last_run().status == "interrupted")
    assert "started by the command line" in other.last_run().message
    assert (folder / FILES["autoencoder"]).exists() and "Interrupted after" in capsys.readouterr().out
