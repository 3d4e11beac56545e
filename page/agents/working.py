"""Tools whose work takes a while: evaluations and trainings, to begin and to follow."""

from page.agents.results import ToolResult, Value, number
from page.agents.viewing import action_values, opened
from page.backend import PageBackend
from page.handlers import PageError
from page.selection import length_of
from session import RecordedSession
from training import (
    EvaluationRequest,
    EvaluationResult,
    FixedSteps,
    FrameSelection,
    TrainingConfig,
    TrainingRequest,
    frame_errors,
    whole_number,
)

AGENT = "an agent"
MOST_WORST, MOST_STEPS = 50, 10**6
HELD_OUT = 0.2  # share of each recording
NETWORKS = ("autoencoder", "predictor", "world model")


def evaluate(backend: PageBackend, session: str, history_length: int = 3, may_keep: bool = False) -> ToolResult:
    """Begin to compute the errors of every frame of a recording with the networks in use, or say how far that is. Call
    it again until it is done; then worst_frames shows where the model fails.

    session: the recording's id. history_length: context frames, 2 to 8.
    """
    recording = opened(backend, session)
    shared = backend.loaded_manager(recording.profile).served
    result = _evaluated(backend, session, recording, history_length)
    now = backend.evaluator.snapshot()
    is_here = now is not None and now.is_active and now.session_id == session
    if result is None and not is_here:
        request = EvaluationRequest(session, recording, length_of(history_length), AGENT, {}, may_keep)
        now = backend.evaluator.start(shared, request)
    if result is None:
        left = number(now.seconds_left)
        return ToolResult(
            {"session": session, "is_done": False, "done": now.done, "of": now.total, "seconds_left": left}
        )
    summaries = {name: frame_errors.summary(result.track.of(name)) for name in frame_errors.MEASURES}
    return ToolResult(
        {
            "session": session,
            "is_done": True,
            "weights": dict(result.weights),
            **{f"{name}_mse": number(one.mean) if one else None for name, one in summaries.items()},
        }
    )


def worst_frames(
    backend: PageBackend, session: str, count: int = 8, measure: str = "prediction", history_length: int = 3
) -> ToolResult:
    """The frames of an evaluated recording that the networks in use get worst, of neighbours only the worst, each with
    the action that led to it.

    session: the recording's id. count: how many, up to 50. measure: prediction or reconstruction. history_length: that
    of the evaluation.
    """
    recording = opened(backend, session)
    if measure not in frame_errors.MEASURES:
        raise PageError("The measure is prediction or reconstruction; choose one of them.")
    result = _evaluated(backend, session, recording, history_length)
    if result is None:
        raise PageError("This recording has not been evaluated with these weights: call evaluate until it is done.")
    errors = result.track.of(measure)
    worst = frame_errors.worst_frames(errors, whole_number(count, "The number of frames", 1, MOST_WORST))
    rows = [{"frame": frame, "mse": number(mse), "action": _into(recording, frame)} for frame, mse in worst]
    mean = frame_errors.summary(errors)
    return ToolResult({"session": session, "measure": measure, "mean_mse": number(mean.mean), "worst": rows})


def start_training(
    backend: PageBackend, session: str, network: str = "world model", steps: int = 1000, all_recordings: bool = True
) -> ToolResult:
    """Begin to train a network on recordings of a robot; follow_training shows the progress. Changes what everybody
    sees, so it needs the key for training.

    session: the id of a recording. network: "world model" for fresh networks by the recipe, which has its own number of
    steps; "autoencoder" or "predictor" to go on with the networks in use. steps: of one network. all_recordings: of the
    robot; otherwise this one.
    """
    recording = opened(backend, session)
    if network not in NETWORKS:
        raise PageError(f"Train one of: {', '.join(NETWORKS)}.")
    chosen = backend.recordings_of(recording.profile) if all_recordings else {session: recording}
    if network == "world model":
        backend.begin_recipe(chosen, AGENT)
        return follow_training(backend, session)
    selection = FrameSelection(0, recording.frame_count - 1, held_out=HELD_OUT)
    condition = FixedSteps(whole_number(steps, "The number of steps", 1, MOST_STEPS))
    several = tuple(chosen.values()) if all_recordings else ()
    request = TrainingRequest(network, recording, selection, condition, TrainingConfig(), AGENT, recordings=several)
    backend.loaded_manager(recording.profile).train(request)
    return follow_training(backend, session)


def follow_training(backend: PageBackend, session: str) -> ToolResult:
    """The progress of the training in progress of a recording's robot, or the end of the last one: step, losses beside
    those of trivial answers, time left.

    session: the id of a recording of that robot.
    """
    recording = opened(backend, session)
    run = backend.loaded_manager(recording.profile).last_run()
    if run is None:
        return ToolResult({"status": "none", "message": "Nothing was trained yet."})
    values: dict[str, Value] = {
        "status": run.status,
        "network": run.network,
        "phase": run.phase,
        "step": run.step,
        "of": run.max_steps,
        "seconds_left": number(run.seconds_left),
        "first_loss": number(run.first_loss),
        "losses": {name: number(points[-1][1]) for name, points in run.curves.items() if points},
        "losses_of_trivial_answers": {name: number(value) for name, value in run.references.items()},
        "message": run.message,
    }
    return ToolResult(values)


def stop_training(backend: PageBackend, session: str) -> ToolResult:
    """Stop the training in progress of a recording's robot after its step; what it has learned is saved. Needs the key
    for training.

    session: the id of a recording of that robot.
    """
    recording = opened(backend, session)
    backend.loaded_manager(recording.profile).stop()
    return follow_training(backend, session)


def _evaluated(
    backend: PageBackend, session: str, recording: RecordedSession, history_length: int
) -> EvaluationResult | None:
    """The whole errors of a recording with the weights in use, or None."""
    digests = dict(backend.loaded_manager(recording.profile).served.digests())
    kept = backend.evaluator.kept(session, recording.version)
    length = length_of(history_length)
    fitting = (one for one in kept if dict(one.digests) == digests and one.history_length == length)
    return next((one for one in fitting if one.track.is_complete), None)


def _into(recording: RecordedSession, frame: int) -> dict[str, Value] | None:
    action = int(recording.action_into[frame])
    return action_values(recording, recording.actions[action]) if action >= 0 else None
