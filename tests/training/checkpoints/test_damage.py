"""Damaged files: each is refused or read as it was, its backup is loaded instead, and never lost afterwards."""

import os
import random
import shutil

import pytest
import torch

from tests.promises import count
from tests.training.tiny import are_equal, make_manager, tensors_of, train
from training import CheckpointDamaged, CheckpointError, CheckpointNotFinite, CheckpointOldFormat, WrongNetwork
from training.checkpoints.manifest import STATE_FILE, file_digest
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.versions import HISTORY_FOLDER, list_versions
from training.checkpoints.writer import FILES, copy_contents, save_checkpoint, write_contents
from training.cli import load_default_checkpoints

NAME, BACKUP = FILES["autoencoder"], "autoencoder_backup.pth"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, recording):
    """A checkpoint of four steps and its backup of two; only to be copied."""
    manager = make_manager(tmp_path_factory.mktemp("trained") / "toroidal_dot")
    for _ in range(2):
        train(manager, recording)
    return manager.directory


@pytest.fixture
def folder(tmp_path, trained):
    """A copy of it."""
    return shutil.copytree(trained, tmp_path / trained.name)


def damaged_forms(original):
    """Bytes of a file with one bit turned, cut short, or with others before or behind it, by kind."""
    draw = random.Random(0)

    def flipped():
        changed = bytearray(original)
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
        return bytes(changed)

    cuts = [0, 1, 4, 21, 22, 23, 97, 98, 99, len(original) - 1]
    cuts += [draw.randrange(len(original)) for _ in range(40)]
    garbage = [draw.randbytes(draw.randrange(1, 5000)) for _ in range(20)]
    return {
        "bit flips": [flipped() for _ in range(200)],
        "truncations": [original[:length] for length in cuts],
        "with garbage before or behind": [
            some + original if offset % 2 else original + some for offset, some in enumerate(garbage)
        ],
    }


@pytest.mark.promise("damage is noticed")
def test_damage_is_noticed_and_the_backup_loaded(folder, figure):
    path, manager = folder / NAME, make_manager(folder)
    good, backup = read_checkpoint(path), read_checkpoint(folder / BACKUP)
    message = "autoencoder.pth is damaged or not a checkpoint; its backup of step 2 was loaded instead."
    for kind, forms in damaged_forms(path.read_bytes()).items():
        tried = forms[:: count(8, 1)]
        refused = equal = wrong = unsaid = 0
        for data in tried:
            path.write_bytes(data)
            info = manager.load("autoencoder", path)
            loaded = tensors_of(manager.shared.model.autoencoder)
            if are_equal(loaded, backup.tensors) and info.step == 2:
                refused += 1
                unsaid += not info.notes[0].startswith("autoencoder.pth ") or not info.notes[0].endswith(message[-46:])
            elif are_equal(loaded, good.tensors) and info.step == 4:
                equal += 1
                unsaid += info.notes[0] != "autoencoder.pth is not the file that was saved there last."
            else:
                wrong += 1
        figure(
            f"{len(tried)} {kind}: {refused} refused and the backup loaded instead, {equal} read with every number "
            f"as it was, {wrong} loaded with other numbers, {unsaid} of which nothing was said"
        )
        assert (wrong, unsaid) == (0, 0) and refused + equal == len(tried) and refused >= len(tried) // 2


def test_the_weights_in_use_are_named_as_the_backup(folder):
    (folder / NAME).write_bytes(b"")
    manager = make_manager(folder)
    manager.load_defaults()
    assert manager.shared.weights["autoencoder"].describe() == "toroidal_dot/autoencoder_backup.pth, step 2"


