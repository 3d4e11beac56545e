import json
import os
import random
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.promises import count
from tests.training.jobs.test_run_log import RECORD
from tests.training.tiny import make_manager, order, train, until
from training import FixedSteps, JobRunning
from training.checkpoints.reader import read_checkpoint
from training.jobs.lock import LOCK_FILE, FolderLock
from training.jobs.run_log import MAX_WHOLE, RECORD_FILE, numbers_path, read_numbers
from training.jobs.tracking import unique_path

ROOT = Path(__file__).parents[3]
TRAIN_ENDLESSLY = """
import signal, sys, threading
from pathlib import Path
import torch
from session import load_session
from tests.training.tiny import ENDLESS, FAST, make_manager, order
from dataclasses import replace
torch.set_num_threads(1)
manager = make_manager(Path(sys.argv[1]))
told = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: told.set())
config = replace(FAST, save_every=20)
job = manager.train(order(load_session(sys.argv[2]), condition=ENDLESS, config=config))
print("training", flush=True)
while not told.wait(0.01) and not job.wait(0):
    pass
manager.interrupt()
job.wait()
"""


def put_record(folder, record=RECORD):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD_FILE).write_text(json.dumps(asdict(record)))


def put_numbers(folder, lines, name=RECORD.numbers):
    path = folder / "runs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    return path


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
def test_after_a_kill_or_a_request_to_end_the_next_program_tells_the_step(tmp_path, recording, figure):
    tries, wrong, chance = count(1, 40), [], random.Random(5)
    for number in range(tries):
        folder, how = tmp_path / str(number) / "toroidal_dot", (signal.SIGKILL, signal.SIGTERM)[number % 2]
        child, other = Child(folder, recording), make_manager(folder)
        at = chance.randrange(1, count(30, 120))
        until(lambda folder=folder, at=at: (folder / RECORD_FILE).exists() and steps(folder) >= at)
        if other.last_run().status != "elsewhere":
            wrong.append(f"{number}: {other.last_run().status} while it runs")
        with pytest.raises(JobRunning, match=r"Ada: autoencoder on frames 3 to 11 of .*, step \d+ of at most"):
            other.train(order(recording))
        child.end(how)
        last, told = steps(folder), make_manager(folder).last_run()
        saved = saved_step(folder)
        expected = f"autoencoder.pth at step {saved}; load it under Models to train on" if saved else ""
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
    (path,) = (folder / "runs").glob("*.jsonl")
    return path.read_text().count("grad_norm")


def saved_step(folder):
    path = folder / "autoencoder.pth"
    return read_checkpoint(path).step if path.exists() else 0


def test_a_record_without_its_program_is_told_as_interrupted_and_nothing_is_claimed_to_be_saved(tmp_path):
    put_record(tmp_path)
    told = make_manager(tmp_path).last_run()
    assert told.message == (
        "Training of the predictor on frame 12 of demo was interrupted at step 7 (begun by Ada, 23 Nov 14:02)."
    )
    assert (told.saved, told.is_active, told.seconds_left, told.curves, told.loss) == ("", False, None, {}, None)
    put_record(tmp_path, replace(RECORD, saved_step=5, network="autoencoder", started_by=""))
    told = make_manager(tmp_path).last_run()
    assert told.message.endswith("(begun 23 Nov 14:02).")
    assert told.saved == "autoencoder.pth at step 5; load it under Models to train on"


def test_a_run_elsewhere_is_told_as_running_until_its_program_is_gone(tmp_path):
    put_record(tmp_path)
    other, mine = FolderLock(tmp_path), make_manager(tmp_path)
    assert other.take(RECORD.word) is None
    until(lambda: mine.last_run().status == "elsewhere")
    assert "step 7 of at most 100" in mine.last_run().message
    put_record(tmp_path, replace(RECORD, step=8))
    assert mine.last_run().step == 8
    other.release()
    until(lambda: mine.last_run().status == "interrupted")
    (tmp_path / RECORD_FILE).unlink()
    assert mine.last_run() is None


def test_a_program_that_only_saves_there_does_not_make_a_dead_run_alive(tmp_path):
    put_record(tmp_path)
    other = FolderLock(tmp_path)
    assert other.take("a program saves") is None
    assert make_manager(tmp_path).last_run().status == "interrupted"
    other.release()
    put_record(tmp_path, replace(RECORD, is_interrupted=True))
    assert other.take(RECORD.word) is None  # another run of the same, in its first instant
    assert make_manager(tmp_path).last_run().status == "interrupted"
    other.release()


def test_looking_again_and_again_reads_nothing_again(tmp_path, monkeypatch):
    put_record(tmp_path)
    put_numbers(tmp_path, [{"step": 1, "training/total": 0.5}])
    manager = make_manager(tmp_path)
    first = manager.last_run()
    monkeypatch.setattr("training.jobs.previous_run.read_numbers", lambda *_: 1 / 0)
    assert all(manager.last_run() is first for _ in range(1000))


def test_a_run_of_this_program_is_told_before_one_of_the_past(manager, recording):
    train(manager, recording)
    assert manager.last_run().status == "finished"
    put_record(manager.directory, replace(RECORD, numbers="other.jsonl"))
    assert manager.last_run().status == "interrupted"  # newer: an own job takes older records away
    assert manager.run_file is None
    train(manager, recording)
    assert manager.last_run().status == "finished" and manager.run_file.exists()


