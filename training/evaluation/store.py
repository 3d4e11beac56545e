"""Store of evaluation results, on disk and in memory, by everything that they depend on.

Owns a folder with one folder per session. Files that are damaged, too large or foreign are ignored and not changed.
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
MAX_SESSIONS = 16  # with results in memory at the same time
SUFFIX = ".npz"

Results = dict[EvaluationKey, EvaluationResult]


class EvaluationStore:
    """Results by session, in files below `folder`, or in memory only for None. With `is_read_only`, files are read but
    not written. Results that are not on disk remain until the server ends."""

    def __init__(self, folder: Path | None, is_read_only: bool = False) -> None:
        self._folder, self._is_read_only = folder, is_read_only
        self._only_in_memory: set[str] = set()  # sessions with results that are not on disk
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Results] = OrderedDict()

    def find(self, key: EvaluationKey) -> EvaluationResult | None:
        """The result with this key, complete or partial, or None."""
        with self._lock:
            return self._of(key.session_id).get(key)

    def kept(self, session_id: str, version: str) -> list[EvaluationResult]:
        """All results of a recording in this version, newest first."""
        with self._lock:
            return [result for result in _newest_first(self._of(session_id).values()) if result.version == version]

    def put(self, result: EvaluationResult, is_for_disk: bool = True) -> str:
        """Store a result, replacing an earlier one with its key, and drop all but the newest 32 of its session. Returns
        "", or a sentence if it could not be written and is held only until the server ends."""
        with self._lock:
            results = self._of(result.session_id)
            results[result.depends_on] = result
            dropped = _newest_first(results.values())[MAX_KEPT:]
            for old in dropped:
                del results[old.depends_on]
            is_written = is_for_disk and self._folder is not None and not self._is_read_only
            warning = self._write(self._folder, result, dropped) if is_written else ""
            if warning or not is_written:
                self._only_in_memory.add(result.session_id)
            return warning

    def _of(self, session_id: str) -> Results:
        """A session's results, read from disk at the first request."""
        if session_id not in self._sessions:
            self._sessions[session_id] = _read_folder(self._folder, session_id) if self._folder else {}
        self._sessions.move_to_end(session_id)
        on_disk = [one for one in self._sessions if one not in self._only_in_memory]
        for oldest in on_disk[: max(0, len(on_disk) - MAX_SESSIONS)]:
            del self._sessions[oldest]
        return self._sessions[session_id]

    @staticmethod
    def _write(root: Path, result: EvaluationResult, dropped: list[EvaluationResult]) -> str:
        folder = session_folder(root, result.session_id)
        try:
            if folder.parent.is_symlink() or folder.is_symlink():
                raise OSError("its folder is a link to elsewhere")
            folder.mkdir(parents=True, exist_ok=True)
            replace_file(folder / (result.key + SUFFIX), pack(result))
            for old in dropped:
                (folder / (old.key + SUFFIX)).unlink(missing_ok=True)
        except OSError as problem:
            logger.warning("an evaluation was not written: %s", describe(problem))
            return f"The result could not be written ({describe(problem)}) and is kept only until the server ends."
        return ""


def session_folder(root: Path, session_id: str) -> Path:
    """The folder <robot>/<session name>-<hash>: readable, inside `root`, and different for each session id."""
    path = PurePosixPath(session_id)
    short = sha256(session_id.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return root / _as_name(path.parent.name) / f"{_as_name(path.name)}-{short}"


def _as_name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:80] or "_"


def _newest_first(results: Iterable[EvaluationResult]) -> list[EvaluationResult]:
    return sorted(results, key=lambda result: result.when, reverse=True)


def _read_folder(root: Path, session_id: str) -> Results:
    folder = session_folder(root, session_id)
    results: list[EvaluationResult] = []
    try:
        with open_folder(root) as top, open_subfolder(top, folder.relative_to(root).as_posix()) as opened:
            names = sorted(name for name in os.listdir(opened) if name.endswith(SUFFIX))
            results = [result for result in (_read_file(opened, name, session_id) for name in names) if result]
    except FileNotFoundError:
        return {}
    except OSError as problem:
        logger.warning("the evaluations in %s cannot be read: %s", folder.name, describe(problem))
    return {result.depends_on: result for result in _newest_first(results)[:MAX_KEPT]}


def _read_file(folder: int, name: str, session_id: str) -> EvaluationResult | None:
    try:
        with open_regular(folder, name) as file:
            result = unpack(read_at_most(file, MAX_FILE_BYTES))
        if result.session_id != session_id or name != result.key + SUFFIX:
            raise DamagedResult("the result of something else")
    except (OSError, DamagedResult) as problem:
        reason = describe(problem) if isinstance(problem, OSError) else problem
        logger.warning("the evaluation %s is not used: %s", printable(name), reason)
        return None
    return result
