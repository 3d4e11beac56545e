"""Our own format of recordings: JSON lines, a metadata file and a folder of pictures.

Its functions are those of `RecordingFormat` in `session/loading.py`.
"""

from session.formats.fingerprint import fingerprint
from session.jsonl_format.folder import is_recording
from session.jsonl_format.reader import load, summarize

__all__ = ["fingerprint", "is_recording", "load", "summarize"]
