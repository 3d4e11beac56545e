"""Tubs of donkeycars, version 2: a manifest, catalogs of JSON lines, and a folder of pictures.

Its functions are those of `RecordingFormat` in `session/loading.py`.
"""

from session.donkeycar_format.catalogs import is_recording
from session.donkeycar_format.reader import load, summarize
from session.formats.folder_recording import fingerprint, has_member

__all__ = ["READING_KEYS", "fingerprint", "has_member", "is_recording", "load", "summarize"]

READING_KEYS: tuple[str, ...] = ("stride", "offset")
