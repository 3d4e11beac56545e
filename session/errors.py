"""Everything that can go wrong with a session and that its user can do something about.

Each message is one plain sentence: what happened and what to do. No message holds an absolute path.
"""


class SessionError(Exception):
    """Base of all errors that this package raises on purpose; its text can be shown to a visitor as it is."""


class SessionNotFound(SessionError):
    """No session of that name. The words are the same whether it is absent, forbidden or malformed."""

    def __init__(self) -> None:
        super().__init__("There is no session of that name; press Refresh and pick one from the list.")


class FrameOutOfRange(SessionError):
    """A frame index that the session does not have."""


class FrameUnreadable(SessionError):
    """The frame's file is gone, cut short, too large, or not a JPEG or PNG picture."""


class HistoryLengthError(SessionError):
    """A history length that is not a whole number from 2 to 8."""


class NoHistory(SessionError):
    """Nothing is recorded before the selected frame that could serve as its context."""


class InvalidAction(SessionError):
    """An action that is not an object of channel names and finite numbers, or not one of that robot."""


class RecordingError(SessionError):
    """The recorder cannot write, or was asked for something it cannot do."""


class DiskBudgetError(RecordingError):
    """The disk budget is used up and nothing more can be deleted to make room."""


class ReplayEnded(SessionError):
    """The recording that is being replayed holds no further action."""


class RobotFailed(SessionError):
    """A robot raised an error, or gave something else than a picture or a number of seconds."""


class BadRobot(SessionError):
    """A robot that cannot be attached: its class is not found, or one of its four members is not as it must be."""
