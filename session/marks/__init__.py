"""Marks of recordings: whole sessions, frames or ranges of frames that somebody has flagged, each with a note.

They are kept in one file of the data folder, and no recording depends on it.
"""

from session.marks.left_out import FlaggedFrames, LeftOut
from session.marks.mark import Mark
from session.marks.session_marks import SessionMarks, ShownMark

__all__ = ["FlaggedFrames", "LeftOut", "Mark", "SessionMarks", "ShownMark"]
