"""Keeps the error tracks of recordings, on disk and in memory, under what they depend on.

Owns a folder with a folder for every session. What is damaged, too large or not ours is left where it is and not used.
"""

import logging
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path, PurePosixPath

from session.files import describe, open_folder, open_regular, open_subfolder, read_at_most, replace_file
from training.evaluation.results import MAX_FILE_BYTES, DamagedResult, EvaluationKey, EvaluationResult, pack, unpack
from training.values import printable

logger = logging.getLogger(__name__)

MAX_KEPT = 32  # results of a session; one of 50,000 frames takes half a megabyte
MAX_SESSIONS = 16  # whose results are in memory at the same time
SUFFIX = ".npz"

Results = dict[EvaluationKey, EvaluationResult]


class EvaluationStore:
    """Error tracks by session, in files below `folder`; None keeps them in memory alone. With `is_read_only` files are
    read and none is written. What is on no disk stays until the server ends."""

    def __init__(self, folder: Path | None, is_read_only: bool = False) -> None:
        self._folder, self._is_read_only = folder, is_read_only
        self._only_here: set[str] = set()  # sessions with results that are on no disk
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Results] = OrderedDict()

    def find(self, key: EvaluationKey) -> EvaluationResult | None:
        """What is kept under a key, whole or in part."""
        with self._lock:
            return self._of(key.session_id).get(key)

    def kept(self, session_id: str, version: str) -> list[EvaluationResult]:
        """Everything kept of a recording as it is in this version, newest first."""
        with self._lock:
            return [errors for errors in _newest_first(self._of(session_id).values()) if errors.version == version]

    def put(self, errors: EvaluationResult, is_for_disk: bool = True) -> str:
        """Keep a result in place of an earlier one under its key, and the newest 32 of its session; returns "", or a
        sentence where it could not be written and is kept only until the server ends."""
        with self._lock:
            known = self._of(errors.session_id)
            known[errors.depends_on] = errors
            gone = _newest_first(known.values())[MAX_KEPT:]
            for old in gone:
                del known[old.depends_on]
            is_written = is_for_disk and self._folder is not None and not self._is_read_only
            told = self._write(self._folder, errors, gone) if is_written else ""
            if told or not is_written:
                self._only_here.add(errors.session_id)
            return told

    def _of(self, session_id: str) -> Results:
        """A session's results, read from disk when first asked for."""
        if session_id not in self._sessions:
            self._sessions[session_id] = _read_folder(self._folder, session_id) if self._folder else {}
        self._sessions.move_to_end(session_id)
        on_disk = [known for known in self._sessions if known not in self._only_here]
        for known in on_disk[: max(0, len(on_disk) - MAX_SESSIONS)]:
            del self._sessions[known]
        return self._sessions[session_id]

    @staticmethod
    def _write(root: Path, errors: EvaluationResult, gone: list[EvaluationResult]) -> str:
        folder = session_folder(root, errors.session_id)
        try:
            if folder.parent.is_symlink() or folder.is_symlink():
                raise OSError("its folder is a link to elsewhere")
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / (errors.key + SUFFIX), pack(errors))
            for old in gone:
                (folder / (old.key + SUFFIX)).unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("an evaluation was not written: %s", describe(problem))
            return f"The result could not be written ({describe(problem)}) and is kept only until the server ends."
        return ""


def session_folder(root: Path, session_id: str) -> Path:
    """<robot>/<session name>-<hash>: readable, inside `root`, and another one for every session id."""
    path = PurePosixPath(session_id)
    short = sha256(session_id.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return root / _as_name(path.parent.name) / f"{_as_name(path.name)}-{short}"


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:80] or "_"


def _newest_first(results: Iterable[EvaluationResult]) -> list[EvaluationResult]:
    return sorted(results, key=lambda errors: errors.when, reverse=True)


def _read_folder(root: Path, session_id: str) -> Results:
    folder = session_folder(root, session_id)
    found: list[EvaluationResult] = []
    try:
        with open_folder(root) as top, open_subfolder(top, folder.relative_to(root).as_posix()) as opened:
            names = sorted(name for name in os.listdir(opened) if name.endswith(SUFFIX))
            found = [errors for errors in (_read_file(opened, name, session_id) for name in names) if errors]
    except FileNotFoundError:
        return {}
    except OSError as problem:
        logger.warning("the evaluations in %s cannot be read: %s", folder.name, describe(problem))
    return {errors.depends_on: errors for errors in _newest_first(found)[:MAX_KEPT]}


def _read_file(folder: int, name: str, session_id: str) -> EvaluationResult | None:
    try:
        with open_regular(folder, name) as file:
            errors = unpack(read_at_most(file, MAX_FILE_BYTES))
        if errors.session_id != session_id or name != errors.key + SUFFIX:
            raise DamagedResult("the result of something else")
    except (OSError, DamagedResult) as problem:
        reason = describe(problem) if isinstance(problem, OSError) else problem
        logger.warning("the evaluation %s is not used: %s", printable(name), reason)
        return None
    return errors
