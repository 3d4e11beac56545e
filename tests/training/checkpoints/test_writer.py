import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import threading

import pytest
import torch

from models import Architecture
from tests.cases import every_case
from tests.promises import count
from tests.training.tiny import are_equal, make_manager, small_manager, small_model, tensors_of, train
from training import CheckpointError, CheckpointNotSaved, TrainState, load_checkpoint, save_checkpoint
from training.checkpoints.folder import LOCK_FILE
from training.checkpoints.manifest import STATE_FILE, file_digest, read_state, saved_with
from training.checkpoints.writer import FILES, copy_contents, write_contents

AUTOENCODER, PREDICTOR = FILES["autoencoder"], FILES["predictor"]


@pytest.fixture
def optimizers():
    """Both networks after two steps."""
    made = TrainState(small_model().model)
    for _ in range(2):
        moved(made, *FILES)
    return made


def moved(optimizers, *networks):
    """The same optimizers after another step of some networks, the autoencoder if none are named."""
    for network in networks or ("autoencoder",):
        for parameter in optimizers.model.network(network).parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizers.of(network).step()
    return optimizers


def contents_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name != LOCK_FILE}


def test_a_file_has_the_promised_keys_and_plain_contents(tmp_path, optimizers):
    assert save_checkpoint(tmp_path, optimizers).files == {AUTOENCODER: 2, PREDICTOR: 2}
    parts = {"model_state_dict", "optimizer_state_dict", "scheduler_state_dict", "config"}
    for network, name in FILES.items():
        content = torch.load(tmp_path / name, weights_only=True)
        assert set(content) == parts | ({"level"} if network == "predictor" else set())
        module = optimizers.model.network(network)
        assert content["config"] == Architecture.of(module).as_dict()
        assert are_equal(content["model_state_dict"], module.state_dict())
        assert content["scheduler_state_dict"]["last_epoch"] == 2
        assert [len(group["params"]) for group in content["optimizer_state_dict"]["param_groups"]] == [
            len(group["param_names"]) for group in content["optimizer_state_dict"]["param_groups"]
        ]
    assert torch.load(tmp_path / PREDICTOR, weights_only=True)["level"] == 0


def test_a_saved_network_loads_by_itself(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    model = small_model().model
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


def test_copied_contents_do_not_change_with_the_weights(optimizers):
    contents = copy_contents(optimizers, ["autoencoder"])
    weights = {k: v.clone() for k, v in contents.networks["autoencoder"]["model_state_dict"].items()}
    torch.rand(1, generator=moved(optimizers).generator)
    assert are_equal(weights, contents.networks["autoencoder"]["model_state_dict"])
    assert not torch.equal(optimizers.generator.get_state(), contents.random_state)


def test_without_links_the_backup_is_a_copy(tmp_path, optimizers, monkeypatch):
    save_checkpoint(tmp_path, optimizers)
    before = contents_of(tmp_path)[AUTOENCODER]

    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    save_checkpoint(tmp_path, moved(optimizers))
    assert contents_of(tmp_path)["autoencoder_backup.pth"] == before != contents_of(tmp_path)[AUTOENCODER]


def test_a_folder_that_cannot_be_made_is_said(tmp_path, optimizers):
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointNotSaved, match="Not a directory"):
        save_checkpoint(tmp_path / "file" / "robot", optimizers)


def saved_random_state(path):
    return saved_with(path, file_digest(path)).random_state


