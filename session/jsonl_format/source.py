"""The frames of a recording in the JSON-lines format: picture files below the session's folder."""

from dataclasses import dataclass
from pathlib import Path

from session.formats.picture_files import read_picture
from session.jsonl_format.lock import is_being_recorded, is_open_for_recording


@dataclass(frozen=True)
class FrameFiles:
    """A FrameSource over files; ``names`` are their paths relative to ``folder``."""

    folder: Path
    names: tuple[str, ...]

    @property
    def is_being_recorded(self) -> bool:
        """True if a recorder of this program holds the session's lock."""
        return is_being_recorded(self.folder)

    @property
    def may_be_recording(self) -> bool:
        """True also if the session is unfinished and was written to recently."""
        try:
            return is_open_for_recording(self.folder)
        except OSError:
            return False

    def read(self, index: int) -> tuple[bytes, str]:
        """The bytes of a frame's file and its media type; raises FrameUnreadable with the cause."""
        return read_picture(self.folder, self.names[index])