# ---- numbers ------------------------------------------------------------------------------------------------------


def test_lines_that_are_no_numbers_are_left_out(tmp_path):
    lines = [
        {"config": {"step": 4}},
        b"\n",
        b"\xff\xfe\n",
        b"[" * 10_000 + b"\n",
        b"[1, 2]\n",
        {"step": 0, "evaluated/loss": 0.9, "evaluated/explained_variance": 0.1},
        {
            "step": 1,
            "training/total": 0.5,
            "training/image": None,
            "training/latent": float("nan"),
            "lr/predictor": 1e-4,
        },
        {"step": "2", "training/total": 0.4},
        {"step": 2.0, "training/total": 0.4},
        {"step": 10**30, "training/total": 0.4},
        {"step": True, "training/total": 0.4},
        {"step": 2, "training/total": True, "training/<script>": 1.0, "evaluated/loss": "low"},
        {"step": 3, "training/total": float("inf"), "gradient_share/action": 0.25},
        {"step": 1, "training/total": 0.1},
        b'{"step": 4, "training/tot',
    ]
    put_numbers(tmp_path, lines)
    numbers = read_numbers(tmp_path, RECORD.numbers)
    assert {name: curve.points() for name, curve in numbers.curves.items()} == {
        "evaluated": ((0, 0.9),),
        "training total": ((1, 0.5),),
    }
    assert (numbers.first_loss, numbers.loss, numbers.evaluated_at, numbers.last_step) == (0.9, 0.9, 0, 3)
    assert numbers.shares.points() == ((3, 0.25),)


def test_a_long_file_is_read_in_samples_with_its_begin_and_its_end(tmp_path):
    lines = [{"step": step, "training/total": 1.0, "padding": "x" * 200} for step in range(60_000)]
    for step in range(0, 60_000, 10):
        lines[step]["evaluated/loss"] = step / 1e5
    path = put_numbers(tmp_path, lines)
    assert path.stat().st_size > 2 * MAX_WHOLE
    numbers = read_numbers(tmp_path, RECORD.numbers)
    assert numbers.last_step == 59_999 and numbers.evaluated_at >= 59_980 and numbers.first_loss <= 10 / 1e5
    found = numbers.curves["evaluated"].points()
    assert len(found) > 200 and all(value == pytest.approx(step / 1e5) for step, value in found)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../run.json", "/etc/passwd", "a/b.jsonl", ".jsonl", "x.json", "x\0.jsonl", "é.jsonl"]
)
def test_a_name_that_leads_elsewhere_names_no_numbers(tmp_path, name):
    (tmp_path / "runs").mkdir()
    put_record(tmp_path, replace(RECORD, numbers=name))
    assert numbers_path(tmp_path, name) is None and read_numbers(tmp_path, name).curves == {}
    assert make_manager(tmp_path).run_file is None


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "linked folder"])
def test_numbers_that_are_no_file_are_not_followed(tmp_path, kind):
    robot, outside = tmp_path / "robot", tmp_path / "outside"
    real = put_numbers(outside, [{"step": 1, "training/total": 0.5}])
    robot.mkdir()
    path = robot / "runs" / RECORD.numbers
    if kind == "linked folder":
        (robot / "runs").symlink_to(outside / "runs")
    else:
        path.parent.mkdir()
        {"pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to(real), "folder": path.mkdir}[kind]()
    put_record(robot)
    manager = make_manager(robot)
    assert manager.run_file is None and manager.last_run().curves == {}


# ---- the lock -----------------------------------------------------------------------------------------------------


def test_who_asks_for_the_holder_keeps_nobody_from_training(tmp_path):
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


def test_the_holder_is_told_by_its_word_and_no_longer_when_it_has_let_go(tmp_path):
    holder, other = FolderLock(tmp_path / "robot"), FolderLock(tmp_path / "robot")
    assert other.holder() is None
    holder.take("Ada: autoencoder")
    assert (holder.holder(), other.holder()) == (None, "Ada: autoencoder")
    holder.release()
    assert other.holder() is None and other.take("Bo") is None
    other.release()


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_that_is_no_file_keeps_nobody_waiting(tmp_path, kind):
    path = tmp_path / LOCK_FILE
    {"pipe": lambda: os.mkfifo(path), "link": lambda: path.symlink_to("/dev/zero"), "folder": path.mkdir}[kind]()
    lock = FolderLock(tmp_path)
    assert lock.holder() is None and lock.take("Ada") is None
    lock.release()


def test_two_runs_begun_in_one_second_never_share_their_numbers(tmp_path):
    barrier, found = threading.Barrier(8), []

    def begin():
        barrier.wait()
        found.extend(unique_path(tmp_path / "runs" / "20251123_140211_autoencoder.jsonl") for _ in range(20))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(set(found)) == len(found) == 160


def test_fixed_steps_that_end_leave_no_word(manager, recording):
    assert train(manager, recording, condition=FixedSteps(3)).status == "finished"
    assert make_manager(manager.directory).last_run() is None
