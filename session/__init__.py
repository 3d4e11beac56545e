"""What was recorded: finding, opening and writing sessions of robots, their frames, actions and histories.

Knows nothing of models, training or the page. ``session.batch``, which needs torch, is imported on its own.
"""

from session.action_selectors import ConstantSelector, RandomSelector, ReplaySelector, SequenceSelector
from session.cache import SessionCache
from session.demo import record_demo
from session.errors import (
    DiskBudgetError,
    FrameOutOfRange,
    FrameUnreadable,
    HistoryLengthError,
    InvalidAction,
    NoHistory,
    RecordingError,
    ReplayEnded,
    SessionError,
    SessionNotFound,
)
from session.history import History
from session.left_out import LeftOut
from session.listing import SessionSummary, find_session, list_sessions
from session.loading import load_session
from session.recorder import SessionRecorder
from session.recording import RecordedSession
from session.robot_profiles import JETBOT, TOROIDAL_DOT, ActionChannel, RobotProfile
from session.simulated_jetbot import SimulatedJetBot
from session.statistics import SessionStatistics, session_statistics
from session.toroidal_dot import ToroidalDotRobot

__all__ = [
    "JETBOT",
    "TOROIDAL_DOT",
    "ActionChannel",
    "ConstantSelector",
    "DiskBudgetError",
    "FrameOutOfRange",
    "FrameUnreadable",
    "History",
    "HistoryLengthError",
    "InvalidAction",
    "LeftOut",
    "NoHistory",
    "RandomSelector",
    "RecordedSession",
    "RecordingError",
    "ReplayEnded",
    "ReplaySelector",
    "RobotProfile",
    "SequenceSelector",
    "SessionCache",
    "SessionError",
    "SessionNotFound",
    "SessionRecorder",
    "SessionStatistics",
    "SessionSummary",
    "SimulatedJetBot",
    "ToroidalDotRobot",
    "find_session",
    "list_sessions",
    "load_session",
    "record_demo",
    "session_statistics",
]
