"""The tool that compares two pairs of checkpoints."""

from page.agents.results import ToolResult, Value, number
from page.agents.viewing import action_values, frame_of, opened
from page.backend import PageBackend
from page.selection import length_of
from page.tabs.compare.comparison import IN_USE, RECORDED, Choice, Comparison, compare, dreamed_actions
from page.versions import version_name
from session import RecordedSession
from training import MAX_ROLLOUT, TrainingManager, better_of, whole_number


def compare_checkpoints(
    backend: PageBackend,
    session: str,
    frame: int,
    first: str = IN_USE,
    second: str = "",
    steps: int = 10,
    history_length: int = 3,
) -> ToolResult:
    """Compare two pairs of checkpoints of the recording's robot: both predict a recorded frame, and imagine what
    follows it under the recorded actions; errors beside those of trivial answers, and which one is better. Nothing is
    loaded.

    session: the recording's id. frame: its number, from 1. first, second: "in use", or the name of a version of the
    checkpoint history, which the answer lists; without a second one, the newest version. steps: of the dream, 1 to 50.
    history_length: context frames, 2 to 8.
    """
    recording = opened(backend, session)
    index, manager = frame_of(recording, frame), backend.loaded_manager(recording.profile)
    versions = manager.versions()
    newest = versions[0].name if versions and not second else second
    count = whole_number(steps, "The number of steps", 1, MAX_ROLLOUT)
    sides = tuple(Choice(*one, {}).networks(backend, manager) for one in (("A", first), ("B", newest)))
    dreamed = dreamed_actions(recording, index, RECORDED, count, None)
    place = index, length_of(history_length)
    result = compare(backend, recording, session, place, sides, dreamed, "latents")
    values: dict[str, Value] = {"session": session, "frame": index, "first": sides[0].label, "second": sides[1].label}
    values |= {"are_the_same_weights": result.is_same, **_frame(result), **_dream(recording, result)}
    return ToolResult(values | _versions(manager), _pictures(result))


def _frame(result: Comparison) -> dict[str, Value]:
    """The errors of the frame, or why there are none."""
    if not result.predictions:
        return {"prediction": {"problem": result.frame_problem}}
    errors, base = [one.mse for one in result.predictions], result.baselines
    trivial = [base.repeat, base.mean] if base else [None, None]
    best = better_of(errors, [one.predicted for one in result.predictions])
    return {"prediction": _errors([*errors, *trivial], "the_last_frame", best)}


def _dream(recording: RecordedSession, result: Comparison) -> dict[str, Value]:
    """The mean errors of the dream, and its actions."""
    means = result.dream_means
    if not means:
        return {"dream": {"problem": result.dreamed.problem or "The true frames are not known."}}
    best = better_of(means[:2], result.dream[-1].imagined)
    actions = [action_values(recording, step.action) for step in result.dream]
    return {"dream": {**_errors([*means, None][:4], "the_start_frame", best), "actions": actions}}


def _errors(errors: list[float | None], repeated: str, best: int | None) -> dict[str, Value]:
    first, second, repeat, mean = map(number, errors)
    better = None if best is None else ("first", "second")[best]
    return {
        "mse_of_first": first,
        "mse_of_second": second,
        f"mse_of_repeating_{repeated}": repeat,
        "mse_of_the_mean_image": mean,
        "better": better,
    }


def _versions(manager: TrainingManager) -> dict[str, Value]:
    return {"versions": [{"name": one.name, "what": version_name(manager, one)} for one in manager.versions()]}


def _pictures(result: Comparison) -> dict:
    if not result.predictions:
        return {}
    pictures = {f"Frame {result.index}": result.predictions[0].actual}
    names = ("Predicted by the first", "Predicted by the second")
    return pictures | {name: one.predicted for name, one in zip(names, result.predictions, strict=True)}
