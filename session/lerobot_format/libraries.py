"""The libraries for tables and videos, imported when a dataset first needs them: the rest works without."""

import importlib
from importlib.util import find_spec
from types import ModuleType

from session.errors import NotInstalled

TABLES, VIDEO = "pyarrow", "av"


def require_installed() -> None:
    """Raise NotInstalled if a library is missing; imports none."""
    missing = [name for name in (TABLES, VIDEO) if find_spec(name) is None]
    if missing:
        raise NotInstalled(" and ".join(missing))


def arrow() -> ModuleType:
    """`pyarrow`; raises NotInstalled."""
    return _imported(TABLES, "pyarrow")


def tables() -> ModuleType:
    """`pyarrow.parquet`; raises NotInstalled."""
    return _imported(TABLES, "pyarrow.parquet")


def video() -> ModuleType:
    """`av`; raises NotInstalled."""
    return _imported(VIDEO, "av")


def table_errors() -> tuple[type[Exception], ...]:
    """What reading a damaged table raises."""
    arrow = _imported(TABLES, "pyarrow.lib")
    return (arrow.ArrowException, OSError, ValueError, MemoryError, KeyError, OverflowError)


def video_errors() -> tuple[type[Exception], ...]:
    """What reading a damaged video raises."""
    return (video().error.FFmpegError, OSError, ValueError, MemoryError, EOFError, StopIteration, IndexError)


def _imported(package: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ImportError as problem:
        raise NotInstalled(package) from problem
