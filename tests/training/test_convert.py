"""Checkpoints of older kinds into today's: the same numbers, nothing run, nothing overwritten, nothing half written."""

import errno
import os
import pickle
import runpy
import sys
import zipfile

import pytest
import torch

from models import Architecture, SharedWorldModel
from tests.models.small import small_config
from tests.training import checkpoint_files
from tests.training.checkpoints.test_validate import are_equal
from training import CheckpointError, CheckpointOldFormat, TrainingManager, load_checkpoint
from training import convert as convert_module
from training.checkpoints.reader import read_checkpoint
from training.cli import DONE, NOT_DONE, WRONG_USAGE
from training.convert import convert, main


@pytest.fixture
def good(tmp_path):
    """A checkpoint of the notebook in today's format, as its programs wrote it."""
    return checkpoint_files.notebook_file(tmp_path / "good.pth", checkpoint_files.autoencoder(1))


def content_of(path):
    """The contents as the notebook would read them, NumPy's numbers included."""
    return torch.load(path, weights_only=False)


def in_old_format(good, content=None):
    path = good.with_name("old.pth")
    torch.save(content or content_of(good), path, _use_new_zipfile_serialization=False)
    return path


def with_prefix(good):
    content = content_of(good)
    content["model_state_dict"] = {f"module.{key}": value for key, value in content["model_state_dict"].items()}
    return content


def in_old_format_from_several_gpus(good):
    return in_old_format(good, with_prefix(good))


def from_several_gpus(good):
    torch.save(with_prefix(good), good.with_name("old.pth"))
    return good.with_name("old.pth")


def compressed(good):
    return checkpoint_files.write_archive(
        good.with_name("old.pth"), checkpoint_files.entries(good), zipfile.ZIP_DEFLATED
    )


KINDS = {
    in_old_format: "of torch's old format, 38 tensors, step 5",
    in_old_format_from_several_gpus: ("of torch's old format, 38 tensors, step 5, names without module."),
    from_several_gpus: "of today's format, 38 tensors, step 5, names without module.",
    compressed: "compressed, 38 tensors, step 5",
}
kinds = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


@kinds
def test_an_old_file_opens_after_it_was_converted(tmp_path, good, make):
    old, new, model = make(good), tmp_path / "new.pth", checkpoint_files.autoencoder(2)
    if make is not from_several_gpus:  # which opens as it is
        with pytest.raises(CheckpointError, match=r"convert it with `python -m training\.convert`"):
            load_checkpoint(old, model)
    before = old.read_bytes()
    assert convert(old, new).describe() == KINDS[make]
    assert load_checkpoint(new, model).step == 5
    assert are_equal(model.state_dict(), read_checkpoint(good).tensors)
    assert old.read_bytes() == before and sorted(tmp_path.iterdir()) == sorted({good, old, new})


@kinds
def test_optimizer_and_schedule_are_carried_along(tmp_path, good, make):
    convert(make(good), tmp_path / "new.pth")
    result, expected = torch.load(tmp_path / "new.pth", weights_only=True), content_of(good)
    (rate,), (known,) = (content["scheduler_state_dict"]["_last_lr"] for content in (result, expected))
    assert type(rate) is float and rate == float(known)
    for index, state in expected["optimizer_state_dict"]["state"].items():
        assert are_equal(result["optimizer_state_dict"]["state"][index], state)


def test_the_result_is_tried_before_it_is_written(tmp_path, good):
    content = content_of(good)
    content["model_state_dict"]["head.weight"] = torch.zeros(3)
    refused(in_old_format(good, content), tmp_path / "new.pth", r"would not open: new\.pth does not fit.*head\.weight")
    content = content_of(good)
    del content["model_state_dict"]["cls_token"]
    refused(in_old_format(good, content), tmp_path / "new.pth", r"would not open: new\.pth does not fit.*cls_token")
    model = checkpoint_files.autoencoder(1)
    content = {"model_state_dict": model.state_dict(), "config": Architecture.of(model).as_dict() | {"width": 64}}
    refused(
        in_old_format(good, content), tmp_path / "new.pth", r"would not open: new\.pth holds weights of other sizes"
    )


