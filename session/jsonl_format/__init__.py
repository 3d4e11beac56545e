"""Our own format of recordings: JSON lines, a metadata file and a folder of pictures.

Offers what `session/loading.py` asks of every format.
"""

from session.jsonl_format.folder import fingerprint, is_recording
from session.jsonl_format.reader import load, summarize

__all__ = ["fingerprint", "is_recording", "load", "summarize"]
