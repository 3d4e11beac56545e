import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.promises import count
from tests.training.tiny import make_manager, request, train, until
from training import FixedSteps, JobRunning
from training.checkpoints.reader import read_checkpoint
from training.jobs import previous_run
from training.jobs.lock import LOCK_FILE, FolderLock
from training.jobs.run_log import RunInfo
from training.jobs.run_reader import newest_log, read_run

ROOT = Path(__file__).parents[3]
TRAIN_ENDLESSLY = """
import signal, sys, threading
from pathlib import Path
import torch
from session import load_session
from tests.training.tiny import ENDLESS, FAST, make_manager, request
from dataclasses import replace
torch.set_num_threads(1)
manager = make_manager(Path(sys.argv[1]))
told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
config = replace(FAST, save_every=20)
job = manager.train(request(load_session(sys.argv[2]), condition=ENDLESS, config=config))
print("training", flush=True)
while not told.wait(0.01) and not job.wait(0):
    pass
manager.interrupt()
job.wait()
"""


INFO = RunInfo("Ada: predictor on frame 12 of demo", "frame 12 of demo", "Ada", "2025-11-23T14:02:11", 100)
NAME = "20251123_140211_predictor.jsonl"
BEGUN = {"phase": "", "network": "predictor", "offset": 40, "step": 0, "threshold": None}
SEVEN_STEPS = [{"step": step, "grad_norm": 1.0, "seconds": 1.5} for step in range(1, 8)]


def phase(network):
    """Of a phase what a log needs."""
    return SimpleNamespace(name="", objective=SimpleNamespace(network=network), threshold=0.5)


def put_lines(folder, lines, name=NAME):
    path = folder / "runs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return path


def put_run(folder, *more, info=INFO, begun=BEGUN, name=NAME, steps=SEVEN_STEPS):
    """The log of a run that was killed at step 7, with further lines behind it."""
    return put_lines(folder, [{"run": asdict(info), "config": {}}, begun, *steps, *more], name)


def newest(folder):
    name = newest_log(folder)
    return read_run(folder, name) if name else None


class Child:
    """A program of its own that trains small networks until it is told to end, or is killed."""

    def __init__(self, folder, recording):
        command = [sys.executable, "-c", TRAIN_ENDLESSLY, folder, recording.folder]
        self.process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "training\n"

    def end(self, how):
        self.process.send_signal(how)
        self.process.wait(30)
        self.process.stdout.close()


@pytest.mark.promise("stop, reload, disconnect, SIGTERM")
def test_after_a_kill_or_a_request_to_end_the_next_program_reports_the_step(tmp_path, recording, figure):
    tries, wrong, chance = count(1, 40), [], random.Random(5)
    for number in range(tries):
        folder, how = tmp_path / str(number) / "toroidal_dot", (signal.SIGKILL, signal.SIGTERM)[number % 2]
        child, other = Child(folder, recording), make_manager(folder)
        at = chance.randrange(1, count(30, 120))
        until(lambda folder=folder, at=at: steps(folder) >= at)
        if other.last_run().status != "elsewhere":
            wrong.append(f"{number}: {other.last_run().status} while it runs")
        with pytest.raises(JobRunning, match=r"Ada: autoencoder on frames 9 to 11 of .*, step \d+ / "):
            other.train(request(recording))
        child.end(how)
        last, told = steps(folder), make_manager(folder).last_run()
        saved = saved_step(folder)
        expected = f"autoencoder.pth at step {saved}; load it under Models to continue" if saved else ""
        if (told.status, told.step, told.saved) != ("interrupted", last, expected):
            wrong.append(f"{number}: {told.status} at {told.step} with {told.saved!r}; {last} steps, saved {saved}")
        if [step for step, _ in told.curves["training loss"]] != list(range(1, last + 1)):
            wrong.append(f"{number}: the curve has gaps")
        if how == signal.SIGTERM and saved != last:
            wrong.append(f"{number}: {last} steps, but saved {saved}")
    figure(f"{tries} programs killed or told to end at random steps: {len(wrong)} told otherwise by the next one")
    assert wrong == []


def steps(folder):
    """Steps that a run has written numbers of."""
    paths = list((folder / "runs").glob("*.jsonl"))
    return paths[0].read_text().count("grad_norm") if paths else 0


def saved_step(folder):
    path = folder / "autoencoder.pth"
    return read_checkpoint(path).step if path.exists() else 0


def test_a_run_without_its_program_is_reported_as_interrupted_and_nothing_is_claimed_to_be_saved(tmp_path):
    put_run(tmp_path)
    reported = make_manager(tmp_path).last_run()
    assert reported.message == (
        "Predictor training on frame 12 of demo was interrupted at step 7 (started by Ada, 23 Nov 14:02)."
    )
    assert (reported.saved, reported.is_active, reported.seconds_left, reported.loss) == ("", False, None, None)
    assert reported.curves == {} and reported.seconds == 1.5
    put_run(tmp_path, {"saved": 5}, info=replace(INFO, started_by=""), begun=BEGUN | {"network": "autoencoder"})
    reported = make_manager(tmp_path).last_run()
    assert reported.message.endswith("(started 23 Nov 14:02).")
    assert reported.saved == "autoencoder.pth at step 5; load it under Models to continue"