def test_random_numbers_are_used_again_only_with_the_weights_they_belong_to(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    path = tmp_path / AUTOENCODER
    assert torch.equal(saved_random_state(path), optimizers.generator.get_state())
    assert read_state(tmp_path)["digests"] == {name: file_digest(tmp_path / name) for name in FILES.values()}
    torch.save(small_model().model.autoencoder.state_dict(), path)
    assert saved_random_state(path) is None
    assert torch.equal(saved_random_state(tmp_path / PREDICTOR), optimizers.generator.get_state())


def test_saving_one_network_keeps_what_is_known_of_the_other(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    save_checkpoint(tmp_path, optimizers, ["autoencoder"])
    assert saved_random_state(tmp_path / PREDICTOR) is not None
    assert saved_random_state(tmp_path / "autoencoder_backup.pth") is None


@every_case(
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
    assert set(json.loads((tmp_path / STATE_FILE).read_text())) == {"digests", "files", "random_state"}


KILLED = """
import os, sys
from pathlib import Path
import torch
from tests.training.checkpoints.test_writer import FILES, moved, save_checkpoint, small_model
from training import TrainState
torch.set_num_threads(1)
optimizers = TrainState(small_model().model)
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


@pytest.mark.promise("a kill never costs a checkpoint")
def test_a_kill_never_costs_a_checkpoint(tmp_path, figure):
    """A child saves steps 1, 2, 3, … in a loop, acknowledges each, and is killed at a random moment."""
    draw, moment = random.Random(7), threading.Event()
    kills, acknowledged, unfinished, unreadable, lost, parted, litter = count(10, 200), 0, 0, 0, 0, 0, 0
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    with subprocess.Popen([sys.executable, "-c", KILLED], **pipes) as parent:
        for kill in range(kills):
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
            unfinished += any(folder.glob("*.unfinished"))
            try:
                manager = small_manager(folder)
                lost += manager.load("autoencoder", folder / AUTOENCODER).step < last
                parted += manager.load("predictor", folder / PREDICTOR).notes != ()
            except CheckpointError:
                unreadable += 1
            parted += read_state(folder)["digests"] != {name: file_digest(folder / name) for name in FILES.values()}
            litter += any(folder.glob("*.unfinished")) or any(folder.glob("*/*.unfinished"))
            manager.save()
        parent.stdin.close()
    figure(
        f"{kills} kills ({unfinished} within a save) after {acknowledged} acknowledged saves: {unreadable} without a "
        f"loadable file, {lost} acknowledged saves lost, {parted} with files of two saves, {litter} with litter after "
        "the next start"
    )
    assert (unreadable, lost, parted, litter) == (0, 0, 0, 0) and acknowledged >= kills


def test_a_save_that_was_decided_is_finished_at_the_next_start(tmp_path, tmp_path_factory, optimizers):
    """As if the power had gone between state.json and the renaming of the files."""
    save_checkpoint(tmp_path, optimizers)
    other = tmp_path_factory.mktemp("new")
    save_checkpoint(other, moved(optimizers))
    for name in FILES.values():
        (tmp_path / f"{name}.unfinished").write_bytes((other / name).read_bytes())
    (tmp_path / STATE_FILE).write_bytes((other / STATE_FILE).read_bytes())
    small_manager(tmp_path)
    assert contents_of(tmp_path) == contents_of(other)


def test_a_file_put_there_after_a_save_was_decided_is_not_replaced(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    (tmp_path / f"{AUTOENCODER}.unfinished").write_bytes((tmp_path / AUTOENCODER).read_bytes())
    (tmp_path / AUTOENCODER).write_bytes(b"somebody's own")
    small_manager(tmp_path)
    assert (tmp_path / AUTOENCODER).read_bytes() == b"somebody's own"
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_start_beside_a_save_leaves_it_alone(tmp_path, optimizers):
    save_checkpoint(tmp_path, optimizers)
    (tmp_path / "autoencoder.pth.unfinished").write_bytes(b"half")
    with (tmp_path / LOCK_FILE).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        small_manager(tmp_path)
        assert (tmp_path / "autoencoder.pth.unfinished").exists()
    small_manager(tmp_path)
    assert not (tmp_path / "autoencoder.pth.unfinished").exists()


def test_bytes_that_come_back_otherwise_are_no_checkpoint(tmp_path, optimizers, monkeypatch):
    save_checkpoint(tmp_path, optimizers)
    before, real = contents_of(tmp_path), os.fsync

    def fsync(descriptor):
        real(descriptor)
        for path in tmp_path.glob("*.pth.unfinished"):
            path.write_bytes(path.read_bytes()[:-1] + b"!")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(CheckpointNotSaved, match="the disk gave back other bytes than were written"):
            save_checkpoint(tmp_path, moved(optimizers))
    assert contents_of(tmp_path) == before


def test_a_backup_that_failed_is_made_by_the_next_save(tmp_path, recording, monkeypatch):
    manager = make_manager(tmp_path)
    train(manager, recording)
    before = (tmp_path / AUTOENCODER).read_bytes()
    manager.trainer._provenance.begin_run()
    contents = copy_contents(moved(manager.trainer.state), ["autoencoder"])
    real = os.replace

    def failing(source, target):
        if str(target).endswith("_backup.pth"):
            raise OSError(errno.EIO, "Input/output error")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", failing)
        with pytest.raises(CheckpointNotSaved):
            write_contents(tmp_path, contents, manager.trainer._provenance)
    write_contents(tmp_path, contents, manager.trainer._provenance)
    assert (tmp_path / "autoencoder_backup.pth").read_bytes() == before
