"""Small tubs of donkeycars for tests."""

import json
from pathlib import Path

from tests.session.session_files import jpeg

START_MS = 1_700_000_000_000
INTERVAL_MS = 50


def record(index: int, **changes: object) -> dict:
    """The record of an index: angle 0.01 × index, throttle 0.5. None leaves a key out."""
    content = {
        "_index": index,
        "_session_id": "23-11-14_0",
        "_timestamp_ms": START_MS + INTERVAL_MS * index,
        "cam/image_array": f"{index}_cam_image_array_.jpg",
        "user/angle": round(0.01 * index, 2),
        "user/mode": "user",
        "user/throttle": 0.5,
    } | changes
    return {key: value for key, value in content.items() if value is not None}


def write_tub(folder: Path, records: list[dict | str], deleted: tuple[int, ...] = (), per_catalog: int = 1000) -> Path:
    """Write a tub whose records may also be raw lines; each picture has the shade of its index."""
    (folder / "images").mkdir(parents=True)
    names = []
    for start in range(0, len(records), per_catalog):
        names.append(f"catalog_{start // per_catalog}.catalog")
        lines = (one if isinstance(one, str) else json.dumps(one) for one in records[start : start + per_catalog])
        (folder / names[-1]).write_text("".join(f"{line}\n" for line in lines))
    indices = [one["_index"] for one in records if isinstance(one, dict) and "_index" in one]
    for index in indices:
        (folder / "images" / f"{index}_cam_image_array_.jpg").write_bytes(jpeg(index))
    catalogs = {
        "paths": names,
        "current_index": max(indices, default=-1) + 1,
        "max_len": per_catalog,
        "deleted_indexes": list(deleted),
    }
    inputs = ["cam/image_array", "user/angle", "user/throttle", "user/mode"]
    content = (inputs, ["image_array", "float", "float", "str"], {}, {"created_at": START_MS / 1000}, catalogs)
    (folder / "manifest.json").write_text("".join(f"{json.dumps(line)}\n" for line in content))
    return folder