def test_a_bare_state_dict_stays_one(tmp_path):
    saved = checkpoint_files.autoencoder(1).state_dict()
    torch.save(saved, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert convert(tmp_path / "old.pth", tmp_path / "new.pth").describe() == "of torch's old format, 38 tensors"
    assert are_equal(torch.load(tmp_path / "new.pth", weights_only=True), saved)


def test_a_network_of_the_page_goes_on_from_a_converted_file(tmp_path, good):

    manager = TrainingManager(SharedWorldModel(small_config(), torch.device("cpu")), tmp_path)
    with pytest.raises(CheckpointOldFormat):
        manager.load("autoencoder", in_old_format(good))
    convert(tmp_path / "old.pth", tmp_path / "new.pth")
    assert manager.load("autoencoder", tmp_path / "new.pth").step == 5


def refused(old, new, match):
    there = {path: path.read_bytes() for path in old.parent.iterdir() if path.is_file()}
    with pytest.raises(CheckpointError, match=match) as caught:
        convert(old, new)
    assert {path: path.read_bytes() for path in old.parent.iterdir() if path.is_file()} == there
    assert str(old.parent) not in str(caught.value) and str(caught.value).endswith(".")


def test_what_cannot_be_converted_is_refused_by_name(tmp_path, good):
    old, new = in_old_format(good), tmp_path / "new.pth"
    refused(good, new, r"good\.pth is of today's format already; load it as it is\.")
    refused(old, good, r"good\.pth is there already; choose another name\.")
    refused(old, tmp_path / "new.pt", r"new\.pt does not end in \.pth; choose a name that does\.")
    refused(tmp_path / "absent.pth", new, r"There is no checkpoint absent\.pth")
    refused(old, tmp_path / "absent" / "new.pth", r"new\.pth was not written \(No such file or directory\)")
    (tmp_path / "dangling.pth").symlink_to("nowhere")
    refused(old, tmp_path / "dangling.pth", r"dangling\.pth is there already")


@pytest.mark.parametrize("name", ["state.pkl", "STATE.PKL", "a link.pth"])
def test_a_pickle_is_not_opened(tmp_path, monkeypatch, name):
    (tmp_path / "x.pkl").write_bytes(pickle.dumps({}))
    (tmp_path / "a link.pth").symlink_to(tmp_path / "x.pkl")
    if not (tmp_path / name).exists():
        (tmp_path / name).write_bytes(pickle.dumps({}))
    monkeypatch.setattr(convert_module, "open_checkpoint", lambda path: pytest.fail("it was opened"))
    refused(tmp_path / name, tmp_path / "new.pth", "is a pickle and is never opened")


def test_numbers_that_are_not_finite_are_refused(tmp_path, good):
    content = content_of(good)
    content["model_state_dict"]["cls_token"][:] = float("nan")
    refused(in_old_format(good, content), tmp_path / "new.pth", "holds numbers in cls_token that are not finite")


def test_damaged_old_files_are_refused_or_the_same(tmp_path, good):
    """Torch's old format has no checksums: a bit of a number that turns cannot be noticed, every other one can."""
    whole = in_old_format(good).read_bytes()
    for length in (0, 1, 20, 21, 200, len(whole) // 2, len(whole) - 1):
        good.with_name("old.pth").write_bytes(whole[:length])
        refused(good.with_name("old.pth"), tmp_path / "new.pth", "damaged|weights")
    for data in (whole + b"x", b"x" + whole):
        good.with_name("old.pth").write_bytes(data)
        refused(good.with_name("old.pth"), tmp_path / "new.pth", "damaged|weights")


@pytest.mark.parametrize("at", ["open", "fsync", "read back"])
def test_a_disk_that_fails_leaves_no_file(tmp_path, good, monkeypatch, at):
    old = in_old_format(good)

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    if at == "read back":
        monkeypatch.setattr(convert_module, "_is_same", lambda *_: False)
        refused(old, tmp_path / "new.pth", "was not the same when it was read back")
    elif at == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
        refused(old, tmp_path / "new.pth", r"was not written \(No space left on device\)")
    else:
        monkeypatch.setattr(convert_module, "_temporary", fail)
        refused(old, tmp_path / "new.pth", r"was not written \(No space left on device\)")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, good, monkeypatch, has_links):
    old, new, real = in_old_format(good), tmp_path / "new.pth", os.link

    def link(*arguments):
        if not has_links:
            raise OSError(errno.EPERM, "Operation not permitted")
        real(*arguments)

    def appear(*arguments):
        new.write_bytes(b"mine")
        return True

    monkeypatch.setattr(os, "link", link)
    with monkeypatch.context() as patch:
        patch.setattr(convert_module, "_is_same", appear)
        with pytest.raises(CheckpointError, match=r"new\.pth was not written \(File exists\)"):
            convert(old, new)
    assert new.read_bytes() == b"mine"
    new.unlink()
    convert(old, new)
    assert read_checkpoint(new).step == 5


def test_the_command_reports_the_old_and_the_new_file(tmp_path, good, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setattr(sys, "argv", ["convert", str(in_old_format(good)), str(tmp_path / "new.pth")])
    monkeypatch.delitem(sys.modules, "training.convert")
    for name in ("stdout", "stderr"):  # a command replaces them; they are put back
        monkeypatch.setattr(sys, name, getattr(sys, name))
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("training.convert", run_name="__main__")
    size = (tmp_path / "new.pth").stat().st_size
    assert caught.value.code == DONE
    told = [record.getMessage() for record in caplog.records if record.name == "__main__"]
    assert told == [f"old.pth: {KINDS[in_old_format]}.", f"new.pth: written and read back, {size} bytes."]


def test_the_exit_code_is_the_outcome(tmp_path, good, capsys):
    old = in_old_format(good)
    assert main([str(old), str(tmp_path / "new.pth")]) == DONE
    assert main([str(old), str(tmp_path / "new.pth")]) == NOT_DONE
    for arguments, code in (([], WRONG_USAGE), ([str(old)], WRONG_USAGE), (["--help"], 0)):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == code
    output = capsys.readouterr()
    assert "OLD" in output.out and "NEW" in output.out and "--help tells what can be given." in output.err
