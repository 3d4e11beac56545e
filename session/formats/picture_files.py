"""The frames of a recording that nobody records any more: picture files below its folder."""

from dataclasses import dataclass
from pathlib import Path

from session.errors import FrameUnreadable
from session.files import describe
from session.frames import read_frame


@dataclass(frozen=True)
class PictureFiles:
    """A FrameSource over files; ``names`` are their paths relative to ``folder``."""

    folder: Path
    names: tuple[str, ...]
    is_being_recorded = False
    may_be_recording = False

    def read(self, index: int) -> tuple[bytes, str]:
        """The bytes of a frame's file and its media type; raises FrameUnreadable with the cause."""
        return read_picture(self.folder, self.names[index])


def read_picture(folder: Path, name: str) -> tuple[bytes, str]:
    """The bytes of a picture file below ``folder`` and its media type; raises FrameUnreadable with the cause."""
    try:
        return read_frame(folder, name)
    except FileNotFoundError:
        raise FrameUnreadable("its file is gone") from None
    except OSError as error:
        raise FrameUnreadable(describe(error)) from error
