"""Errors of sessions that their user can do something about.

Each message is one plain sentence: the problem and the remedy. No message holds an absolute path.
"""


class SessionError(Exception):
    """Base of all errors that this package raises on purpose; its text is fit for visitors."""


class SessionNotFound(SessionError):
    """No session of that name. The message is the same for an absent, a forbidden and a malformed name; another one
    is given only for a recording that exists, but not with the chosen camera, stride or action."""

    def __init__(
        self, message: str = "There is no session of that name; press Refresh and pick one from the list."
    ) -> None:
        super().__init__(message)


class NotInstalled(SessionError):
    """A dataset that needs a library which is not installed."""

    def __init__(self, names: str) -> None:
        super().__init__(
            f"This dataset needs {names}: run `pip install -r requirements-formats.txt`, then start the page again."
        )


class DatasetUnreadable(SessionError):
    """A dataset none of whose episodes can be opened; the message says why."""


class SessionUnreadable(SessionError):
    """A listed folder that may hold recordings, and that this program may not read."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"This folder cannot be read ({cause}); have its owner give you the right to read it, then press Refresh."
        )


class FrameOutOfRange(SessionError):
    """A frame index that the session does not have."""


class FrameUnreadable(SessionError):
    """A frame whose file is missing, cut short, too large, or not a JPEG or PNG picture."""


class HistoryLengthError(SessionError):
    """A history length that is not a whole number from 2 to 8."""


class NoHistory(SessionError):
    """A frame without any recorded frame before it that could serve as its context."""


class NotAdopted(SessionError):
    """A recording cannot count as another robot's; the message says why."""


class InvalidAction(SessionError):
    """A value that is not an object of channel names and finite numbers, or not an action of that robot."""


class MarksUnusable(SessionError):
    """The file of marks cannot be read; it stays as it is. The message says why, and what to do."""


class InvalidMark(SessionError):
    """A mark with frames, a note or a number of marks that cannot be; the message says what can."""


class MarkNotSaved(SessionError):
    """A mark that could not be written; the file is as it was."""


class RecordingError(SessionError):
    """A recording that cannot be written, or whose parameters are impossible."""


class BadSimulator(RecordingError):
    """A simulated robot that cannot be made: a name, seed or option that there is not."""


class StateUnknown(SessionError):
    """No simulator can be brought to the state of a frame; the message says why."""


class ExportError(SessionError):
    """Recordings that cannot be written as a dataset, or not together; the message says why, and what to do."""


class DiskBudgetError(RecordingError):
    """A disk budget that is used up, with nothing left that may be deleted."""


class ReplayEnded(SessionError):
    """A replayed recording without any further action."""


class RobotFailed(SessionError):
    """A robot that raised an error, or returned something other than a picture or a number of seconds."""


class BadRobot(SessionError):
    """A robot that cannot be attached: its class does not exist, or one of its four members is invalid."""
