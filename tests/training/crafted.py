"""Files for tests: what the notebook wrote, and what a bad person or a bad disk would make of it."""

import io
import math
import os
import pickle
import zipfile

import numpy as np
import torch

from models import MaskedAutoencoderViT, TransformerActionConditionedPredictor
from tests.models.reference import randomize
from tests.models.small import AUTOENCODER, PREDICTOR, generator


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
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
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
    code = f"open({str(canary)!r}, 'w')"
    plain = {
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
        "bytearray bomb": Calls(bytearray, 10**12),
        "state on a call": BuildsWithState(os.system, command),
        "a set": {1, 2},
    }
    programs = {name: pickle.dumps({"model_state_dict": {"a": value}}, 2) for name, value in plain.items()}
    for protocol in (0, 3, 4, 5):
        programs[f"os.system, protocol {protocol}"] = pickle.dumps(Calls(os.system, command), protocol)
    name = os.system.__module__.encode()
    text = b"X" + len(command).to_bytes(4, "little") + command.encode()
    programs |= {
        "INST": b"(S'" + command.encode() + b"'\ni" + name + b"\nsystem\n.",
        "OBJ": b"(c" + name + b"\nsystem\n" + text + b"o.",
        "NEWOBJ": b"\x80\x02c" + name + b"\nsystem\n" + text + b"\x85\x81.",
        "STACK_GLOBAL": b"\x80\x04X\x05\0\0\0posixX\x06\0\0\0system\x93" + text + b"\x85R.",
        "EXT1": b"\x80\x02\x82\x01.",
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
    return programs


def saved(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()
