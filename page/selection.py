"""The selected recording, frame and history length of a request, checked."""

from page import messages
from page.backend import PageBackend
from page.components import FramePosition
from page.handlers import PageError, StaleRequest
from page.visitor import Visitor
from session import MAX_LENGTH, MIN_LENGTH, History, RecordedSession, RobotProfile, SessionNotFound
from training import whole_number

STANDARD_HISTORY = 3
REPLACED = "This recording was replaced by one with other actions: press Load Session to open it anew."


def recording_of(backend: PageBackend, visitor: Visitor) -> RecordedSession:
    """The visitor's recording; raises PageError if none is open or if it is gone."""
    if visitor.session_id is None:
        raise PageError(messages.NOTHING_LOADED)
    try:
        recording = backend.sessions.get(visitor.session_id)
    except SessionNotFound:
        raise PageError(messages.SESSION_GONE) from None
    # The models in use belong to the robot that was opened; the actions of another one do not fit them.
    if visitor.profile and _robot(recording.profile) != _robot(visitor.profile):
        raise PageError(REPLACED)
    return recording


def _robot(profile: RobotProfile) -> tuple[str, tuple[str, ...]]:
    return profile.name, profile.channel_names


def selected(backend: PageBackend, visitor: Visitor, position: FramePosition | None) -> tuple[RecordedSession, int]:
    """The visitor's recording and frame, the last frame of the visitor if `position` has none. Raises StaleRequest if
    the visitor has opened another session since the event was sent, PageError and InvalidValue."""
    if visitor.session_id and position and position.session not in (None, "", visitor.session_id):
        raise StaleRequest
    recording = recording_of(backend, visitor)
    if recording.frame_count == 0:
        raise PageError("This recording has no frames; pick another session.")
    if position and position.frame is not None:
        visitor.frame = whole_number(position.frame, "The frame number", 0, recording.frame_count - 1)
    return recording, min(visitor.frame, recording.frame_count - 1)


def length_of(history_length: object) -> int:
    """The history length of a request, the standard one if it has none; raises InvalidValue."""
    length = STANDARD_HISTORY if history_length is None else history_length
    return whole_number(length, "The history length", MIN_LENGTH, MAX_LENGTH)


def history_of(recording: RecordedSession, index: int, history_length: object) -> History:
    """The history before a frame, as long as requested or as recorded; raises InvalidValue and NoHistory."""
    return recording.history(index, length_of(history_length))
