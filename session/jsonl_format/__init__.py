"""Our own format of recordings: JSON lines, a metadata file and a folder of pictures.

Its functions are those of `RecordingFormat` in `session/loading.py`.
"""

from session.formats.folder_recording import fingerprint, has_member
from session.jsonl_format.folder import is_recording
from session.jsonl_format.reader import load, summarize

__all__ = ["READING_KEYS", "fingerprint", "has_member", "is_recording", "load", "summarize"]

READING_KEYS: tuple[str, ...] = ()