def test_a_kill_between_a_save_and_the_line_about_it_hides_no_saved_step(manager, recording):
    train(manager, recording, condition=FixedSteps(4))
    lines = manager.run_file.read_bytes().splitlines(keepends=True)
    saving = [line for line in lines if b'"saving"' in line]
    put_lines(manager.directory, [*lines[: lines.index(saving[-1])], saving[-1]], manager.run_file.name)
    reported = make_manager(manager.directory).last_run()
    assert reported.saved == "autoencoder.pth at step 4; load it under Models to continue"


def test_a_run_elsewhere_is_reported_as_running_until_its_program_is_gone(tmp_path, monkeypatch):
    path = put_run(tmp_path)
    other, mine = FolderLock(tmp_path), make_manager(tmp_path)
    assert other.take(INFO.label) is None
    until(lambda: mine.last_run().status == "elsewhere")
    assert re.search(r"step 7 / 100 \(started by .+\)", mine.last_run().message)
    first = mine.last_run().curves
    put_run(tmp_path, {"step": 8, "training/loss": 0.5})
    assert mine.last_run().step == 8 and mine.last_run().curves == first  # read again after a while only
    monkeypatch.setattr(previous_run, "CURVES_EVERY_S", 0.0)
    put_run(tmp_path, {"step": 8, "training/loss": 0.5}, {"step": 9, "training/loss": 0.25})
    assert mine.last_run().curves["training loss"] == ((8, 0.5), (9, 0.25))
    other.release()
    until(lambda: mine.last_run().status == "interrupted")
    path.unlink()
    assert mine.last_run() is None


def test_a_program_that_only_saves_there_does_not_make_a_dead_run_alive(tmp_path):
    put_run(tmp_path)
    other = FolderLock(tmp_path)
    assert other.take("a program saves") is None
    assert make_manager(tmp_path).last_run().status == "interrupted"
    other.release()
    put_run(tmp_path, {"ended": "Interrupted.", "status": "interrupted"})
    assert other.take(INFO.label) is None  # another run of the same, in its first instant
    assert make_manager(tmp_path).last_run().status == "interrupted"
    other.release()


def test_asking_again_and_again_reads_nothing_again(tmp_path, monkeypatch):
    put_run(tmp_path, {"step": 8, "training/total": 0.5})
    manager = make_manager(tmp_path)
    first = manager.last_run()
    monkeypatch.setattr("training.jobs.previous_run.read_curves", lambda *_: 1 / 0)
    assert all(manager.last_run() is first for _ in range(1000))


def test_the_newest_run_counts_and_an_own_job_before_all(manager, recording):
    put_run(manager.directory)
    assert manager.last_run().status == "interrupted"
    job = manager.train(request(recording, condition=FixedSteps(1_000_000)))
    assert manager.last_run().status == "running" and newest(manager.directory).info.subject != INFO.subject
    manager.stop()
    assert job.wait(20) and manager.last_run().status == "stopped" and manager.run_file.exists()
    put_run(manager.directory, name="29991123_140211_predictor.jsonl")
    assert manager.last_run().status == "interrupted" and manager.run_file.name.startswith("2999")
    assert train(manager, recording).status == "finished"


# ---- the lock -----------------------------------------------------------------------------------------------------


def test_reading_the_holder_does_not_prevent_training(tmp_path):
    asking, taking, ended = FolderLock(tmp_path), FolderLock(tmp_path), threading.Event()
    taking.take("first")
    taking.release()

    def ask():
        while not ended.is_set():
            asking.holder()

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    refused = 0
    for number in range(200):
        refused += taking.take(f"run {number}") is not None
        taking.release()
    ended.set()
    for thread in threads:
        thread.join(10)
    assert refused == 0


def test_the_holder_is_named_until_it_releases_the_lock(tmp_path):
    holder, other = FolderLock(tmp_path / "robot"), FolderLock(tmp_path / "robot")
    assert other.holder() is None
    holder.take("Ada: autoencoder")
    assert (holder.holder(), other.holder()) == (None, "Ada: autoencoder")
    holder.release()
    assert other.holder() is None and other.take("Bo") is None
    other.release()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_that_is_no_file_blocks_nothing(tmp_path, kind):
    path = tmp_path / LOCK_FILE
    {"pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}[kind]()
    lock = FolderLock(tmp_path)
    assert lock.holder() is None and lock.take("Ada") is None
    lock.release()


def test_fixed_steps_that_end_leave_no_word(manager, recording):
    assert train(manager, recording, condition=FixedSteps(3)).status == "finished"
    assert make_manager(manager.directory).last_run() is None