@pytest.mark.promise("NaN")
def test_numbers_that_are_not_finite_are_refused_wherever_they_stand(folder, figure):
    """In the weights the file is refused; in the optimizer's state alone that starts fresh."""
    content = torch.load(folder / NAME, weights_only=True)
    before = tensors_of(make_manager(folder).shared.model.autoencoder)
    refused = fresh = 0
    bad = [float("nan"), float("inf"), -float("inf")]
    for key, value in ((key, value) for key in list(content["model_state_dict"])[:: count(4, 1)] for value in bad):
        tensors = {name: tensor.clone() for name, tensor in content["model_state_dict"].items()}
        tensors[key].view(-1)[-1] = value
        torch.save(content | {"model_state_dict": tensors}, folder / "bad.pth")
        manager = make_manager(folder)
        with pytest.raises(CheckpointNotFinite, match="not finite"):
            manager.load("autoencoder", folder / "bad.pth")
        refused += are_equal(tensors_of(manager.shared.model.autoencoder), before)
    states = content["optimizer_state_dict"]["state"]
    offsets = [(index, name) for index in states for name in ("exp_avg", "exp_avg_sq")][:: count(8, 1)]
    for index, name in offsets:
        old = states[index][name].clone()
        states[index][name].view(-1)[0] = float("nan")
        torch.save(content, folder / "bad.pth")
        notes = make_manager(folder).load("autoencoder", folder / "bad.pth").notes
        fresh += any(note.startswith("Its optimizer could not be matched") for note in notes)
        states[index][name] = old
    tried = len(list(content["model_state_dict"])[:: count(4, 1)]) * len(bad)
    figure(
        f"{tried} checkpoints with NaN or an infinity in a weight: {tried - refused} changed the weights in use; "
        f"{len(offsets)} with NaN in the optimizer's state: {len(offsets) - fresh} kept it"
    )
    assert refused == tried and fresh == len(offsets)


@pytest.mark.promise("NaN")
def test_weights_that_are_not_finite_are_not_saved_over_good_ones(folder, figure):
    manager = make_manager(folder)
    manager.load("autoencoder", folder / NAME)
    files = {path.name: path.read_bytes() for path in folder.glob("[a-z]*.*")}
    tried = list(manager.shared.model.autoencoder.parameters())
    saved = 0
    for parameter in tried:
        old = parameter.data.clone()
        parameter.data.view(-1)[0] = float("nan")
        with pytest.raises(CheckpointError, match="were not saved; the checkpoint saved before is still there"):
            manager.save()
        saved += {path.name: path.read_bytes() for path in folder.glob("[a-z]*.*")} != files
        parameter.data.copy_(old)
    figure(f"{len(tried)} saves of weights with one NaN: {saved} changed a file")
    assert saved == 0


def test_numbers_that_are_not_finite_fall_back_as_damage_does(folder):
    content = torch.load(folder / NAME, weights_only=True)
    content["model_state_dict"]["cls_token"][:] = float("nan")
    torch.save(content, folder / NAME)
    notes = make_manager(folder).load("autoencoder", folder / NAME).notes
    assert notes == (
        "autoencoder.pth holds numbers in cls_token that are not finite; its backup of step 2 was loaded instead.",
    )


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_without_a_good_backup_the_file_itself_is_refused(folder):
    damage(folder / NAME)
    damage(folder / BACKUP)
    for backup in ("damaged", "absent", "a link"):
        with pytest.raises(CheckpointDamaged, match=r"^autoencoder\.pth is damaged"):
            make_manager(folder).load("autoencoder", folder / NAME)
        (folder / BACKUP).unlink(missing_ok=True)
        if backup == "absent":
            elsewhere = folder.parent / "elsewhere.pth"
            torch.save(make_manager(folder).shared.model.autoencoder.state_dict(), elsewhere)
            (folder / BACKUP).symlink_to(elsewhere)


@pytest.mark.parametrize("other", ["of the other network", "of the old format"])
def test_a_whole_file_of_another_kind_is_named_and_not_replaced_by_the_backup(folder, other):
    model = make_manager(folder).shared.model
    if other == "of the other network":
        torch.save(model.predictor.state_dict(), folder / NAME)
    else:
        torch.save(model.autoencoder.state_dict(), folder / NAME, _use_new_zipfile_serialization=False)
    with pytest.raises((WrongNetwork, CheckpointOldFormat)):
        make_manager(folder).load("autoencoder", folder / NAME)


def digests_in(folder):
    return {path.name: file_digest(path) for path in folder.glob("*.pth")}


