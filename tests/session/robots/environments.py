"""Small environments of Gymnasium for tests, registered by importing this module."""

import gymnasium
import numpy as np
from gymnasium import spaces

SIZE = 8


class Rail(gymnasium.Env):
    """An episode ends after five steps. The picture shows the number of steps, the seed and the last action."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(self, render_mode=None, space=None):
        self.render_mode, self.action_space = render_mode, space or spaces.Discrete(3, start=1)
        self.observation_space = spaces.Discrete(6)
        self.steps, self.seed, self.taken = 0, 0, []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps, self.seed = 0, seed
        return 0, {}

    def step(self, action):
        self.steps += 1
        self.taken.append(action)
        return self.steps, 0.0, self.steps == 5, False, {}

    def render(self):
        return np.full((SIZE, SIZE, 3), (40 * self.steps, 10 * self.seed, 0), dtype=np.uint8)


class Silent(Rail):
    """Draws nothing that the recorder could show."""

    metadata = {"render_modes": ["ansi"]}  # noqa: RUF012

    def render(self):
        return "a text"


class Blank(Rail):
    """Says that it draws, and does not."""

    def render(self):
        return None


class Broken(Rail):
    """Fails at its second step."""

    def step(self, action):
        if self.steps:
            raise OSError("no ground")
        return super().step(action)


SPACES = {
    "Grid": spaces.MultiDiscrete([2, 5]),
    "Keys": spaces.MultiBinary(2),
    "Arm": spaces.Box(np.float32([[-1, 0.1]]), np.float32([[1, 0.7]])),
    "Dial": spaces.Box(2, 9, shape=(), dtype=np.int64),
    "Many": spaces.Box(-1, 1, shape=(40,)),
    "Endless": spaces.Box(-np.inf, np.inf, shape=(1,)),
    "Wide": spaces.Box(-1, 1, shape=(65,)),
    "Menu": spaces.Discrete(65),
    "Mixed": spaces.Dict({"a": spaces.Discrete(2)}),
}
for name, space in SPACES.items():
    gymnasium.register(f"{name}-v0", Rail, kwargs={"space": space})
for kind in (Rail, Silent, Blank, Broken):
    gymnasium.register(f"{kind.__name__}-v0", kind)
