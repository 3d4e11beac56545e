"""What was recorded: finding, opening and writing sessions of robots, their frames, actions and histories.

Knows nothing of models, training or the page. ``session.batch``, which needs torch, is imported on its own.
"""

from session.action_selectors import (
    ActionPrediction,
    ActionSelector,
    ConstantSelector,
    RandomSelector,
    RecordedSelector,
    SequenceSelector,
    UncertaintySelector,
)
from session.cache import SessionCache
from session.demo import record_demo
from session.errors import (
    BadRobot,
    DiskBudgetError,
    FrameOutOfRange,
    FrameUnreadable,
    HistoryLengthError,
    InvalidAction,
    NoHistory,
    RecordingError,
    ReplayEnded,
    RobotFailed,
    SessionError,
    SessionNotFound,
)
from session.history import History
from session.left_out import LeftOut
from session.listing import SessionSummary, find_session, list_sessions
from session.live_recording import LiveRecording
from session.loading import load_session
from session.recorder import SessionRecorder
from session.recording import RecordedSession
from session.robot import Robot
from session.robot_profiles import JETBOT, TOROIDAL_DOT, ActionChannel, RobotProfile, profile_of
from session.simulated_jetbot import SimulatedJetBot
from session.statistics import SessionStatistics, session_statistics
from session.toroidal_dot import ToroidalDotRobot

__all__ = [
    "JETBOT",
    "TOROIDAL_DOT",
    "ActionChannel",
    "ActionPrediction",
    "ActionSelector",
    "BadRobot",
    "ConstantSelector",
    "DiskBudgetError",
    "FrameOutOfRange",
    "FrameUnreadable",
    "History",
    "HistoryLengthError",
    "InvalidAction",
    "LeftOut",
    "LiveRecording",
    "NoHistory",
    "RandomSelector",
    "RecordedSelector",
    "RecordedSession",
    "RecordingError",
    "ReplayEnded",
    "Robot",
    "RobotFailed",
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
    "UncertaintySelector",
    "find_session",
    "list_sessions",
    "load_session",
    "profile_of",
    "record_demo",
    "session_statistics",
]
