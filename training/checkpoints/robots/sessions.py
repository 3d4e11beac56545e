"""Opened sessions as their robots' networks know them."""

import os
import weakref
from collections.abc import Hashable
from dataclasses import replace
from pathlib import Path

from session import RecordedSession, SessionCache, SessionSummary, list_sessions
from session.formats.adoption import Adoptions
from session.formats.reading import Choices, parse_reading, split_reading
from session.robots.detection import named_profile
from training.checkpoints.paths import list_checkpoints
from training.checkpoints.robots.file import FILE, KeptRobot
from training.checkpoints.robots.fit import Fit, find_fit, fitted, is_registered
from training.checkpoints.robots.notes import fit_notes

MAX_STRIDE = 9999


class RobotSessions(SessionCache):
    """Opened sessions, each with the profile, the actions and the usual reading that belong to its robot's networks."""

    def __init__(self, sessions_folder: Path, checkpoints: Path) -> None:
        super().__init__(sessions_folder)
        self.adoptions = Adoptions(sessions_folder.parent)
        self._checkpoints = checkpoints
        # By the recording as it was opened: of what it was fitted with, and None if that changed nothing.
        self._fitted: weakref.WeakKeyDictionary[RecordedSession, tuple[Hashable, RecordedSession | None]]
        self._fitted = weakref.WeakKeyDictionary()

    def list(self) -> list[SessionSummary]:
        """Summaries of all sessions, those that a robot adopted with its name."""
        return [self._with_adoption(one) for one in list_sessions(self._folder)]

    def get(self, session_id: str, max_age_s: float = 0.0) -> RecordedSession:
        """The opened session; raises SessionNotFound."""
        recording = super().get(session_id, max_age_s)
        fit = find_fit(recording.profile, self._checkpoints, self._adopted_by(recording, session_id))
        choices = _usual_choices(recording.choices, fit.kept, session_id)
        if choices is not None and choices.current != recording.choices.current:
            recording = super().get(recording.choices.session_id(session_id, choices.current.given()), max_age_s)
        key = (fit, choices, *self._state(fit))
        known = self._fitted.get(recording)
        if known is None or known[0] != key:
            known = self._fitted[recording] = (key, _shown(recording, *key))
        return known[1] or recording

    def _adopted_by(self, recording: RecordedSession, session_id: str) -> str:
        """The title of the robot that adopted the recording; of one whose actions are read in another way, none."""
        choices = recording.choices
        is_usual = choices is None or choices.current.action == choices.usual.action
        return self.adoptions.robot_of(session_id) if is_usual else ""

    def _state(self, fit: Fit) -> tuple[bool, bool]:
        """True if there is a description that cannot be read; and if there are checkpoints, but no description."""
        if fit.kept is not None or is_registered(fit.profile):
            return False, False
        is_unusable = os.path.lexists(self._checkpoints / fit.profile.name / FILE)
        return is_unusable, bool(list_checkpoints(self._checkpoints, fit.profile.name))

    def _with_adoption(self, summary: SessionSummary) -> SessionSummary:
        title = self.adoptions.robot_of(summary.session_id)
        robot = named_profile(title) if title else None
        return replace(summary, robot=robot.name, robot_title=robot.title) if robot else summary


def _shown(
    recording: RecordedSession, fit: Fit, choices: Choices | None, is_unusable: bool, is_older: bool
) -> RecordedSession | None:
    """The recording as its robot's networks know it, with notes; None if that is as it is."""
    shown = fitted(recording, fit)
    notes = (*recording.notes, *fit_notes(recording, fit, is_unusable, is_older))
    if (notes, choices) != (recording.notes, recording.choices):
        return replace(shown, notes=notes, choices=choices)
    return None if shown is recording else shown


def _usual_choices(choices: Choices | None, kept: KeptRobot | None, session_id: str) -> Choices | None:
    """The choices with the camera and the step that a robot's networks learned as the usual ones."""
    if choices is None or kept is None:
        return choices
    camera = kept.camera if kept.camera in choices.cameras else choices.usual.camera
    stride = choices.usual.stride
    if kept.step_s and choices.rate:
        stride = min(MAX_STRIDE, max(1, round(kept.step_s * choices.rate)))
    usual = replace(choices.usual, camera=camera, stride=stride)
    asked = parse_reading(split_reading(session_id)[1])
    current = replace(usual, **asked.given())
    return replace(choices, usual=usual, current=current, strides=tuple(sorted({*choices.strides, stride})))
