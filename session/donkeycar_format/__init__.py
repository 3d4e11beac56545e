"""Tubs of donkeycars, version 2: a manifest, catalogs of JSON lines, and a folder of pictures.

Its functions are those of `RecordingFormat` in `session/loading.py`.
"""

from session.donkeycar_format.catalogs import is_recording
from session.donkeycar_format.reader import load, summarize
from session.formats.fingerprint import fingerprint

__all__ = ["fingerprint", "is_recording", "load", "summarize"]
