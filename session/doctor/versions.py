"""The versions of everything that runs here."""

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from session.commit import code_version

LIBRARIES = ("gradio", "torch", "numpy", "pillow", "matplotlib", "orjson", "wandb", "tqdm")
OPTIONAL = {"av": "formats", "pyarrow": "formats", "gymnasium": "gym"}  # by the file of requirements that has it


def version_lines() -> Iterator[str]:
    """Lines on the program, the system and the libraries."""
    yield f"Session Explorer {code_version()}"
    yield f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} processors"
    yield ", ".join(f"{name} {_version(name) or 'is not installed'}" for name in LIBRARIES)
    yield ", ".join(
        f"{name} {_version(name) or f'is not installed (requirements-{extra}.txt)'}" for name, extra in OPTIONAL.items()
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
