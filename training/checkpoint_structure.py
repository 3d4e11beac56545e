"""A look at a checkpoint file's structure before torch opens it: nothing in the file is run, built or unpacked.

Owns the question whether a file is a plain torch archive of tensors: known names, stored and not deflated, intact,
and a pickle program that only names and assembles what weights are made of. torch's restricted loader comes
after it and is the second wall; this one stands because that loader alone has let through storages longer than
their bytes, writes into things that are no dict, and seven kinds of exception.
"""

import pickletools
import re
import struct
import zipfile
from dataclasses import dataclass
from typing import BinaryIO

MAX_PROGRAM_BYTES = 1 << 18  # the largest known has 64 kB; the slowest of 256 kB is answered in 1.2 s
ENTRY = re.compile(
    r"(data\.pkl|byteorder|version|\.format_version|\.storage_alignment|\.data/serialization_id|data/\d+)"
)
MAX_LIST_BYTES = 1 << 20  # the archive's list of entries: about 45 kB for the same predictor
FIRST, LAST, WIDE_LAST, WIDE_PLACE = b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
LAST_RECORD = struct.Struct("<4s8xLLH")  # signature, bytes and start of the list of entries, bytes of a comment
WIDE_RECORDS = struct.Struct("<4s36xQQ4s16x")  # the same in 64 bits, and a second record that says where it is
IS_ENCRYPTED = 1

