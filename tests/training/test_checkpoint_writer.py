import errno
import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest
import torch

from tests.training.tiny import are_equal, make_workshop, shared_model, tensors_of, train
from training import AutoencoderTrainer, CheckpointNotSaved, load_checkpoint, save_checkpoint
from training.checkpoint_reader import read_checkpoint
from training.checkpoint_writer import (
    FILES,
    LOCK_FILE,
    STATE_FILE,
    copy_contents,
    file_digest,
    read_state,
    saved_random_state,
)

AUTOENCODER, PREDICTOR = FILES["autoencoder"], FILES["predictor"]


@pytest.fixture
def optimizers(recording, tmp_path_factory):
    """Both networks after two steps."""
    workshop = make_workshop(tmp_path_factory.mktemp("unused"))
    train(workshop, recording, "predictor")
    return workshop._optimizers


def contents_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != LOCK_FILE}


def test_a_file_has_the_promised_keys_and_plain_contents(tmp_path, optimizers):
    assert save_checkpoint(tmp_path, optimizers).files == {AUTOENCODER: 2, PREDICTOR: 2}
    parts = {"model_state_dict", "optimizer_state_dict", "scheduler_state_dict"}
    for network, name in FILES.items():
        content = torch.load(tmp_path / name, weights_only=True)
        assert set(content) == parts | ({"level"} if network == "predictor" else set())
        module = optimizers.model.autoencoder if network == "autoencoder" else optimizers.model.predictor
        assert are_equal(content["model_state_dict"], module.state_dict())
        assert content["scheduler_state_dict"]["last_epoch"] == 2
        assert [len(group["params"]) for group in content["optimizer_state_dict"]["param_groups"]] == [
            len(group["param_names"]) for group in content["optimizer_state_dict"]["param_groups"]
        ]
    assert torch.load(tmp_path / PREDICTOR, weights_only=True)["level"] == 0


def test_a_saved_network_loads_by_itself(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    model = shared_model().model
    assert load_checkpoint(tmp_path / AUTOENCODER, model.autoencoder).step == 2
    assert load_checkpoint(tmp_path / PREDICTOR, model.predictor).notes == ()
    assert are_equal(tensors_of(model), tensors_of(optimizers.model))


def test_the_backup_is_the_file_before(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    before = contents_of(tmp_path)
    assert not any("backup" in name for name in before)
    optimizers.model.autoencoder.cls_token.data += 1
    save_checkpoint(tmp_path, optimizers, ["autoencoder"])
    after = contents_of(tmp_path)
    assert after["autoencoder_backup.pth"] == before[AUTOENCODER] != after[AUTOENCODER]
    assert after[PREDICTOR] == before[PREDICTOR] and "predictor_0_backup.pth" not in after


def test_litter_of_a_killed_save_is_swept(tmp_path, optimizers):
    for name in (AUTOENCODER, "state.json", "autoencoder_backup.pth"):
        (tmp_path / f"{name}.unfinished").write_bytes(b"half")
    (tmp_path / "mine.txt").write_text("kept")
    save_checkpoint(tmp_path, optimizers, ["autoencoder"])
    assert sorted(contents_of(tmp_path)) == [AUTOENCODER, "mine.txt", STATE_FILE]


def test_copied_contents_do_not_change_with_the_weights(optimizers, batch):
    contents = copy_contents(optimizers, ["autoencoder"])
    weights = {k: v.clone() for k, v in contents.networks["autoencoder"]["model_state_dict"].items()}
    AutoencoderTrainer(optimizers.model, optimizers).step(batch)
    assert are_equal(weights, contents.networks["autoencoder"]["model_state_dict"])
    assert not torch.equal(optimizers.generator.get_state(), contents.random_state)


FAILURES = {
    "torch.save, disk full": (torch, "save", RuntimeError("[enforce fail at inline_container.cc] . unexpected pos")),
    "torch.save, input/output": (torch, "save", OSError(errno.EIO, "Input/output error")),
    "fsync": (os, "fsync", OSError(errno.ENOSPC, "No space left on device")),
    "replace": (os, "replace", OSError(errno.EIO, "Input/output error")),
}


@pytest.mark.parametrize("is_late", [False, True], ids=["first call", "later call"])
@pytest.mark.parametrize("where", FAILURES)
def test_a_step_of_a_save_that_fails_leaves_old_or_new_files_and_says_so(
    tmp_path, tmp_path_factory, optimizers, monkeypatch, where, is_late
):
    save_checkpoint(tmp_path, optimizers)
    before = contents_of(tmp_path)
    other = tmp_path_factory.mktemp("new")
    save_checkpoint(other, changed := moved(optimizers))
    new = contents_of(other)
    module, name, problem = FAILURES[where]
    real, calls = getattr(module, name), []

    def failing(*arguments, **options):
        calls.append(name)
        if len(calls) > is_late:
            raise problem
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, failing)
        with pytest.raises(CheckpointNotSaved) as caught:
            save_checkpoint(tmp_path, changed)
    message = str(caught.value)
    assert message.startswith("The checkpoint was not saved (") and "the one saved before is still there" in message
    assert str(tmp_path) not in message
    after = contents_of(tmp_path)
    for file in FILES.values():
        assert after[file] in (before[file], new[file])
        if not is_late:
            assert after[file] == before[file]
    if where.startswith("torch.save") or where == "fsync":
        assert all(after[file] == before[file] for file in FILES.values())
    assert not [file for file in after if file.endswith(".unfinished")]
    assert save_checkpoint(tmp_path, changed).files == {AUTOENCODER: 3, PREDICTOR: 2}
    assert {file: contents_of(tmp_path)[file] for file in FILES.values()} == {f: new[f] for f in FILES.values()}


def test_without_links_the_backup_is_a_copy(tmp_path, optimizers, monkeypatch):
    save_checkpoint(tmp_path, optimizers)
    before = contents_of(tmp_path)[AUTOENCODER]

    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save_checkpoint(tmp_path, moved(optimizers))
    assert contents_of(tmp_path)["autoencoder_backup.pth"] == before != contents_of(tmp_path)[AUTOENCODER]


def moved(optimizers):
    """The same optimizers after another step of the autoencoder."""
    for parameter in optimizers.model.autoencoder.parameters():
        parameter.grad = torch.ones_like(parameter)
    optimizers.of("autoencoder").step()
    return optimizers


def test_a_folder_that_cannot_be_made_is_said(tmp_path, optimizers):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointNotSaved, match="Not a directory"):
        save_checkpoint(tmp_path / "file" / "robot", optimizers)


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from tests.training.tiny import make_workshop
from training import CheckpointNotSaved
folder = Path(sys.argv[1])
workshop = make_workshop(folder)
workshop.load("autoencoder", folder / "autoencoder.pth")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    workshop.save()
except CheckpointNotSaved as problem:
    sys.stdout.write(str(problem))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
