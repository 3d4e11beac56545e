"""Replay: a recording's simulator, made again and driven by the recorded actions, so that its state at each frame is
known."""

from collections.abc import Iterable, Sequence

from session.errors import InvalidAction
from session.robots.registry import make_robot
from session.robots.simulator import Simulator, SimulatorEntry


class Replay:
    """The states of a simulator after 0, 1, 2, … recorded actions, computed once.

    A recorder of simulated robots writes an observation at each even step and an action at each odd one. The replay
    ends where this does not hold, because an action may be lost there, and where the simulator refuses an action.
    """

    def __init__(self, entry: SimulatorEntry, actions: Iterable[dict[str, float]], steps: Sequence[int]) -> None:
        self._robot = make_robot(entry)
        self._states = [self._robot.state]
        for number, (action, step) in enumerate(zip(actions, steps, strict=True)):
            if step != 2 * number + 1:
                break
            try:
                self._robot.act(action)
            except InvalidAction:
                break
            self._states.append(self._robot.state)

    def robot(self, step: int) -> Simulator | None:
        """A simulator in the state at the step of an observation, or None if that is not known."""
        number, is_action = divmod(step, 2)
        is_known = not is_action and 0 <= number < len(self._states)
        return self._robot.at(self._states[number]) if is_known else None
