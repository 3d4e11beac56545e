"""Frame errors with everything that they depend on, and their file format.

A file is NumPy's `.npz`, not compressed, read without pickle; a JSON header in it holds what the errors depend on. All
numbers of a file are checked before use.
"""

import io
import json
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from types import MappingProxyType

import numpy as np

from models import Network
from session.history import MAX_LENGTH, MIN_LENGTH
from training.evaluation.frame_errors import FrameErrors

MAX_FILE_BYTES = 32 << 20  # three million frames
ARRAYS = {"reconstruction": np.float32, "prediction": np.float32, "context": np.int8}
HEADER = {"key": dict, "weights": dict, "made_at": str, "seconds": float, "evaluated": int}
KEY = {"session_id": str, "version": str, "history_length": int, "autoencoder": str, "predictor": str}
WEIGHTS = {"autoencoder": str, "predictor": str}
# Exceptions of NumPy, zipfile and json for damaged files of all kinds.
READING_ERRORS = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, LookupError, ArithmeticError, MemoryError, RuntimeError,
    AttributeError, struct.error, zlib.error, zipfile.BadZipFile, tokenize.TokenError,
)  # fmt: skip


class DamagedResult(ValueError):
    """The bytes are no valid result; the message is a short reason."""


@dataclass(frozen=True)
class EvaluationKey:
    """Everything that frame errors depend on; the networks by the digests of their weights."""

    session_id: str
    version: str
    history_length: int
    autoencoder: str
    predictor: str

    @property
    def text(self) -> str:
        """A short text that can be used as a file name."""
        return sha256(json.dumps(list(asdict(self).values())).encode()).hexdigest()[:32]


@dataclass(frozen=True, eq=False)
class EvaluationResult:
    """Frame errors `track`, complete or the first part, and their origin.

    `weights` describes the source of each network's weights, `made_at` is the time of the computation (ISO, with its
    time zone), `seconds` its duration.
    """

    depends_on: EvaluationKey
    weights: Mapping[Network, str]
    made_at: str
    seconds: float
    track: FrameErrors

    @property
    def key(self) -> str:
        return self.depends_on.text

    @property
    def session_id(self) -> str:
        return self.depends_on.session_id

    @property
    def version(self) -> str:
        """The version of the recording, `RecordedSession.version`."""
        return self.depends_on.version

    @property
    def history_length(self) -> int:
        return self.depends_on.history_length

    @property
    def digests(self) -> Mapping[Network, str]:
        """`weights_digest` of each network."""
        return MappingProxyType({"autoencoder": self.depends_on.autoencoder, "predictor": self.depends_on.predictor})

    @property
    def when(self) -> datetime:
        return datetime.fromisoformat(self.made_at)


def pack(result: EvaluationResult) -> bytes:
    """Convert a result to the bytes of a file."""
    errors = result.track
    header = {
        "key": asdict(result.depends_on),
        "weights": dict(result.weights),
        "made_at": result.made_at,
        "seconds": result.seconds,
        "evaluated": errors.evaluated,
    }
    file = io.BytesIO()
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(file, header=text, **{name: getattr(errors, name) for name in ARRAYS})
    return file.getvalue()


def unpack(content: bytes) -> EvaluationResult:
    """Convert bytes written by `pack` back to a result; raises DamagedResult."""
    try:
        arrays = _arrays(content)
        header = json.loads(arrays.pop("header").tobytes())
        _require(_is(header, HEADER) and _is(header["key"], KEY) and _is(header["weights"], WEIGHTS), "another header")
        result = EvaluationResult(
            depends_on=EvaluationKey(**header["key"]),
            weights=MappingProxyType(header["weights"]),
            made_at=header["made_at"],
            seconds=header["seconds"],
            track=_frame_errors(arrays, header["evaluated"]),
        )
        _require(result.when.tzinfo is not None, "a time without its zone")
        _require(MIN_LENGTH <= result.history_length <= MAX_LENGTH, "an unknown history length")
        _require(0 <= result.seconds < float("inf"), "no number of seconds")
    except DamagedResult:
        raise
    except READING_ERRORS as problem:
        raise DamagedResult(f"damaged ({type(problem).__name__})") from problem
    return result


def _arrays(content: bytes) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        entries = parts.infolist()
    # Not compressed, so that a small file cannot expand to gigabytes.
    is_plain = all(entry.compress_type == zipfile.ZIP_STORED and not entry.flag_bits & 1 for entry in entries)
    names = sorted(entry.filename for entry in entries)
    _require(is_plain and names == sorted(f"{name}.npy" for name in ("header", *ARRAYS)), "another content")
    with np.load(io.BytesIO(content), allow_pickle=False) as loaded:
        return {name: loaded[name] for name in ("header", *ARRAYS)}


def _frame_errors(arrays: dict[str, np.ndarray], evaluated: int) -> FrameErrors:
    n = len(arrays["context"])
    is_right = all(arrays[name].dtype == dtype and arrays[name].shape == (n,) for name, dtype in ARRAYS.items())
    _require(is_right and 0 <= evaluated <= n, "arrays of another kind")
    for name in ("reconstruction", "prediction"):
        values = arrays[name]
        _require(bool((np.isnan(values) | (np.isfinite(values) & (values >= 0))).all()), "errors that are none")
        _require(bool(np.isnan(values[evaluated:]).all()), "errors of frames that were not evaluated")
    _require(bool(((arrays["context"] >= 0) & (arrays["context"] <= MAX_LENGTH)).all()), "an unknown context")
    for array in arrays.values():
        array.flags.writeable = False
    return FrameErrors(**arrays, evaluated=evaluated)


def _is(value: object, kinds: dict[str, type]) -> bool:
    """True if a parsed value is an object with exactly these names and types."""
    return (
        isinstance(value, dict)
        and value.keys() == kinds.keys()
        and all(type(value[name]) is kind for name, kind in kinds.items())
    )


def _require(is_right: bool, problem: str) -> None:
    if not is_right:
        raise DamagedResult(problem)
