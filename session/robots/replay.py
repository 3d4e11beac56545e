"""Replay: a recording's simulator, made again and driven by the recorded actions, so that its state at each frame is
known."""

from collections.abc import Iterable, Sequence

from session.errors import InvalidAction
from session.robots.registry import make_robot
from session.robots.simulator import Simulator, SimulatorEntry, State


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

    def state(self, step: int) -> State | None:
        """The state at the step of an observation, or None if it is not known."""
        number, is_action = divmod(step, 2)
        return None if is_action or not 0 <= number < len(self._states) else self._states[number]

    def robot(self, step: int) -> Simulator | None:
        """A simulator of its own in that state, or None if it is not known."""
        state = self.state(step)
        return None if state is None else self._robot.at(state)
