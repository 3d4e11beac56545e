"""The frames of a recording that are never learned from."""

from session import RecordedSession, held_out_state
from session.ground_truth import may_be_simulated

LEARNED_SHARE = 0.8  # of a recording of a real robot: neighbours in time look alike, so that its end is held out


def is_held_out(recording: RecordedSession, frame: int) -> bool:
    """True for a fifth of the dot's columns, a tenth of a simulated JetBot's headings, and the last fifth of any other
    recording. Raises FrameUnreadable."""
    if may_be_simulated(recording):
        return held_out_state(recording, frame)
    return frame >= LEARNED_SHARE * recording.frame_count
