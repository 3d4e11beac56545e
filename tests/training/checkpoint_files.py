"""Files for tests: what the notebook wrote, and what a bad person or a bad disk would make of it."""

import functools
import gzip
import importlib
import io
import math
import os
import pickle
import struct
import subprocess
import tarfile
import warnings
import zipfile

import numpy as np
import torch

from models import MaskedAutoencoderViT, TransformerActionConditionedPredictor
from tests.models.reference import randomize
from tests.models.small import AUTOENCODER, PREDICTOR, generator
from training.optim import EagerAdamW


def autoencoder(seed=0):
    return randomize(MaskedAutoencoderViT(AUTOENCODER), generator(seed))


def predictor(seed=0, channels=2):
    return randomize(TransformerActionConditionedPredictor(channels, PREDICTOR), generator(seed))


def notebook_curve(step):
    """A learning-rate curve as the notebook had it: linear at first, then by NumPy, which leaves its scalars behind."""
    return (step + 1) / 3 if step < 3 else 0.5 * (1 + np.cos(math.pi * np.float64(step) / 100))


def notebook_file(path, network, steps=5, copied=None, **changes):
    """A checkpoint as the notebook saved it, its predictor's with a copy of the autoencoder."""
    tensors = network.state_dict()
    parameters = list(network.parameters())
    if copied is not None:
        tensors |= {f"autoencoder.{key}": value for key, value in copied.state_dict().items()}
        parameters += list(copied.parameters())
    optimizer = EagerAdamW(parameters, lr=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, notebook_curve)
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = torch.zeros_like(parameter)
        optimizer.step()
        schedule.step()
    content = {
        "model_state_dict": tensors,
        "optimizer_state_dict": optimizer.state_dict(),
        "scheduler_state_dict": schedule.state_dict(),
    }
    torch.save(content | ({} if copied is None else {"level": 0}) | changes, path)
    return path


def entries(path):
    """The entries of a torch archive, without its folder, by name."""
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def write_archive(path, parts, compression=zipfile.ZIP_STORED, folder="archive"):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in parts.items():
            archive.writestr(f"{folder}/{name}", data)
    return path


def with_program(path, program):
    """A torch archive that holds nothing but a pickle program."""
    return write_archive(path, {"data.pkl": program, "version": b"3\n", "byteorder": b"little"})


# As deep as this their hash would take years, and their text all disks.
TUPLES_OF_TUPLES = b")q\x00" + b"h\x00h\x00\x86q\x00" * 64


