"""Files that are damaged, crafted or no files at all: each is refused with a sentence, soon, and runs nothing."""

import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch

from tests.cases import every_case
from tests.training import checkpoint_files
from tests.training.checkpoints.test_validate import are_equal, refused, tensors_of
from training import CheckpointDamaged, CheckpointError, CheckpointOldFormat, load_checkpoint
from training.checkpoints import reader as checkpoint_reader
from training.checkpoints.reader import MAX_FILE_BYTES


@pytest.fixture
def good(tmp_path):
    return checkpoint_files.notebook_file(tmp_path / "autoencoder.pth", checkpoint_files.autoencoder(1))


@pytest.mark.parametrize("spelled", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_numpy_scalars_of_old_schedules_become_plain_floats(tmp_path, good, spelled):
    parts = checkpoint_files.entries(good)
    assert b"numpy._core.multiarray\nscalar" in parts["data.pkl"]
    parts["data.pkl"] = parts["data.pkl"].replace(b"numpy._core.multiarray", spelled)
    checkpoint_files.write_archive(good, parts)
    assert load_checkpoint(good, checkpoint_files.autoencoder()).step == 5
    with checkpoint_reader.open_checkpoint(good) as handle:
        schedule = checkpoint_reader.restricted_load(handle)["scheduler_state_dict"]
    (rate,) = schedule["_last_lr"]
    assert type(rate) is float and rate == 1e-4 * checkpoint_files.notebook_curve(5)


def test_big_endian_scalars_are_read_by_their_order(tmp_path):
    dtype = checkpoint_reader.InertFloat64("f8", False, True)
    dtype.__setstate__((3, ">", None, None, None, -1, -1, 0))
    assert checkpoint_reader.inert_scalar(dtype, struct.pack(">d", 0.25)) == 0.25


@every_case("code", ["O8", "f4", "i8", "V8", None])
def test_no_other_numpy_type_has_a_stand_in(code):
    with pytest.raises(ValueError, match="only float64"):
        checkpoint_reader.InertFloat64(code, False, True)


@every_case("data", ["12345678", b"1234567", b"", None, 8])
def test_a_scalar_is_made_of_eight_bytes_only(data):
    with pytest.raises((ValueError, struct.error)):
        checkpoint_reader.inert_scalar(checkpoint_reader.InertFloat64("f8", False, True), data)


def test_strings_that_double_at_every_call_are_refused(tmp_path):
    hexed = b"X\x03\0\0\0hex\x86R"
    start = b"X\x01\0\0\0aX\x06\0\0\0latin1\x86R"
    program = b"\x80\x02" + b"c_codecs\nencode\n" * 21 + start + hexed * 20 + b"."
    message = refused(
        checkpoint_files.with_program(tmp_path / "a.pth", program), checkpoint_files.autoencoder(), CheckpointDamaged
    )
    assert "an unusual text encoding" in message


def test_the_allowed_names_are_allowed_during_a_load_only(good):
    before = set(torch.serialization.get_safe_globals())
    load_checkpoint(good, checkpoint_files.autoencoder())
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(good, weights_only=True)


NAMES = sorted(checkpoint_files.evil_programs("canary"))
# torch's loader would allocate a terabyte, compute a hash for years, or call the methods that a dict states.
ONLY_THE_FIRST_WALL = {
    "bytearray bomb",
    "a dict with a key of tuples",
    "a count of tuples",
    "a dict whose methods are text",
}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@every_case("name", sorted(set(NAMES) - ONLY_THE_FIRST_WALL))
def test_the_restricted_loader_and_the_stand_ins_hold_by_themselves(tmp_path, monkeypatch, name):
    monkeypatch.setattr(checkpoint_reader, "check_structure", lambda handle, size: None)
    canary = tmp_path / "canary"
    path = checkpoint_files.with_program(tmp_path / "evil.pth", checkpoint_files.evil_programs(canary)[name])
    refused(path, checkpoint_files.autoencoder(), CheckpointDamaged)
    assert not canary.exists()


@every_case("module", ["os", "posix", "subprocess", "shutil", "numpy", "torch.hub", "builtins"])
def test_what_a_file_asked_for_is_named(tmp_path, module):
    program = b"\x80\x02c" + module.encode() + b"\nsystem\n)R."
    message = refused(
        checkpoint_files.with_program(tmp_path / "e.pth", program), checkpoint_files.autoencoder(), CheckpointDamaged
    )
    assert f"not weights ({module}.system)" in message


def one_tensor(tmp_path, **changes):
    """The entries of a small file with one tensor, some of them replaced."""
    torch.save({"a": torch.arange(4.0)}, tmp_path / "small.pth")
    return checkpoint_files.entries(tmp_path / "small.pth") | changes


def program_with(parts, old, new):
    assert parts["data.pkl"].count(old) == 1
    return parts | {"data.pkl": parts["data.pkl"].replace(old, new)}


def storage_longer_than_its_bytes(tmp_path):
    parts = program_with(one_tensor(tmp_path), b"cpuq\x06K\x04t", b"cpuq\x06J\x00\x00\x00\x10t")
    return checkpoint_files.write_archive(tmp_path / "a.pth", parts)


def deflate_bomb(tmp_path, size=200 << 20):
    parts = one_tensor(tmp_path, **{"data/0": bytes(size)})
    return checkpoint_files.write_archive(tmp_path / "a.pth", parts, zipfile.ZIP_DEFLATED)


def giant_tensor_of_one_number(tmp_path):
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, tmp_path / "a.pth")
    return tmp_path / "a.pth"


