"""Where a visitor is: which recording, which frame, how much history; from what a page or a program sent, checked."""

from page import messages
from page.backend import PageBackend
from page.components import FramePosition
from page.handlers import PageError, StaleRequest
from page.visitor import Visitor
from session import History, RecordedSession, RobotProfile, SessionNotFound
from training import whole_number

USUAL_HISTORY = 3
REPLACED = "This recording was replaced by one with other actions: press Load Session to open it anew."


def recording_of(server: PageBackend, visitor: Visitor) -> RecordedSession:
    """The visitor's recording; raises PageError where there is none, or none any more."""
    if visitor.session_id is None:
        raise PageError(messages.NOTHING_LOADED)
    try:
        recording = server.sessions.get(visitor.session_id)
    except SessionNotFound:
        raise PageError(messages.SESSION_GONE) from None
    # The models in use are those of the robot that was opened; another one's actions do not fit them.
    if visitor.profile and _robot(recording.profile) != _robot(visitor.profile):
        raise PageError(REPLACED)
    return recording


def _robot(profile: RobotProfile) -> tuple[str, tuple[str, ...]]:
    return profile.name, profile.channel_names


def selected(server: PageBackend, visitor: Visitor, place: FramePosition | None) -> tuple[RecordedSession, int]:
    """The visitor's recording and frame; where no frame is given, the one last shown. Raises StaleRequest where the
    visitor has gone to another session since the event was sent."""
    if visitor.session_id and place and place.session not in (None, "", visitor.session_id):
        raise StaleRequest
    recording = recording_of(server, visitor)
    if recording.frame_count == 0:
        raise PageError("This recording has no frames; pick another session.")
    if place and place.frame is not None:
        visitor.frame = whole_number(place.frame, "The frame number", 0, recording.frame_count - 1)
    return recording, min(visitor.frame, recording.frame_count - 1)


def length_of(history_length: object) -> int:
    """The history length that was sent, the usual one where none was."""
    return whole_number(USUAL_HISTORY if history_length is None else history_length, "The history length", 2, 8)


def history_of(recording: RecordedSession, index: int, history_length: object) -> History:
    """The context of a frame, as long as was asked for or there is."""
    return recording.history(index, length_of(history_length))
