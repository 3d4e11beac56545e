"""The records of a tub: which folder is one, and its catalogs as columns, each line checked on its own."""

import os
import re
from array import array
from pathlib import Path

from session.donkeycar_format.manifest import MANIFEST_FILE, Manifest, is_catalog
from session.formats.json_values import parse_json
from session.formats.logged_files import BadLine, read_each_line
from session.skipped import SkippedLog

PICTURES_FOLDER = "images"
PICTURE = "cam/image_array"
PICTURE_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,200}", re.ASCII)
CHANNELS = ("angle", "throttle")
STEERING = "angle"  # below 0 to the left, above 0 to the right
# Channels that the autopilot drives in each mode; in all others the user drives.
DRIVEN_BY_PILOT = {"local": CHANNELS, "pilot": CHANNELS, "local_angle": ("angle",), "local_pilot": CHANNELS}
MAX_INDEX = 1 << 53


class Records:
    """The records of a tub in the order of their lines, one array a field; a value that is no number is NaN."""

    def __init__(self) -> None:
        self.indices = array("q")
        self.times_ms = array("d")
        self.angles = array("d")
        self.throttles = array("d")
        self.drives = array("q")  # numbers of the drives that the records belong to
        self.is_pilot = array("b")  # 1 if the autopilot drove
        self.catalogs = array("q")  # into catalog_names
        self.lines = array("q")
        self.pictures: list[str] = []  # "" if a record names none
        self.catalog_names: list[str] = []
        self._drives: dict[object, int] = {}

    def __len__(self) -> int:
        return len(self.indices)

    def append(self, line_number: int, line: bytes) -> None:
        """Add the record of a line of the newest catalog; raises BadLine and NotJson."""
        record = parse_json(line)
        if type(record) is not dict:
            raise BadLine("not a JSON object")
        index = record.get("_index")
        if type(index) is not int or not 0 <= index < MAX_INDEX:
            raise BadLine("_index is not a whole number")
        by_pilot = _driven_by_pilot(record)
        angle, throttle = (_command(record, name, name in by_pilot) for name in CHANNELS)
        drive = record.get("_session_id")
        self.indices.append(index)
        self.times_ms.append(_number(record.get("_timestamp_ms")))
        self.angles.append(angle)
        self.throttles.append(throttle)
        self.drives.append(self._drives.setdefault(drive if isinstance(drive, str) else "", len(self._drives)))
        self.is_pilot.append(bool(by_pilot))
        self.catalogs.append(len(self.catalog_names) - 1)
        self.lines.append(line_number)
        self.pictures.append(_picture(record.get(PICTURE)))


def is_recording(folder: Path) -> bool:
    """True if ``folder`` is a tub, in any state; raises OSError if it cannot be listed."""
    if "\0" in str(folder) or not os.path.lexists(folder / MANIFEST_FILE):
        return False
    with os.scandir(folder) as entries:
        return any(is_catalog(entry.name) for entry in entries)


def read_records(folder: int, manifest: Manifest, log: SkippedLog) -> Records:
    """Read all catalogs of the tub in the folder descriptor ``folder``."""
    records = Records()
    for name in _find_catalogs(folder, manifest, log):
        records.catalog_names.append(name)
        read_each_line(folder, name, records.append, log)
    return records


def _find_catalogs(folder: int, manifest: Manifest, log: SkippedLog) -> list[str]:
    """Names of the catalogs in ``folder``, catalog_10 after catalog_9."""
    there = {name for name in os.listdir(folder) if is_catalog(name)}
    for name in manifest.catalogs:
        if name not in there:
            log.add(name, None, "missing")
    return sorted(there, key=lambda name: ([int(digits) for digits in re.findall(r"\d{1,9}", name)], name))


def _driven_by_pilot(record: dict[str, object]) -> tuple[str, ...]:
    mode = record.get("user/mode")
    channels = DRIVEN_BY_PILOT.get(mode, ()) if isinstance(mode, str) else ()
    return tuple(name for name in channels if record.get(f"pilot/{name}") is not None)


def _command(record: dict[str, object], name: str, is_pilot: bool) -> float:
    return _number(record.get(f"{'pilot' if is_pilot else 'user'}/{name}"))


def _number(value: object) -> float:
    return float(value) if type(value) in (int, float) and abs(value) < 1e300 else float("nan")


def _picture(name: object) -> str:
    """The path of a picture below the tub, or "" if its name leads elsewhere."""
    is_name = isinstance(name, str) and PICTURE_NAME.fullmatch(name) is not None
    return f"{PICTURES_FOLDER}/{name}" if is_name else ""
