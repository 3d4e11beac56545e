"""A disk that fails or is full, at every step of a save: old or new files, never some of each, and a plain message."""

import errno
import fcntl
import functools
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises import count
from tests.training.checkpoints.test_writer import contents_of, moved
from tests.training.tiny import small_manager
from training import CheckpointNotSaved
from training.checkpoints import folder as checkpoint_folder
from training.checkpoints.manifest import STATE_FILE
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES, _size_of, copy_contents, save_checkpoint, write_contents

ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES}
NAMES = {*FILES.values(), STATE_FILE}
WRITES = 12  # of the hundreds of writes of a save
SAID = re.compile(
    r"The checkpoint was not saved \((disk full: need [\d.]+ [kM]B(, have [\d.]+ [kM]B)?|[A-Z][a-z /]+)\); the one "
    r"saved before is still there\. Make room or check the folder, then press Save Models\."
    r"|The checkpoint was written, but the disk failed while it was put in its place \([A-Z][a-z /]+\); the next save "
    r"or start finishes it\. Check the folder, then press Save Models\."
)


class Killed(BaseException):
    """The end of the process: nothing catches it."""


class Disk:
    """System calls of a save: counted by kind, and one of them fails, or all from there."""

    def __init__(self, kind="", number=0, problem=None, is_for_good=False):
        self.kind, self.number, self.problem, self.is_for_good = kind, number, problem, is_for_good
        self.calls, self.has_failed = {}, False

    def touch(self, kind):
        self.calls[kind] = self.calls.get(kind, 0) + 1
        is_here = kind == self.kind and self.calls[kind] >= self.number
        is_due = is_here and (self.is_for_good or not self.has_failed)
        # Once the process is killed, or the whole disk gone, nothing works any more.
        if is_due or (self.has_failed and self.is_for_good == "everything"):
            self.has_failed = True
            raise self.problem

    def wrapped(self, kind, real):
        @functools.wraps(real)
        def call(*arguments, **options):
            self.touch(kind)
            return real(*arguments, **options)

        return call

    def open(self, file, mode="r", *arguments, **options):
        self.touch("open to write" if set(mode) & set("wax") else "open to read")
        stream = io_open(file, mode, *arguments, **options)
        return Watched(self, stream) if set(mode) & set("wax") else stream

    def put_under(self, patch):
        patch.setattr(io, "open", self.open)
        for name in ("fsync", "link", "replace", "unlink"):
            patch.setattr(os, name, self.wrapped(name, getattr(os, name)))
        patch.setattr(os, "open", self.wrapped("open a folder", os.open))
        patch.setattr(fcntl, "flock", self.wrapped("lock", fcntl.flock))


io_open = io.open


class Watched:
    """A file whose writes are counted, and may fail."""

    def __init__(self, disk, file):
        self.disk, self.file = disk, file

    def write(self, data):
        self.disk.touch("write")
        return self.file.write(data)

    def flush(self):
        self.disk.touch("flush")
        self.file.flush()

    def fileno(self):
        return self.file.fileno()

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.file.close()


@pytest.fixture(scope="module")
def generations(tmp_path_factory):
    """A folder with a checkpoint and its backup, the contents to be saved next, and their files."""
    folder = tmp_path_factory.mktemp("generations")
    optimizers = small_manager(folder / "old").trainer.state
    for _ in range(2):
        save_checkpoint(folder / "old", moved(optimizers))
    contents = copy_contents(moved(optimizers), FILES)
    shutil.copytree(folder / "old", folder / "new")
    write_contents(folder / "new", contents)
    return folder / "old", contents, folder / "new"


def generation_of(folder):
    """The files of a save; of state.json everything but what it says of backups, which each save may make anew."""
    generation = {name: data for name, data in contents_of(folder).items() if name in NAMES}
    state = json.loads(generation[STATE_FILE])
    files = {name: origin for name, origin in state["files"].items() if name in NAMES}
    return generation | {STATE_FILE: state | {"files": files}}


