"""Tools that run the networks on a frame, and judge them."""

from collections.abc import Mapping

from models import NETWORKS
from page.agents.results import ToolResult, Value, number
from page.agents.viewing import action_values, frame_of, opened
from page.backend import PageBackend
from page.selection import length_of
from page.tabs.own_action import parse_own
from session import RecordedSession
from training import TrainingManager, lowest_errors, predict_frame, reconstruct_frame, share_below

MOST_PICTURES = 16

Action = Mapping[str, float]


def reconstruct(backend: PageBackend, session: str, frame: int) -> ToolResult:
    """Run the autoencoder on a recorded frame: its error beside that of the mean image, and the reconstruction.

    session: the recording's id. frame: its number, from 0.
    """
    recording = opened(backend, session)
    index, manager = frame_of(recording, frame), backend.loaded_manager(recording.profile)
    result = reconstruct_frame(manager.served, recording, index)
    values = {"session": session, "frame": index, "mse": number(result.mse)}
    values |= _beside(backend, recording, index, result.mse, is_prediction=False) | _weights(manager)
    return ToolResult(values, {f"Frame {index}": result.input, "Reconstruction": result.reconstruction})


def predict(
    backend: PageBackend, session: str, frame: int, action: Action | None = None, history_length: int = 3
) -> ToolResult:
    """Predict a recorded frame from the frames before it, under the recorded action and, if one is given, under another
    one in its place: errors beside those of trivial answers, and pictures.

    session: the recording's id. frame: its number, from 1. action: values by channel, within the channels' ranges.
    history_length: context frames, 2 to 8.
    """
    recording = opened(backend, session)
    index, manager = frame_of(recording, frame), backend.loaded_manager(recording.profile)
    history = recording.history(index, length_of(history_length))
    own = parse_own(recording, action)
    sweep, result = predict_frame(manager.served, recording, history, own, channels=[])
    pictures = {f"Frame {index}": result.actual, "Predicted": result.predicted}
    values: dict[str, Value] = {
        "session": session,
        "frame": index,
        "from_frames": list(history.frames),
        "recorded_action": action_values(recording, recording.actions[history.actions[-1]]),
        "mse": number(result.mse),
    }
    values |= _beside(backend, recording, index, result.mse, is_prediction=True) | _weights(manager)
    if sweep.own is not None:
        other = result.candidates[sweep.own]
        values["under_the_given_action"] = {"action": action_values(recording, own), "mse": number(other.mse)}
        pictures["Predicted under the given action"] = other.picture
    return ToolResult(values, pictures)


def sweep_actions(backend: PageBackend, session: str, frame: int, history_length: int = 3) -> ToolResult:
    """Predict a recorded frame under each action that the robot could have taken in place of the recorded one: which
    action explains the frame best, and whether the differences mean anything.

    session: the recording's id. frame: its number, from 1. history_length: context frames, 2 to 8.
    """
    recording = opened(backend, session)
    index, manager = frame_of(recording, frame), backend.loaded_manager(recording.profile)
    history = recording.history(index, length_of(history_length))
    sweep, result = predict_frame(manager.served, recording, history)
    lowest = lowest_errors([one.mse for one in result.candidates], result.difference_top)
    actions = [
        {
            **action_values(recording, sweep.actions[place]),
            "mse": number(one.mse),
            "is_recorded": place == sweep.recorded,
            "has_lowest_error": place in lowest,
        }
        for place, one in enumerate(result.candidates)
    ]
    pictures = {f"Frame {index}": result.actual}
    pictures |= {f"Action {place}": one.picture for place, one in enumerate(result.candidates[:MOST_PICTURES])}
    values = {
        "session": session,
        "frame": index,
        "actions": actions,
        "differences_mean_something": bool(lowest),
        "largest_brightness_difference": number(result.difference_top),
    }
    return ToolResult(values | _weights(manager), pictures)


def verdict(backend: PageBackend, session: str) -> ToolResult:
    """Judge both networks of the recording's robot, in words and with the reason, from what was computed with them on
    this recording, or else from a few of its frames: untrained, learns the mean, sees, predicts, uses the actions.

    session: the recording's id.
    """
    recording = opened(backend, session)
    manager = backend.loaded_manager(recording.profile)
    backend.spot_checks.begin(manager.served, recording)
    backend.spot_checks.wait()
    judged = backend.evidence.verdicts(manager.served, recording.folder)
    values = {
        name: {"verdict": judged[name].level, "reason": judged[name].reason, "frames": judged[name].frames}
        for name in NETWORKS
    }
    return ToolResult({"session": session, **values, **_weights(manager)})


def _beside(
    backend: PageBackend, recording: RecordedSession, frame: int, mse: float, is_prediction: bool
) -> dict[str, Value]:
    """The errors of trivial answers for a frame, and the share of them that is explained."""
    baselines = backend.baselines.of(recording)
    if baselines is None:
        return {}
    base = baselines.of_frame(recording, frame)
    values: dict[str, Value] = {
        "mse_of_the_mean_image": number(base.mean),
        "variance_explained": number(share_below(mse, base.mean)),
    }
    if is_prediction and base.repeat is not None:
        values |= {
            "mse_of_repeating_the_last_frame": number(base.repeat),
            "skill": number(share_below(mse, base.repeat)),
        }
    return values


def _weights(manager: TrainingManager) -> dict[str, Value]:
    """The weights of both networks, as text."""
    return {"weights": {network: source.describe() for network, source in manager.served.weights.items()}}
