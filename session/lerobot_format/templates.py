"""Paths of data and video files from the templates of a dataset."""

import re
from collections.abc import Mapping

# A field such as {episode_index:06d}; Python's own formatting would follow attributes and make texts of any width.
FIELD = re.compile(r"\{(\w{1,40})(?::0?(\d{1,2})d?)?\}")
DATA_V3 = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
VIDEO_V3 = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
DATA_V2 = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
VIDEO_V2 = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
IMAGE_V3 = "images/{image_key}/episode-{episode_index:06d}"
IMAGE_V2 = "images/{image_key}/episode_{episode_index:06d}"
FIELDS = ("chunk_index", "file_index", "episode_chunk", "episode_index", "video_key", "image_key")


def is_template(value: object) -> bool:
    """True if a value is text with known fields only."""
    if not isinstance(value, str) or len(value) > 300:
        return False
    rest = FIELD.sub(lambda field: "" if field[1] in FIELDS else "{", value)
    return "{" not in rest and "}" not in rest


def names_files(template: str) -> bool:
    """True for files that hold several episodes, as since version 3.0."""
    return "{file_index" in template


def fill(template: str, values: Mapping[str, int | str]) -> str:
    """The path that a template makes; a field without a value stays empty."""

    def text(field: re.Match[str]) -> str:
        value = values.get(field[1], "")
        return f"{value:0{int(field[2] or 0)}d}" if isinstance(value, int) else value

    return FIELD.sub(text, template.replace("\\", "/"))
