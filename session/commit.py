"""The version of the code that runs here, with the commit if it runs from a clone: read from files, no program runs."""

import re
from functools import cache
from pathlib import Path

from session.command_line import VERSION

ROOT = Path(__file__).parent.parent
COMMIT = re.compile(r"[0-9a-f]{40,64}")
SHOWN = 12  # digits of a commit


@cache
def code_version() -> str:
    """Text: "0.9.0 (1a2b3c4d5e6f)", or "0.9.0" if no commit is known. Changes made since the commit do not show."""
    commit = commit_of(ROOT)
    return f"{VERSION} ({commit[:SHOWN]})" if commit else VERSION


def commit_of(root: Path) -> str:
    """The commit that is checked out in the folder of a clone or of a worktree, in hexadecimal; "" if it is neither."""
    try:
        folder = root / ".git"
        if folder.is_file():  # of a worktree or a submodule
            folder = root / folder.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
        head = (folder / "HEAD").read_text(encoding="utf-8").strip()
        found = _commit_of_branch(folder, head.removeprefix("ref:").strip()) if head.startswith("ref:") else head
    except (OSError, ValueError):
        return ""
    return found if COMMIT.fullmatch(found) else ""


def _commit_of_branch(folder: Path, branch: str) -> str:
    """The commit of a branch such as "refs/heads/main"; raises OSError and ValueError."""
    common = folder / "commondir"
    shared = folder / common.read_text(encoding="utf-8").strip() if common.exists() else folder
    for place in (folder / branch, shared / branch):
        if place.is_file():
            return place.read_text(encoding="utf-8").strip()
    lines = (shared / "packed-refs").read_text(encoding="utf-8").splitlines()
    return next((line.split()[0] for line in lines if line.endswith(f" {branch}")), "")