def points(generations, folder, monkeypatch):
    """Every call of a whole save, by kind and number; of the many writes only some."""
    shutil.copytree(generations[0], folder)
    disk = Disk()
    with monkeypatch.context() as patch:
        disk.put_under(patch)
        write_contents(folder, generations[1])
    numbered = []
    for kind, times in disk.calls.items():
        step = max(1, times // WRITES) if kind == "write" else 1
        numbered += [(kind, number) for number in sorted({*range(1, times + 1, step), times})]
    return numbered


def generation_name(folder, generations):
    """The generation in the folder: "old", "new", or "parted" for files of both."""
    files = generation_of(folder)
    for name, one in (("old", generations[0]), ("new", generations[2])):
        if files == generation_of(one):
            return name
    return "parted"


def try_save(folder, generations, disk, monkeypatch):
    """The message of a save on a bad disk; empty if it succeeded nevertheless."""
    shutil.copytree(generations[0], folder)
    with monkeypatch.context() as patch:
        disk.put_under(patch)
        try:
            write_contents(folder, generations[1])
        except CheckpointNotSaved as problem:
            return str(problem)
        except Killed:
            return "killed"
    return ""


@pytest.mark.promise("every step of a save may fail")
def test_every_step_of_a_save_may_fail(tmp_path, generations, monkeypatch, figure):
    where = points(generations, tmp_path / "counted", monkeypatch)
    kinds = {"open to write", "open to read", "open a folder", "write", "flush", "fsync", "link", "replace", "lock"}
    assert {kind for kind, _ in where} == kinds
    cases = [
        (point, name, is_for_good) for point in where for name in ERRORS for is_for_good in (False, True, "everything")
    ]
    ends, bad = {"old": 0, "new": 0}, []
    for number, ((kind, nth), name, is_for_good) in enumerate(cases[:: count(19, 1)]):
        folder = tmp_path / str(number)
        problem = OSError(ERRORS[name], os.strerror(ERRORS[name]))
        message = try_save(folder, generations, Disk(kind, nth, problem, is_for_good), monkeypatch)
        files = [
            generation_of(folder)[name] in (generation_of(one)[name] for one in generations[::2]) for name in NAMES
        ]
        small_manager(folder)  # the next start
        state = generation_name(folder, generations)
        is_explained = bool(SAID.fullmatch(message)) if message else state == "new"
        is_true = not message or message.startswith("The checkpoint was not saved") == (state == "old")
        litter = [path.name for pattern in ("*.unfinished", "*/*.unfinished") for path in folder.glob(pattern)]
        backup = (folder / "autoencoder_backup.pth").read_bytes()
        has_backup = backup in [(one / "autoencoder_backup.pth").read_bytes() for one in generations[::2]]
        write_contents(folder, generations[1])
        is_well = generation_name(folder, generations) == "new"
        if state in ends and all(files) and is_explained and is_true and not litter and has_backup and is_well:
            ends[state] += 1
        else:
            bad.append((kind, nth, name, is_for_good, state, message, litter, files, has_backup, is_well))
        shutil.rmtree(folder)
    figure(
        f"{len(where)} points of a save (open, write, flush, fsync, link, replace, lock, folder, state.json), "
        f"{sum(ends.values()) + len(bad)} cases (EIO, ENOSPC, EACCES; once, for good, the whole disk): {ends['old']} "
        f"left the old files, {ends['new']} the new ones, {len(bad)} anything else, nothing said, or litter after the "
        "next start"
    )
    assert bad == []


@pytest.mark.promise("a kill never costs a checkpoint")
def test_a_kill_at_every_step_of_a_save_leaves_one_generation(tmp_path, generations, monkeypatch, figure):
    where = points(generations, tmp_path / "counted", monkeypatch)
    ends, litter = {"old": 0, "new": 0, "parted": 0}, 0
    tried = where[:: count(3, 1)]
    for number, (kind, nth) in enumerate(tried):
        folder = tmp_path / str(number)
        disk = Disk(kind, nth, Killed(), "everything")
        assert try_save(folder, generations, disk, monkeypatch) == "killed"
        for name in FILES.values():
            assert read_checkpoint(folder / name)  # even before the next start
        small_manager(folder)
        ends[generation_name(folder, generations)] += 1
        litter += any(folder.glob("*.unfinished")) or any(folder.glob("*/*.unfinished"))
        shutil.rmtree(folder)
    figure(
        f"killed before {len(tried)} of {len(where)} calls of a save: {ends['old']} left the old files, "
        f"{ends['new']} the new ones, {ends['parted']} some of each, {litter} litter after the next start"
    )
    assert ends["parted"] == litter == 0 and ends["old"] and ends["new"]


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from tests.training.tiny import small_manager
from training import CheckpointNotSaved
folder, limit = Path(sys.argv[1]), int(sys.argv[2])
manager = small_manager(folder)
manager.load("autoencoder", folder / "autoencoder.pth")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    manager.save()
except CheckpointNotSaved as problem:
    sys.stdout.write(f"{problem}\\n")
sys.stdout.write(f"{(folder / 'autoencoder.pth').stat().st_mtime_ns}\\n")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sys.stdout.write(f"{manager.save().describe()}\\n")
"""


@pytest.mark.promise("disk full")
def test_a_full_disk_leaves_the_old_file_and_the_next_save_works(tmp_path, generations, figure):
    size = (generations[0] / FILES["autoencoder"]).stat().st_size
    limits = [size // 2, 0, 1, 5_000, size // 4, size - 1][: count(1, 6)]
    intact = reported = saved = 0
    for limit in limits:
        folder = tmp_path / str(limit)
        shutil.copytree(generations[0], folder)
        path = folder / FILES["autoencoder"]
        before, time = path.read_bytes(), path.stat().st_mtime_ns
        command = [sys.executable, "-c", DISK_FULL, str(folder), str(limit)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        message, stayed, described = done.stdout.splitlines()
        needed, available = re.search(r"\(disk full: need ([\d.]+) kB, have ([\d.]+) kB\); the one", message).groups()
        reported += size <= float(needed) * 1000 <= 1.5 * size and available == f"{limit / 1000:.1f}"
        intact += int(stayed) == time and (folder / "autoencoder_backup.pth").read_bytes() == before
        saved += described == "autoencoder.pth (step 2)" and read_checkpoint(path).step == 2
    figure(
        f"{len(limits)} limits to the size of a file, each in a process of its own: {len(limits) - intact} touched the "
        f'old checkpoint, {len(limits) - reported} without "disk full: need X, have Y", {len(limits) - saved} next '
        "saves failed"
    )
    assert intact == reported == saved == len(limits)


def test_a_disk_without_room_is_not_filled_up(tmp_path, generations, monkeypatch):
    shutil.copytree(generations[0], tmp_path / "r")
    before, opens = contents_of(tmp_path / "r"), []
    real = Path.open

    def recorded(path, mode="r", *arguments, **options):
        opens.append((path.name, mode))
        return real(path, mode, *arguments, **options)

    monkeypatch.setattr(checkpoint_folder, "free_bytes", lambda directory: 12_345)
    monkeypatch.setattr(Path, "open", recorded)
    with pytest.raises(CheckpointNotSaved, match=r"\(disk full: need [\d.]+ [kM]B, have 12\.3 kB\)"):
        write_contents(tmp_path / "r", generations[1])
    assert [name for name, mode in opens if mode != "rb"] == [".saving.lock"]
    assert contents_of(tmp_path / "r") == before


def test_what_is_said_to_be_needed_is_enough_and_not_much_more(generations):
    sizes = sum((generations[2] / name).stat().st_size for name in FILES.values())
    assert sizes <= _size_of(generations[1]) <= 1.5 * sizes


def test_a_quota_that_is_used_up_is_reported_without_a_wrong_number(tmp_path):
    problem = OSError(errno.EDQUOT, "Disk quota exceeded")
    assert checkpoint_folder.describe_os_error(problem, tmp_path, 21_400_000) == "disk full: need 21.4 MB"
