"""Reading `manifest.json` of a tub: JSON lines, of which the ones that matter are objects."""

import math
import re
from dataclasses import dataclass
from datetime import datetime

from session.files import HEAD_BYTES, foreign_text
from session.formats.json_values import NotJson, parse_json
from session.formats.logged_files import read_whole
from session.skipped import SkippedLog

MANIFEST_FILE = "manifest.json"
MAX_MANIFEST_BYTES = 64 << 20  # a long tub with many deleted records lists each of them
CATALOG_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,100}\.catalog", re.ASCII)
MAX_DATE = 253_000_000_000  # seconds, year 9987


@dataclass(frozen=True)
class Manifest:
    """The contents of the file; None or empty for values that are absent or unusable."""

    created_at: float | None = None
    catalogs: tuple[str, ...] = ()
    record_count: int | None = None
    deleted: frozenset[int] = frozenset()

    @property
    def start_time(self) -> datetime | None:
        """By the clock of this machine: the tub names no zone."""
        return None if self.created_at is None else datetime.fromtimestamp(self.created_at)


def read_manifest(folder: int, log: SkippedLog) -> Manifest:
    """Read the manifest of the tub in the folder descriptor ``folder``, logging unusable values."""
    content = read_whole(folder, MANIFEST_FILE, MAX_MANIFEST_BYTES, log)
    problem = foreign_text(content[:HEAD_BYTES]) if content else None
    if problem:
        log.add(MANIFEST_FILE, None, problem)
    return Manifest() if content is None or problem else _parse(content, log)


def _parse(content: bytes, log: SkippedLog) -> Manifest:
    values: dict[str, object] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            value = parse_json(line) if line.strip() else None
        except NotJson:
            log.add(MANIFEST_FILE, number, "not JSON")
            continue
        if isinstance(value, dict):
            values |= value
    if "paths" not in values:
        log.add(MANIFEST_FILE, None, "names no catalogs; those in the folder are used")
    deleted = values.get("deleted_indexes", [])
    if not isinstance(deleted, list):
        log.add(MANIFEST_FILE, None, "deleted_indexes is not a list")
        deleted = []
    count = values.get("current_index")
    return Manifest(
        created_at=_date(values.get("created_at")),
        catalogs=_catalogs(values.get("paths", []), log),
        record_count=count if type(count) is int and count >= 0 else None,
        deleted=frozenset(index for index in deleted if type(index) is int),
    )


def _catalogs(paths: object, log: SkippedLog) -> tuple[str, ...]:
    if not isinstance(paths, list):
        log.add(MANIFEST_FILE, None, "paths is not a list")
        return ()
    for path in paths:
        if not is_catalog(path):
            log.add(MANIFEST_FILE, None, "an entry of paths is not the name of a catalog in this folder")
    return tuple(path for path in paths if is_catalog(path))


def is_catalog(name: object) -> bool:
    """True for the name of a catalog, without any folder."""
    return isinstance(name, str) and CATALOG_NAME.fullmatch(name) is not None


def _date(value: object) -> float | None:
    is_date = type(value) in (int, float) and math.isfinite(value) and 0 <= value < MAX_DATE
    return float(value) if is_date else None
