"""The state of a robot at each frame: as recorded, or the action before the frame, or none.

Policies of LeRobot take a state; without one, ACT and Diffusion raise an error when training begins. Cars and the
robots of this program's recorder record none: what they know when they decide is the picture, and the action before it.
"""

from dataclasses import dataclass

import numpy as np

from session import lerobot_format
from session.lerobot_format.states import read_states
from session.loading import locate
from session.recording import RecordedSession

AUTO, LAST_ACTION, NONE = "auto", "last-action", "none"
KINDS = (AUTO, LAST_ACTION, NONE)
LAST = "last "  # before the name of an action channel


@dataclass(frozen=True, eq=False)
class States:
    """``names`` of S numbers, none if there is no state, and their ``values`` at the N frames, float32 (N, S), NaN for
    those that are not known."""

    names: tuple[str, ...]
    values: np.ndarray

    @property
    def are_last_actions(self) -> bool:
        """True if they are the actions before the frames."""
        return any(name.startswith(LAST) for name in self.names)

    @property
    def is_known(self) -> np.ndarray:
        """True for each frame whose state is known, bool (N,)."""
        return np.isfinite(self.values).all(axis=1)


def states_of(session: RecordedSession, kind: str) -> States:
    """The states of a kind; AUTO are the recorded ones, or else the last actions. Raises OSError and SessionError."""
    if kind == NONE:
        return States((), np.zeros((session.frame_count, 0), dtype=np.float32))
    recording_format, place = locate(session.folder)
    if kind == AUTO and recording_format is lerobot_format:
        names, values = read_states(place, session.frames.rows)
        if names:
            return States(names, values)
    return _last_actions(session)


def _last_actions(session: RecordedSession) -> States:
    names = tuple(f"{LAST}{name}" for name in session.profile.channel_names)
    values = np.full((session.frame_count, len(names)), np.nan, dtype=np.float32)
    is_led_to = session.action_into >= 0
    values[is_led_to] = session.actions[session.action_into[is_led_to]]
    return States(names, values)