class Calls:
    """Pickles as the call of a function, or of a name that this process need not have."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class BuildsWithState(Calls):
    def __reduce__(self):
        return self.function, self.arguments, {"state": 1}


def evil_programs(canary):
    """Pickle programs by name; each would make the file `canary` or run something if it were believed."""
    command = f"touch {canary}"
    values = evil_values(canary, command).items()
    programs = {name: pickle.dumps({"model_state_dict": {"a": value}}, 2) for name, value in values}
    for protocol in (0, 3, 4, 5):
        programs[f"os.system, protocol {protocol}"] = pickle.dumps(Calls(os.system, command), protocol)
    return programs | programs_by_hand(command)


def evil_values(canary, command):
    """What pickle itself would write."""
    code = f"open({str(canary)!r}, 'w')"
    return {
        "os.system": Calls(os.system, command),
        "os.popen": Calls(os.popen, command),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "getattr": Calls(getattr, "text", "upper"),
        "import": Calls(__import__, "os"),
        "open": Calls(open, str(canary), "w"),
        "numpy.load": Calls(np.load, str(canary)),
        "numpy.zeros": Calls(np.zeros, 3),
        "numpy array": np.arange(3),
        "numpy float32": np.float32(1),
        "numpy int64": np.int64(1),
        "numpy objects": np.array([Calls(os.system, command)], dtype=object),
        "torch.load": Calls(torch.load, str(canary)),
        "subprocess": Calls(subprocess.Popen, command, 0, None),
        "partial": Calls(functools.partial, os.system, command),
        "importlib": Calls(importlib.import_module, "os"),
        "torch.hub": Calls(torch.hub.load, "someone/something", "model"),
        "a whole network": torch.nn.Linear(2, 2),
        "bytearray bomb": Calls(bytearray, 10**12),
        "state on a call": BuildsWithState(os.system, command),
        "a set": {1, 2},
    }


def programs_by_hand(command):
    """What pickle would never write, opcode by opcode."""
    name = os.system.__module__.encode()
    text = b"X" + len(command).to_bytes(4, "little") + command.encode()
    return {
        "INST": b"(S'" + command.encode() + b"'\ni" + name + b"\nsystem\n.",
        "OBJ": b"(c" + name + b"\nsystem\n" + text + b"o.",
        "NEWOBJ": b"\x80\x02c" + name + b"\nsystem\n" + text + b"\x85\x81.",
        "STACK_GLOBAL": b"\x80\x04X\x05\0\0\0posixX\x06\0\0\0system\x93" + text + b"\x85R.",
        "NEWOBJ_EX": b"\x80\x04c" + name + b"\nsystem\n" + text + b"\x85}\x92.",
        "REDUCE of a name in the memo": b"\x80\x02c"
        + name
        + b"\nsystem\nq\x00"
        + text
        + b"\x850h\x00"
        + text
        + b"\x85R.",
        "BUILD": b"\x80\x02ctorch.nn.parameter\nParameter\n)\x81}X\x01\0\0\0a" + text + b"sb.",
        "EXT1": b"\x80\x02\x82\x01.",
        "EXT2": b"\x80\x02\x83\x01\x00.",
        "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
        "PERSID": b"P" + command.encode() + b"\n.",
        "a dict whose methods are text": b"\x80\x02ccollections\nOrderedDict\n)R}X\x06\0\0\0values" + text + b"sb.",
        "a dict with a key of tuples": TUPLES_OF_TUPLES.join([b"\x80\x02}", b"K\x01s."]),
        "a count of tuples": TUPLES_OF_TUPLES.join([b"\x80\x02ccollections\nCounter\n", b"\x85\x85R."]),
        "object scalar": b"\x80\x02cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\x02\0\0\0O8\x89\x88\x87R"
        + text
        + b"\x86R.",
        "items into a list": b"\x80\x02]K\x00K\x01s.",
        "items into a storage": b"\x80\x02ccollections\nOrderedDict\nK\x00K\x01s.",
        "append to a dict": b"\x80\x02}K\x01a.",
        "codec": b"\x80\x02c_codecs\nencode\n" + text + b"X\x03\0\0\0hex\x86R.",
        "storage called": b"\x80\x02ctorch\nFloatStorage\nK\x05\x85R.",
        "persistent text": b"\x80\x02X\x03\0\0\0../Q.",
        "empty": b"",
        "no end": b"\x80\x02}",
        "pop of nothing": b"\x80\x02R.",
    }


def torchscript(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(Doubles()), str(path))


def evil_files(folder, canary):
    """Whole files by name, each with the call of a command that would make the file `canary`, or with TorchScript."""
    command = f"touch {canary}"
    evil = pickle.dumps({"model_state_dict": {"a": Calls(os.system, command)}}, 2)
    makers = {
        "a bare pickle": lambda path: path.write_bytes(evil),
        "a renamed state.pkl": lambda path: path.write_bytes(pickle.dumps({"step": Calls(os.system, command)})),
        "torch's old format": lambda path: path.write_bytes(old_format_of(evil)),
        "the old format, evil from the start": lambda path: path.write_bytes(evil + old_format_of(evil)),
        "the old format, evil in the list of tensors": lambda path: path.write_bytes(
            old_format_of(b"\x80\x02}.", evil)
        ),
        "tar": lambda path: tar_of(path, evil),
        "gzip": lambda path: path.write_bytes(gzip.compress(evil)),
        "TorchScript": torchscript,
        "TorchScript with an evil data.pkl": lambda path: append(path, torchscript, "archive/data.pkl", evil),
        "a compressed archive": lambda path: write_archive(path, {"data.pkl": evil}, zipfile.ZIP_DEFLATED),
        "two programs": lambda path: append(
            path, lambda path: with_program(path, b"\x80\x02}."), "archive/data.pkl", evil
        ),
        "names in capitals": lambda path: write_archive(path, {"data.pkl": b"\x80\x02}.", "DATA.PKL": evil}),
        "a second folder": lambda path: append(
            path, lambda path: with_program(path, b"\x80\x02}."), "other/data.pkl", evil
        ),
        "a name that leaves the folder": lambda path: write_archive(path, {"data.pkl": evil, "data/../../0": b"1"}),
        "a comment behind": lambda path: with_comment(with_program(path, evil)),
        "another file before it": lambda path: prefixed(with_program(path, evil), b"\xff\xd8\xff\xe0"),
    }
    for flag, told in (
        (0x1, "encrypted"),
        (0x8, "sizes behind the data"),
        (0x40, "strongly encrypted"),
        (0x800, "UTF-8"),
    ):
        for places in ("list", "entries", "both"):
            makers[f"flag {told} in {places}"] = functools.partial(flagged, evil=evil, flag=flag, places=places)
    for method in (8, 12, 14, 99):
        makers[f"stored, but said to be packed by method {method}"] = functools.partial(
            packed_as, evil=evil, method=method
        )
    files = {}
    for number, (name, make) in enumerate(makers.items()):
        files[name] = folder / f"{number}.pth"
        make(files[name])
    for name, program in evil_programs(canary).items():
        files[name] = with_program(folder / f"{len(files)}.pth", program)
    return files


class Doubles(torch.nn.Module):
    def forward(self, value: torch.Tensor) -> torch.Tensor:
        return value * 2


def old_format_of(program, keys=b"\x80\x02].", tail=b""):
    """A file as torch wrote it before it had archives, with programs of one's own."""
    buffer = io.BytesIO()
    torch.save({}, buffer, _use_new_zipfile_serialization=False)
    whole = buffer.getvalue()
    start = whole[: whole.index(b"\x80\x02}q\x00.\x80\x02]q\x00.")]
    return start + program + keys + tail


def tar_of(path, evil):
    with tarfile.open(path, "w") as archive:
        for name in ("storages", "tensors", "pickle"):
            entry = tarfile.TarInfo(name)
            entry.size = len(evil)
            archive.addfile(entry, io.BytesIO(evil))


def append(path, make, name, data):
    """A file with one more entry, perhaps of a name that is there already."""
    make(path)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        archive.writestr(name, data)


def with_comment(path):
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"PK"


def prefixed(path, data):
    path.write_bytes(data + path.read_bytes())


def flagged(path, evil, flag, places):
    """A flag of every entry set: in the list (8 bytes behind its signature), before the data (6), or both."""
    data = bytearray(with_program(path, evil).read_bytes())
    for signature, offset, place in ((b"PK\x01\x02", 8, "list"), (b"PK\x03\x04", 6, "entries")):
        found = data.find(signature)
        while found >= 0 and places in (place, "both"):
            (old,) = struct.unpack_from("<H", data, found + offset)
            struct.pack_into("<H", data, found + offset, old | flag)
            found = data.find(signature, found + 4)
    path.write_bytes(data)


def packed_as(path, evil, method):
    data = bytearray(with_program(path, evil).read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, method)
    path.write_bytes(data)