def kept_in(folder):
    """Digests of the autoencoders in the history, newest first."""
    return [file_digest(one.path(folder, "autoencoder")) for one in list_versions(folder)]


def test_saves_after_a_backup_was_loaded_keep_it_and_the_damaged_file(folder, recording):
    damage(folder / NAME)
    before, manager = digests_in(folder), make_manager(folder)
    manager.load("autoencoder", folder / NAME)
    message = train(manager, recording).saved
    assert "the previous weights are in the checkpoint history" in message
    assert kept_in(folder)[0] == before[NAME] and digests_in(folder)[BACKUP] == before[BACKUP]
    assert make_manager(folder).load("autoencoder", folder / NAME).step == 4
    manager.save()  # the second one of a run would have made a backup otherwise


def test_many_saves_of_a_run_that_began_with_the_backup_leave_it(folder, recording):
    damage(folder / NAME)
    manager, before = make_manager(folder), digests_in(folder)
    manager.load("autoencoder", folder / NAME)
    manager.trainer._provenance.begin_run()
    for _ in range(3):
        manager.trainer.save(["autoencoder"])
    assert digests_in(folder)[BACKUP] == before[BACKUP]


def test_weights_of_a_chosen_backup_do_not_replace_the_newer_file(folder, recording):
    """After a bad run its backup is loaded: neither the file of the run nor the one before may be lost."""
    manager, before = make_manager(folder), digests_in(folder)
    manager.load("autoencoder", folder / NAME)
    manager.load("autoencoder", folder / BACKUP)
    train(manager, recording)
    after = digests_in(folder)
    assert after[BACKUP] == before[BACKUP] and before[NAME] == kept_in(folder)[0] and len(after) == 2


def test_a_save_by_itself_makes_no_backup_of_a_damaged_file(folder):
    manager = make_manager(folder)
    manager.load("autoencoder", folder / NAME)
    damage(folder / NAME)
    before = digests_in(folder)
    save_checkpoint(folder, manager.trainer.state, ["autoencoder"])
    assert digests_in(folder)[BACKUP] == before[BACKUP] and kept_in(folder)[0] == before[NAME]


def test_two_files_kept_in_one_second_have_a_name_each(folder):
    """Also if the history cannot be written."""
    manager, damaged = make_manager(folder), []
    manager.load("autoencoder", folder / NAME)
    shutil.rmtree(folder / HISTORY_FOLDER)
    (folder / HISTORY_FOLDER).write_text("a file")
    for _ in range(3):
        damage(folder / NAME)
        damaged.append(file_digest(folder / NAME))
        write_contents(folder, copy_contents(manager.trainer.state, ["autoencoder"]))
    assert [file_digest(path) for path in sorted(folder.glob("autoencoder_2*"))] == damaged


def test_a_file_put_there_by_hand_is_reported(folder):
    shutil.copy(folder / BACKUP, folder / NAME)
    info = make_manager(folder).load("autoencoder", folder / NAME)
    assert (info.step, info.notes) == (2, ("autoencoder.pth is not the file that was saved there last.",))
    (folder / STATE_FILE).unlink()
    assert make_manager(folder).load("autoencoder", folder / NAME).notes == ()


def test_a_pipe_in_the_place_of_a_checkpoint_stops_a_save_and_not_the_server(folder):
    manager = make_manager(folder)
    manager.load("autoencoder", folder / NAME)
    (folder / NAME).unlink()
    os.mkfifo(folder / NAME)
    with pytest.raises(CheckpointError, match=r"autoencoder\.pth is not an ordinary file"):
        manager.save()
    (folder / STATE_FILE).unlink()
    os.mkfifo(folder / STATE_FILE)
    assert make_manager(folder).load("autoencoder", folder / BACKUP).step == 2


def test_training_without_a_browser_goes_on_from_the_backup_and_says_so(folder, capsys):
    damage(folder / NAME)
    load_default_checkpoints(make_manager(folder), ("autoencoder",))
    assert capsys.readouterr().out == (
        "Going on from toroidal_dot/autoencoder_backup.pth, step 2. autoencoder.pth is damaged or not a checkpoint; "
        "its backup of step 2 was loaded instead.\n"
    )
