"""LeRobotDatasets of versions 2.0, 2.1 and 3.0: a folder holds many episodes, each of which is a recording.

Read-only, without the `lerobot` package; tables are read by pyarrow and videos by PyAV, imported when first needed. Its
functions are those of `RecordingFormat` in `session/loading.py`.
"""

from session.lerobot_format.reader import fingerprint, has_member, is_recording, load, summarize

__all__ = ["READING_KEYS", "fingerprint", "has_member", "is_recording", "load", "summarize"]

READING_KEYS: tuple[str, ...] = ("camera", "stride", "action", "offset")
