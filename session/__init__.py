"""Recordings of robots: finding, opening and writing sessions, their frames, actions and histories.

Independent of models, training and the page. ``session.batch``, which needs torch, is imported on its own.
"""

from session.cache import SessionCache
from session.command_line import (
    VERSION,
    end_signals,
    outlive_terminal,
    path_option,
    require_supported_system,
    run_command,
)
from session.commit import code_version
from session.data_folder import data_option
from session.errors import (
    BadRobot,
    BadSimulator,
    DatasetUnreadable,
    DiskBudgetError,
    FrameOutOfRange,
    FrameUnreadable,
    HistoryLengthError,
    InvalidAction,
    InvalidMark,
    MarkNotSaved,
    MarksUnusable,
    NoHistory,
    NotAdopted,
    NotInstalled,
    RecordingError,
    ReplayEnded,
    RobotFailed,
    SessionError,
    SessionNotFound,
    SessionUnreadable,
    StateUnknown,
)
from session.formats.reading import Choices, plain_id
from session.frames import resize_picture
from session.ground_truth import NEAR_PX, GroundTruth, TrueFrame, held_out_state, may_be_simulated
from session.history import MAX_LENGTH, MIN_LENGTH, History
from session.listing import find_session, list_sessions
from session.loading import load_session
from session.marks import FlaggedFrames, LeftOut, Mark, SessionMarks, ShownMark
from session.pictures import decode_picture
from session.recorder.live_recording import LiveRecording
from session.recorder.recorder import SessionRecorder
from session.recorder.selectors import (
    ActionPrediction,
    ActionSelector,
    ConstantSelector,
    RandomSelector,
    RecordedSelector,
    SequenceSelector,
    UncertaintySelector,
)
from session.recorder.simulation import record_demo
from session.recording import SWEPT_CHANNELS, RecordedSession
from session.robots.detection import profile_of
from session.robots.profiles import ActionChannel, RobotProfile
from session.robots.ranges import OutsideRanges
from session.robots.registry import action_name, located_part, simulator_names
from session.robots.robot import Robot
from session.robots.simulated_jetbot import JETBOT, SimulatedJetBot
from session.robots.simulator import SimulatorEntry
from session.robots.sweep import ActionSweep
from session.robots.toroidal_dot import TOROIDAL_DOT, ToroidalDotRobot
from session.skipped import Skipped
from session.statistics import Intervals, SessionStatistics, session_statistics
from session.summary import SessionSummary

__all__ = [
    "JETBOT",
    "MAX_LENGTH",
    "MIN_LENGTH",
    "NEAR_PX",
    "SWEPT_CHANNELS",
    "TOROIDAL_DOT",
    "VERSION",
    "ActionChannel",
    "ActionPrediction",
    "ActionSelector",
    "ActionSweep",
    "BadRobot",
    "BadSimulator",
    "Choices",
    "ConstantSelector",
    "DatasetUnreadable",
    "DiskBudgetError",
    "FlaggedFrames",
    "FrameOutOfRange",
    "FrameUnreadable",
    "GroundTruth",
    "History",
    "HistoryLengthError",
    "Intervals",
    "InvalidAction",
    "InvalidMark",
    "LeftOut",
    "LiveRecording",
    "Mark",
    "MarkNotSaved",
    "MarksUnusable",
    "NoHistory",
    "NotAdopted",
    "NotInstalled",
    "OutsideRanges",
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
    "SessionMarks",
    "SessionNotFound",
    "SessionRecorder",
    "SessionStatistics",
    "SessionSummary",
    "SessionUnreadable",
    "ShownMark",
    "SimulatedJetBot",
    "SimulatorEntry",
    "Skipped",
    "StateUnknown",
    "ToroidalDotRobot",
    "TrueFrame",
    "UncertaintySelector",
    "action_name",
    "code_version",
    "data_option",
    "decode_picture",
    "end_signals",
    "find_session",
    "held_out_state",
    "list_sessions",
    "load_session",
    "located_part",
    "may_be_simulated",
    "outlive_terminal",
    "path_option",
    "plain_id",
    "profile_of",
    "record_demo",
    "require_supported_system",
    "resize_picture",
    "run_command",
    "session_statistics",
    "simulator_names",
]
