"""Import of single modules of session/ and training/ on a machine that lacks a package which only files need.

A machine with a GPU may hold torch, numpy and pillow but not orjson, which parses event files. The modules of a
training step need none of it, but importing them runs the `__init__` of their packages, which imports everything. If
orjson is missing, importing this module puts packages without that `__init__` in their place; else it does nothing.
"""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parent.parent
NEEDED_BY_FILES = "orjson"


def add_bare_packages(names: tuple[str, ...] = ("session", "training")) -> None:
    """Register packages whose modules can be imported one by one, without running their `__init__`."""
    for name in names:
        package = ModuleType(name, "A package without its `__init__`.")
        package.__path__ = [str(ROOT / name)]
        sys.modules[name] = package


try:
    import_module(NEEDED_BY_FILES)
except ModuleNotFoundError:
    add_bare_packages()
