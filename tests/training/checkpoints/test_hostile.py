"""Harmful files, each read in a process of its own: none runs anything, none stalls, none eats the memory."""

import json
import subprocess
import sys

import pytest
import torch

from tests.promises import IS_FULL, count
from tests.training import checkpoint_files
from tests.training.checkpoints.test_reader import HEAVY, TRAPS

SECONDS, MEGABYTES = 2, 200  # what an answer may take
KILLED_AFTER_S = 30

# Forks for every file: a process of its own each, without loading torch each time.
READER = """
import json, os, signal, sys, tempfile, time
from pathlib import Path
import torch
from tests.training import checkpoint_files
from training import CheckpointError, load_checkpoint
from training.convert import convert
torch.set_num_threads(1)
WATCHED = ("os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "subprocess.Popen", "socket.connect",
           "pty.spawn", "exec", "compile", "import", "shutil.rmtree", "os.remove", "ctypes.dlopen")
model, good, events, is_watching = checkpoint_files.autoencoder(), Path(sys.argv[1]), [], False

def watch(event, arguments):
    if is_watching and event in WATCHED:
        events.append(event)
    is_to_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    if is_watching and is_to_write and arguments[0] != tempfile.gettempdir():  # there it is a file without a name
        events.append(f"open {arguments[0]}")

def peak():
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024

def answer(what, path):
    try:
        convert(path, path.with_name(f"new_{path.name}")) if what == "convert" else load_checkpoint(path, model)
    except CheckpointError as problem:
        return str(problem)
    return "loaded"

def look(what, path):
    global is_watching
    signal.alarm(30)
    load_checkpoint(good, model)
    before, cpu, start, is_watching = peak(), time.process_time(), time.monotonic(), True
    told = answer(what, path)
    is_watching = False
    return {"told": told, "cpu": time.process_time() - cpu, "wall": time.monotonic() - start,
            "megabytes": peak() - before, "events": events}

sys.addaudithook(watch)
load_checkpoint(good, model)
# Both import something when they are first used.
"".encode("cp437")
tempfile.TemporaryFile().close()
for line in sys.stdin:
    what, path = json.loads(line)
    child = os.fork()
    if child == 0:
        os.write(1, (json.dumps(look(what, Path(path))) + "\\n").encode())
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    if status:
        os.write(1, (json.dumps({"died": status}) + "\\n").encode())
"""


class Reader:
    """Reads or converts one file after the other, each in a new process."""

    def __init__(self, process):
        self._process = process

    def run(self, path, what="read"):
        self._process.stdin.write(json.dumps([what, str(path)]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    good = checkpoint_files.notebook_file(tmp_path_factory.mktemp("good") / "good.pth", checkpoint_files.autoencoder())
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", READER, str(good)], **pipes) as process:
        yield Reader(process)
        process.stdin.close()


def is_plain(message, path):
    """One sentence without a folder, a traceback or the name of an exception."""
    return (
        message.endswith(".") and "\n" not in message and len(message) < 400 and str(path.parent) not in message
        and path.name in message and not any(name in message for name in ("Traceback", "Error", "Exception"))
    )  # fmt: skip


@pytest.mark.promise("no code from a file")
@pytest.mark.parametrize("what", ["read", "convert"])
def test_no_code_of_a_file_is_run(tmp_path, reader, figure, what):
    canary = tmp_path / "canary"
    files = checkpoint_files.evil_files(tmp_path, canary)
    tried = dict(list(files.items())[:: count(4, 1)])
    answers = {name: reader.run(path, what) for name, path in tried.items()}
    ran = [name for name, one in answers.items() if one.get("events")]
    unplain = [name for name, one in answers.items() if not is_plain(one.get("told", ""), tried[name])]
    canaries = int(canary.exists())
    how = "opened" if what == "read" else "converted"
    figure(
        f"{len(tried)} crafted checkpoints {how}, each in a process of its own: {canaries} canaries, {len(ran)} ran or "
        f"imported anything or opened a file to write, {len(unplain)} without an answer in plain words"
    )
    assert (canaries, ran, unplain) == (0, [], [])
    assert len(files) >= 40 and (not IS_FULL or tried == files)
    assert not list(tmp_path.glob("new_*"))


def test_a_canary_would_be_noticed(tmp_path):
    """Else the test above would hold by accident."""
    canary = tmp_path / "canary"
    path = checkpoint_files.evil_files(tmp_path, canary)["os.system"]
    torch.load(path, weights_only=False)
    assert canary.exists()


def test_the_process_sees_what_a_file_does(tmp_path, reader):
    """Otherwise it could not notice that something was run: a conversion writes its file."""
    torch.save(checkpoint_files.autoencoder().state_dict(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    answers = reader.run(tmp_path / "old.pth", "convert")
    assert answers["told"] == "loaded" and any("new_old.pth" in event for event in answers["events"])


@pytest.mark.promise("no stall from a file")
@pytest.mark.parametrize("what", ["read", "convert"])
def test_no_file_stalls_or_eats_the_memory(tmp_path, reader, figure, what):
    traps = TRAPS + HEAVY if IS_FULL else TRAPS[what == "convert" :: 3]
    answers = {}
    for trap in traps:
        folder = tmp_path / trap.__name__
        folder.mkdir()
        answers[trap.__name__] = reader.run(trap(folder), what)
    died = [name for name, one in answers.items() if "died" in one]
    answered = [one for one in answers.values() if "died" not in one]
    slowest, largest = max(one["cpu"] for one in answered), max(one["megabytes"] for one in answered)
    waited = max(one["wall"] for one in answered)
    how = "opened" if what == "read" else "converted"
    figure(
        f"{len(traps)} traps {how}, each in a process of its own: {len(died)} without an answer, the slowest one "
        f"{slowest:.2f} s of processor time ({waited:.2f} s by the clock), the largest one {largest:.0f} MB more memory"
    )
    assert died == []
    # Of the process alone: how busy the machine is must not decide. One that waits for ever is killed, and has died.
    assert {name: one["cpu"] for name, one in answers.items() if one["cpu"] > SECONDS} == {}
    assert {name: one["megabytes"] for name, one in answers.items() if one["megabytes"] > MEGABYTES} == {}
    fit = {"old_format"} & answers.keys() if what == "convert" else set()
    unplain = {name for name, one in answers.items() if not is_plain(one["told"], tmp_path / "a.pth")}
    assert unplain == fit