ITEM_BYTES = {
    "torch.DoubleStorage": 8,
    "torch.FloatStorage": 4,
    "torch.HalfStorage": 2,
    "torch.BFloat16Storage": 2,
    "torch.LongStorage": 8,
    "torch.IntStorage": 4,
    "torch.ShortStorage": 2,
    "torch.CharStorage": 1,
    "torch.ByteStorage": 1,
    "torch.BoolStorage": 1,
}
DICTS = {"collections.OrderedDict", "collections.Counter"}
NUMPY_DTYPES = {"numpy.dtype", "numpy.dtypes.Float64DType"}
NUMPY_SCALARS = {"numpy._core.multiarray.scalar", "numpy.core.multiarray.scalar"}
TENSORS = {"torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"}
CALLABLE = DICTS | NUMPY_DTYPES | NUMPY_SCALARS | TENSORS | {"torch.Size", "_codecs.encode"}
CONSTANTS = {"BINUNICODE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
EMPTY = {"EMPTY_DICT": "dict", "EMPTY_LIST": "list"}
KEYWORDS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class NotAnArchive(ValueError):
    """The file is no intact torch archive."""


class ForbiddenContent(ValueError):
    """The archive asks for something that weights are not made of; the message names it."""


@dataclass(frozen=True)
class _Named:
    """Something the program refers to by its full name."""

    name: str


@dataclass(frozen=True)
class _Made:
    """The result of an operation, known by its kind alone."""

    kind: str


def check_structure(handle: BinaryIO, size: int) -> None:
    """Check an open file of `size` bytes; raises NotAnArchive or ForbiddenContent, or whatever a broken one causes."""
    _check_ends(handle, size)
    with zipfile.ZipFile(handle) as archive:
        sizes = _entry_sizes(archive, size)
        if archive.testzip() is not None:
            raise NotAnArchive("an entry is damaged")
        folder = next(iter(sizes)).split("/")[0]
        _Program(archive.read(f"{folder}/data.pkl"), {name[len(folder) + 1 :]: n for name, n in sizes.items()}).walk()


def _check_ends(handle: BinaryIO, size: int) -> None:
    """Nothing but an archive from the first byte to the last, and a list of entries that is soon read."""
    # Two readers of one archive can disagree where it starts and which list counts; like this they cannot.
    first = handle.read(len(FIRST))
    handle.seek(max(0, size - LAST_RECORD.size - WIDE_RECORDS.size))
    tail = handle.read()
    signature, length, start, comment = LAST_RECORD.unpack(tail[-LAST_RECORD.size :])
    wide = tail[: -LAST_RECORD.size]
    end = size - LAST_RECORD.size
    if wide[-20:].startswith(WIDE_PLACE):
        wide_signature, wide_length, wide_start, _ = WIDE_RECORDS.unpack(wide)
        end -= WIDE_RECORDS.size
        if (wide_signature, wide_length, wide_start) != (WIDE_LAST, length, start):
            raise NotAnArchive("two lists of entries")
    if (first, signature, comment, start + length) != (FIRST, LAST, 0, end):
        raise NotAnArchive("not an archive from the first byte to the last")
    if length > MAX_LIST_BYTES:
        raise ForbiddenContent("far more entries than weights need")


def _entry_sizes(archive: zipfile.ZipFile, size: int) -> dict[str, int]:
    """Bytes of every entry by its name."""
    entries = archive.infolist()
    sizes = {entry.filename: entry.file_size for entry in entries}
    folders = {name.split("/")[0] for name in sizes}
    if len(sizes) != len(entries) or len(folders) != 1 or f"{next(iter(folders))}/data.pkl" not in sizes:
        raise NotAnArchive("names are not those of a torch archive")
    for entry in entries:
        if not ENTRY.fullmatch(entry.filename.partition("/")[2]):
            raise ForbiddenContent("an entry that is not of a torch archive of weights")
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & IS_ENCRYPTED:
            raise ForbiddenContent("a compressed or encrypted entry")
    if sum(sizes.values()) > size or sizes[f"{next(iter(folders))}/data.pkl"] > MAX_PROGRAM_BYTES:
        raise ForbiddenContent("entries larger than they can be")
    return sizes


class _Program:
    """Walks a pickle program without building anything: what is on the stack is constants, tuples, names or kinds."""

    def __init__(self, program: bytes, sizes: dict[str, int]) -> None:
        self.program = program
        self.sizes = sizes
        self.stack: list[object] = []
        self.marks: list[list[object]] = []
        self.memo: dict[int, object] = {}

    def walk(self) -> None:
        """Follow every operation; raises ForbiddenContent at the first that weights do not need."""
        for operation, argument, _ in pickletools.genops(self.program):
            name = operation.name
            if name in CONSTANTS:
                self.stack.append(argument)
            elif name in KEYWORDS:
                self.stack.append(KEYWORDS[name])
            elif name in EMPTY:
                self.stack.append(_Made(EMPTY[name]))
            elif name in ("BINPUT", "LONG_BINPUT"):
                self.memo[argument] = self.stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                self.stack.append(self.memo[argument])
            elif name not in ("PROTO", "STOP"):
                self._assemble(name, argument)

    def _assemble(self, name: str, argument: str | None) -> None:
        if name == "MARK":
            self.marks.append(self.stack)
            self.stack = []
        elif name == "TUPLE":
            items = self._since_mark()
            self.stack.append(tuple(items))
        elif name in TUPLES:
            count = TUPLES[name]
            self.stack[-count:] = [tuple(self.stack[-count:])]
        elif name in ("APPEND", "APPENDS", "SETITEM", "SETITEMS"):
            self._fill(name)
        elif name == "GLOBAL":
            self._name(argument.replace(" ", "."))
        elif name == "REDUCE":
            self._call()
        elif name == "BUILD":
            self._build()
        elif name == "BINPERSID":
            self._storage()
        else:
            raise ForbiddenContent(f"the operation {name}")

    def _since_mark(self) -> list[object]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _fill(self, name: str) -> None:
        if name.endswith("S"):
            self._since_mark()
        else:
            del self.stack[-1 if name == "APPEND" else -2 :]
        wanted = {"list"} if name.startswith("APPEND") else {"dict"} | DICTS
        if not isinstance(self.stack[-1], _Made) or self.stack[-1].kind not in wanted:
            raise ForbiddenContent("items put into something that holds none")

    def _name(self, full: str) -> None:
        if full not in CALLABLE and full not in ITEM_BYTES:
            raise ForbiddenContent(full)
        self.stack.append(_Named(full))

    def _call(self) -> None:
        arguments, called = self.stack.pop(), self.stack.pop()
        if not isinstance(called, _Named) or called.name not in CALLABLE or not isinstance(arguments, tuple):
            raise ForbiddenContent("a call of something that is no function of weights")
        # Other codecs could double a string at every call until the memory is gone.
        if called.name == "_codecs.encode" and not (len(arguments) == 2 and arguments[1] == "latin1"):
            raise ForbiddenContent("an unusual text encoding")
        self.stack.append(_Made(called.name))

    def _build(self) -> None:
        self.stack.pop()
        built = self.stack[-1]
        if not isinstance(built, _Made) or built.kind not in NUMPY_DTYPES | {"collections.OrderedDict"}:
            raise ForbiddenContent("a state set on something that has none")

    def _storage(self) -> None:
        match self.stack.pop():
            case ("storage", _Named(name=kind), str(key), str(), int(count)) if kind in ITEM_BYTES:
                if self.sizes.get(f"data/{key}") != count * ITEM_BYTES[kind]:
                    raise ForbiddenContent("a tensor longer than its bytes")
            case _:
                raise ForbiddenContent("a reference to something that is no tensor's storage")
        self.stack.append(_Made("storage"))