workshop.save()
"""


def test_a_full_disk_leaves_the_old_file_and_the_next_save_works(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers, ["autoencoder"])
    before = (tmp_path / AUTOENCODER).read_bytes()
    done = subprocess.run([sys.executable, "-c", DISK_FULL, str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The checkpoint was not saved (")
    assert (tmp_path / "autoencoder_backup.pth").read_bytes() == before
    assert read_checkpoint(tmp_path / AUTOENCODER).step == 2


def test_random_numbers_are_used_again_only_with_the_weights_they_belong_to(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    path = tmp_path / AUTOENCODER
    assert torch.equal(saved_random_state(path), optimizers.generator.get_state())
    assert read_state(tmp_path)["digests"] == {name: file_digest(tmp_path / name) for name in FILES.values()}
    torch.save(shared_model().model.autoencoder.state_dict(), path)
    assert saved_random_state(path) is None
    assert torch.equal(saved_random_state(tmp_path / PREDICTOR), optimizers.generator.get_state())


def test_saving_one_network_keeps_what_is_known_of_the_other(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    save_checkpoint(tmp_path, optimizers, ["autoencoder"])
    assert saved_random_state(tmp_path / PREDICTOR) is not None
    assert saved_random_state(tmp_path / "autoencoder_backup.pth") is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b'{"digests": 3}', b"\xff\xfe", b"[" * 100_000, b'{"digests": {}, "random_state": 3}'],
)
def test_a_damaged_state_file_is_no_obstacle(tmp_path, optimizers, content):
    save_checkpoint(tmp_path, optimizers)
    (tmp_path / STATE_FILE).write_bytes(content)
    assert saved_random_state(tmp_path / AUTOENCODER) is None
    save_checkpoint(tmp_path, optimizers)
    assert saved_random_state(tmp_path / AUTOENCODER) is not None


def test_the_state_file_is_json_and_no_pickle(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    assert set(json.loads((tmp_path / STATE_FILE).read_text())) == {"digests", "random_state"}


KILLED = """
import os, sys
from pathlib import Path
import torch
from tests.training.test_checkpoint_writer import FILES, moved, save_checkpoint, shared_model
from training import WorldModelOptimizers
torch.set_num_threads(1)
optimizers = WorldModelOptimizers(shared_model().model)
for folder in sys.stdin:
    child = os.fork()
    if child == 0:
        os.write(1, f"{os.getpid()}\\n".encode())
        while True:
            moved(optimizers)
            saved = save_checkpoint(Path(folder.strip()), optimizers)
            os.write(1, f"{saved.files[FILES['autoencoder']]}\\n".encode())
    os.waitpid(child, 0)
    os.write(1, b"dead\\n")
"""


def test_a_kill_never_costs_a_checkpoint(tmp_path):
    """A child saves steps 1, 2, 3, … in a loop, acknowledges each, and is killed at a random moment."""
    draw, moment, acknowledged = random.Random(7), threading.Event(), 0
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    with subprocess.Popen([sys.executable, "-c", KILLED], **pipes) as parent:
        for kill in range(10):
            folder = tmp_path / str(kill % 2)  # into an empty folder, and over what an earlier kill left
            parent.stdin.write(f"{folder}\n")
            child, last = int(parent.stdout.readline()), 0
            for _ in range(1 + draw.randrange(3)):
                last = int(parent.stdout.readline())
            moment.wait(draw.random() * 0.03)
            os.kill(child, signal.SIGKILL)
            while (line := parent.stdout.readline().strip()) != "dead":
                last = int(line)
            acknowledged += last
            workshop = make_workshop(folder)
            assert workshop.load("autoencoder", folder / AUTOENCODER).step >= last
            assert workshop.load("predictor", folder / PREDICTOR).notes == ()
            workshop.save()
            assert not list(folder.glob("*.unfinished"))
        parent.stdin.close()
    assert acknowledged >= 10
