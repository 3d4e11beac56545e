"""Check of a pickle program, operation by operation; nothing in it is run or built.

Owns the decision that the program only names and assembles the parts of weights. torch's restricted loader is the
second check after this one. Alone it has accepted storages longer than their bytes, writes into objects that are no
dict, methods of a dict replaced by text, and it raised seven kinds of exception.
"""

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_PROGRAM_BYTES = 1 << 18  # the largest known has 64 kB; the slowest of 256 kB takes 1.2 s

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


class ForbiddenContent(ValueError):
    """The file contains something that is not part of weights; the message names it."""


@dataclass(frozen=True)
class _Global:
    """A function or class that the program refers to by its full name."""

    name: str


@dataclass(frozen=True, eq=False)
class _Value:
    """The result of an operation, represented by its kind alone; of a dict also the keys put into it."""

    kind: str
    keys: set[str | int] = field(default_factory=set)


@dataclass(frozen=True)
class StorageReference:
    """A program's statement about the numbers of a tensor: their entry in the file, their kind and their count."""

    key: str
    kind: str
    count: int

    @property
    def size(self) -> int:
        """Bytes of these numbers."""
        return self.count * ITEM_BYTES[self.kind]


class PickleChecker:
    """Simulates a pickle program on a stack of constants, tuples, names and kinds.

    `accepts` is called for each storage and returns True if the file holds it. References of torch's old format end
    with a None (`is_old`) in place of a view of another storage, which weights never have.
    """

    def __init__(self, accepts: Callable[[StorageReference], bool], is_old: bool = False) -> None:
        self._accepts = accepts
        self._end = (None,) if is_old else ()
        self._stack: list[object] = []
        self._marks: list[list[object]] = []
        self._memo: dict[int, object] = {}

    def check(self, program: bytes) -> int:
        """Simulate every operation; returns the program's length in bytes, raises ForbiddenContent at the first
        operation that weights do not need."""
        end = 0
        for operation, argument, offset in pickletools.genops(program):
            name, end = operation.name, offset + 1
            if name in CONSTANTS:
                self._stack.append(argument)
            elif name in KEYWORDS:
                self._stack.append(KEYWORDS[name])
            elif name in EMPTY:
                self._stack.append(_Value(EMPTY[name]))
            elif name in ("BINPUT", "LONG_BINPUT"):
                self._memo[argument] = self._stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                self._stack.append(self._memo[argument])
            elif name not in ("PROTO", "STOP"):
                self._assemble(name, argument)
        return end

    def _assemble(self, name: str, argument: str | None) -> None:
        if name == "MARK":
            self._marks.append(self._stack)
            self._stack = []
        elif name == "TUPLE":
            items = self._since_mark()
            self._stack.append(tuple(items))
        elif name in TUPLES:
            count = TUPLES[name]
            self._stack[-count:] = [tuple(self._stack[-count:])]
        elif name in ("APPEND", "APPENDS"):
            self._fill_list(name)
        elif name in ("SETITEM", "SETITEMS"):
            self._fill_dict(name)
        elif name == "GLOBAL":
            self._push_global(argument.replace(" ", "."))
        elif name == "REDUCE":
            self._call()
        elif name == "BUILD":
            self._build()
        elif name == "BINPERSID":
            self._storage()
        else:
            raise ForbiddenContent(f"the operation {name}")

    def _since_mark(self) -> list[object]:
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _pop_items(self, name: str, count: int) -> list[object]:
        """The items of an operation in one of its two forms: all since the mark, or the last `count`."""
        if name.endswith("S"):
            return self._since_mark()
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def _top(self, kinds: set[str]) -> _Value:
        top = self._stack[-1]
        if not isinstance(top, _Value) or top.kind not in kinds:
            raise ForbiddenContent("items put into something that holds none")
        return top

    def _fill_list(self, name: str) -> None:
        self._pop_items(name, 1)
        self._top({"list"})

    def _fill_dict(self, name: str) -> None:
        keys = self._pop_items(name, 2)[::2]
        # A tuple of tuples of tuples … as a key would be hashed for ever.
        if not all(type(key) in (str, int) for key in keys):
            raise ForbiddenContent("names that are neither text nor a number")
        self._top({"dict"} | DICTS).keys.update(keys)

    def _push_global(self, full: str) -> None:
        if full not in CALLABLE and full not in ITEM_BYTES:
            raise ForbiddenContent(full)
        self._stack.append(_Global(full))

    def _call(self) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        if not isinstance(function, _Global) or function.name not in CALLABLE or not isinstance(arguments, tuple):
            raise ForbiddenContent("a call of something that is no function of weights")
        # Other codecs could double a string at every call until the memory is gone.
        if function.name == "_codecs.encode" and not (len(arguments) == 2 and arguments[1] == "latin1"):
            raise ForbiddenContent("an unusual text encoding")
        if function.name in DICTS and not all(isinstance(one, _Value) and one.kind == "dict" for one in arguments):
            raise ForbiddenContent("a dict made of something else")
        self._stack.append(_Value(function.name))

    def _build(self) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        kind = target.kind if isinstance(target, _Value) else None
        # Any other attribute could replace a method: content.items() would then call what the file states.
        is_metadata = isinstance(state, _Value) and state.kind == "dict" and state.keys <= {"_metadata"}
        if kind not in NUMPY_DTYPES and not (kind == "collections.OrderedDict" and is_metadata):
            raise ForbiddenContent("a state set on something that has none")

    def _storage(self) -> None:
        match self._stack.pop():
            case ("storage", _Global(name=kind), str(key), str(), int(count), *end) if kind in ITEM_BYTES:
                # By identity: comparing tuples of tuples … could take for ever.
                if len(end) != len(self._end) or any(item is not None for item in end):
                    raise ForbiddenContent("a view of another tensor")
                if not self._accepts(StorageReference(key, kind, count)):
                    raise ForbiddenContent("a tensor longer than its bytes")
            case _:
                raise ForbiddenContent("a reference to something that is no tensor's storage")
        self._stack.append(_Value("storage"))