def deep_lists(tmp_path):
    count = 130_000
    return checkpoint_files.with_program(tmp_path / "a.pth", b"\x80\x02" + b"]" * count + b"a" * (count - 1) + b".")


def deep_tuples(tmp_path):
    return checkpoint_files.with_program(tmp_path / "a.pth", b"\x80\x02)" + b"\x85" * 260_000 + b".")


def huge_program(tmp_path):
    return checkpoint_files.with_program(tmp_path / "a.pth", b"\x80\x02" + b"N" * (8 << 20) + b".")


def countless_entries(tmp_path):
    parts = one_tensor(tmp_path) | {f"data/{number}": b"" for number in range(1, 30_000)}
    return checkpoint_files.write_archive(tmp_path / "a.pth", parts)


def two_entries_of_one_name(tmp_path):
    path = checkpoint_files.write_archive(tmp_path / "a.pth", one_tensor(tmp_path))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("archive/data.pkl", b"\x80\x02}.")
    return path


def torchscript(tmp_path):
    parts = one_tensor(tmp_path) | {"constants.pkl": b"\x80\x02).", "code/__torch__.py": b"raise SystemExit"}
    return checkpoint_files.write_archive(tmp_path / "a.pth", parts)


def old_format(tmp_path):
    torch.save({"a": torch.ones(3)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    return tmp_path / "a.pth"


def encrypted_flag(tmp_path):
    data = bytearray(checkpoint_files.write_archive(tmp_path / "a.pth", one_tensor(tmp_path)).read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.pth").write_bytes(data)
    return tmp_path / "a.pth"


def a_picture(tmp_path):
    (tmp_path / "a.pth").write_bytes(b"\xff\xd8\xff\xe0" + bytes(5000))
    return tmp_path / "a.pth"


def a_plain_pickle(tmp_path):
    (tmp_path / "a.pth").write_bytes(pickle.dumps({"steps": np.arange(3)}))
    return tmp_path / "a.pth"


def a_folder(tmp_path):
    (tmp_path / "a.pth").mkdir()
    return tmp_path / "a.pth"


def a_fifo(tmp_path):
    os.mkfifo(tmp_path / "a.pth")
    return tmp_path / "a.pth"


def a_device(tmp_path):
    (tmp_path / "a.pth").symlink_to("/dev/zero")
    return tmp_path / "a.pth"


def a_loop_of_links(tmp_path):
    (tmp_path / "a.pth").symlink_to("a.pth")
    return tmp_path / "a.pth"


def sparse_20_gb(tmp_path):
    with open(tmp_path / "a.pth", "wb") as handle:
        handle.write(b"PK\x03\x04")
        handle.truncate(20 << 30)
    return tmp_path / "a.pth"


def sparse_as_large_as_allowed(tmp_path):
    with open(tmp_path / "a.pth", "wb") as handle:
        handle.write(b"PK\x03\x04")
        handle.truncate(MAX_FILE_BYTES)
    return tmp_path / "a.pth"


def endless_program_of_the_old_format(tmp_path):
    (tmp_path / "a.pth").write_bytes(
        checkpoint_files.old_format_of(b"\x80\x02" + b"]" * 130_000 + b"a" * 129_999 + b".")
    )
    return tmp_path / "a.pth"


def old_format_that_claims_a_terabyte(tmp_path):
    whole = bytearray(old_format(tmp_path).read_bytes())
    at = whole.index(b"cpuq\x06K\x03") + 5
    (tmp_path / "a.pth").write_bytes(whole[:at] + b"\x8a\x06" + (1 << 40).to_bytes(6, "little") + whole[at + 2 :])
    return tmp_path / "a.pth"


def giant_tensor_of_the_old_format(tmp_path):
    torch.save({"a": torch.zeros(1).expand(1 << 40)}, tmp_path / "a.pth", _use_new_zipfile_serialization=False)
    return tmp_path / "a.pth"


def gigabytes_in_one_archive(tmp_path):
    """As large as a file may be, and whole: zeros, which take no room on the disk."""
    torch.save({"a": torch.zeros((MAX_FILE_BYTES >> 2) - 1024)}, tmp_path / "a.pth")
    return tmp_path / "a.pth"


TRAPS = [
    storage_longer_than_its_bytes, deflate_bomb, deep_lists, deep_tuples, huge_program,
    countless_entries, two_entries_of_one_name, torchscript, old_format, encrypted_flag, a_picture, a_plain_pickle,
    a_folder, a_fifo, a_device, a_loop_of_links, sparse_20_gb, sparse_as_large_as_allowed,
    endless_program_of_the_old_format, old_format_that_claims_a_terabyte, giant_tensor_of_the_old_format,
]  # fmt: skip
HEAVY = [giant_tensor_of_one_number, gigabytes_in_one_archive]
OLD = {
    deflate_bomb,
    old_format,
    endless_program_of_the_old_format,
    old_format_that_claims_a_terabyte,
    giant_tensor_of_the_old_format,
}


@every_case("trap", TRAPS)
def test_no_file_fools_the_reader(tmp_path, trap):
    refused(trap(tmp_path), checkpoint_files.autoencoder(), CheckpointOldFormat if trap in OLD else CheckpointDamaged)


def compressed(tmp_path):
    return deflate_bomb(tmp_path, size=99)


@pytest.mark.parametrize(("trap", "kind"), [(old_format, "of torch's old format"), (compressed, "compressed")])
def test_an_older_kind_is_named_with_the_tool_that_converts_it(tmp_path, trap, kind):
    message = refused(trap(tmp_path), checkpoint_files.autoencoder(), CheckpointOldFormat)
    assert message.startswith(f"a.pth is {kind}; convert it with `python -m training.convert`")


def test_a_folder_costs_no_descriptor(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        refused(a_folder(tmp_path), checkpoint_files.autoencoder(), CheckpointDamaged)
        (tmp_path / "a.pth").rmdir()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_giant_tensor_over_one_number_is_refused_by_its_shape(tmp_path):
    model = checkpoint_files.autoencoder()
    before = tensors_of(model)
    tensors = model.state_dict() | {"cls_token": torch.zeros(1).expand(1, 1, 1 << 40)}
    torch.save(tensors, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="of other sizes"):
        load_checkpoint(tmp_path / "a.pth", model)
    assert are_equal(tensors_of(model), before)


def test_a_link_to_a_good_file_loads(tmp_path, good):
    (tmp_path / "link.pth").symlink_to(good)
    assert load_checkpoint(tmp_path / "link.pth", checkpoint_files.autoencoder()).file == "link.pth"
