"""Reading `meta/info.json`: what a dataset says of itself, every key on its own."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from session.errors import DatasetUnreadable
from session.files import HEAD_BYTES, describe, foreign_text, read_at_most
from session.formats.json_values import NotJson, parse_json
from session.lerobot_format.dataset_files import INFO_FILE, DatasetFiles
from session.lerobot_format.templates import DATA_V2, DATA_V3, VIDEO_V2, VIDEO_V3, is_template

MAX_INFO_BYTES = 16 << 20
KNOWN = ("v2.0", "v2.1", "v3.0")
MAX_RATE = 1000.0
USUAL_RATE = 30.0
VIDEO, IMAGE = "video", "image"
MAX_FEATURES = 2000


@dataclass(frozen=True)
class Feature:
    """A column or a camera: ``dtype`` such as "float32" or "video", ``names`` as recorded, ``info`` of a video."""

    dtype: str
    names: object
    info: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_picture(self) -> bool:
        return self.dtype in (VIDEO, IMAGE)

    @property
    def is_depth(self) -> bool:
        return any(key.endswith("is_depth_map") and value is True for key, value in self.info.items())


@dataclass(frozen=True)
class Info:
    """The usable contents of the file; ``notes`` are sentences on what was put in place of unusable ones."""

    major: int
    robot_type: str
    fps: float
    chunks_size: int
    data_path: str
    video_path: str
    features: Mapping[str, Feature]
    notes: tuple[str, ...]


def read_info(files: DatasetFiles) -> Info:
    """Raises DatasetUnreadable if the file cannot be read, or is of another version."""
    try:
        with files.open(INFO_FILE) as file:
            content = read_at_most(file, MAX_INFO_BYTES)
    except OSError as error:
        raise DatasetUnreadable(f"meta/info.json of this dataset cannot be read ({describe(error)}).") from error
    problem = foreign_text(content[:HEAD_BYTES])
    if problem:
        raise DatasetUnreadable(f"meta/info.json of this dataset {problem}.")
    try:
        values = parse_json(content)
    except NotJson:
        raise DatasetUnreadable("meta/info.json of this dataset is not JSON; fetch it again.") from None
    if not isinstance(values, dict):
        raise DatasetUnreadable("meta/info.json of this dataset is not a JSON object; fetch it again.")
    return _parse(values)


def _parse(values: Mapping[str, object]) -> Info:
    notes: list[str] = []
    features = _features(values.get("features"))
    major = _major(values, notes)
    data, video = (DATA_V3, VIDEO_V3) if major == 3 else (DATA_V2, VIDEO_V2)
    robot_type = values.get("robot_type")
    return Info(
        major=major,
        robot_type=robot_type if isinstance(robot_type, str) else "",
        fps=_rate(values.get("fps"), notes),
        chunks_size=_chunks_size(values.get("chunks_size")),
        data_path=_template(values, "data_path", data, notes),
        video_path=_template(values, "video_path", video, notes),
        features=features,
        notes=tuple(notes),
    )


def _major(values: Mapping[str, object], notes: list[str]) -> int:
    version = values.get("codebase_version")
    if version is None:
        return 3 if "{file_index" in str(values.get("data_path")) else 2
    text = str(version)[:20]
    digits = text.lstrip("vV").split(".")[0]
    if digits not in ("2", "3"):
        raise DatasetUnreadable(
            f"This LeRobot dataset is of version {text}; versions 2.0, 2.1 and 3.0 can be opened. Convert it with "
            "LeRobot first."
        )
    if text not in KNOWN:
        notes.append(f"The dataset is of version {text}, which is newer than this reader; it is read as {digits}.x.")
    return int(digits)


def _rate(value: object, notes: list[str]) -> float:
    if type(value) in (int, float) and math.isfinite(value) and 0 < value <= MAX_RATE:
        return float(value)
    notes.append(f"info.json names no usable fps; {USUAL_RATE:g} rows a second are assumed.")
    return USUAL_RATE


def _chunks_size(value: object) -> int:
    return value if type(value) is int and value > 0 else 1000


def _template(values: Mapping[str, object], key: str, usual: str, notes: list[str]) -> str:
    value = values.get(key)
    if value is None:
        return usual
    if not is_template(value):
        notes.append(f"{key} of info.json is no template of paths; the usual one is used.")
        return usual
    return str(value)


def _features(value: object) -> dict[str, Feature]:
    if not isinstance(value, dict):
        return {}
    found = {}
    for name, one in list(value.items())[:MAX_FEATURES]:
        if isinstance(one, dict) and isinstance(one.get("dtype"), str):
            info = one.get("info") or one.get("video_info")
            found[name] = Feature(one["dtype"], one.get("names"), info if isinstance(info, dict) else {})
    return found
