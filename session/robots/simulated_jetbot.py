"""The JetBot, and its simulation in a drawn room.

The room is a panorama drawn once from a seed; the camera shows a window of it that moves as the robot turns.
"""

import copy
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Self

import numpy as np
from PIL import Image, ImageDraw

from session.errors import InvalidAction
from session.robots.actions import checked_action
from session.robots.panorama import Panorama
from session.robots.profiles import ActionChannel, RobotProfile
from session.robots.simulator import SimulatorOption

IMAGE_SIZE = 224
PANORAMA_WIDTH = 6 * IMAGE_SIZE
HORIZON = 128
# One usual action (0.12 for 0.2 s) turns by 6 degrees, about 22 pixels.
DEGREES_PER_THRUST = 250.0
# The picture is a sixth of the panorama: 60 degrees.
PIXELS_PER_DEGREE = PANORAMA_WIDTH / 360.0
MAX_MOTOR, MAX_DURATION_S = 1.0, 5.0
# Headings in bands of 1.5 degrees, of every 40 (60 degrees) these four are held out. They are spread so that turns of
# 1.5, 3, 4.5, 6 … degrees meet a tenth of them from any start; with every tenth band, turns of 6 degrees would meet a
# fifth of them or none.
HELD_OUT_BAND_DEGREES, HELD_OUT_BANDS, BANDS = 1.5, frozenset((1, 12, 19, 30)), 40
KEPT_ROOMS = 8  # 5 MB each

UNEVEN = SimulatorOption("uneven", 0.0, 0.9, "of the JetBot: each turn is up to this share too wide or too narrow")

JETBOT = RobotProfile(
    name="jetbot",
    title="JetBot",
    channels=(
        ActionChannel("motor_left", 0.0, 0.0),
        ActionChannel("motor_right", 0.0, 0.12),
        ActionChannel("duration", 0.2, 0.2),
    ),
)
# With the right wheel alone a JetBot turns left.
ACTIONS = {
    "stay": {"motor_left": 0, "motor_right": 0, "duration": 0.2},
    "turn left": {"motor_left": 0, "motor_right": 0.12, "duration": 0.2},
}


class SimulatedJetBot:
    """A simulator that turns on the spot by the difference of its motors times their duration; it does not drive.

    ``seed`` decides the room and the first direction; ``yaw`` is in degrees, clockwise. ``uneven``: as with real
    motors, each turn is too wide or too narrow by a random share of it up to this one, uniformly distributed. The share
    follows from the seed and the number of actions before, whatever they were: two robots in the same state turn alike.
    So of any action that was not taken, the truth is what it would have led to with the unevenness of that moment.
    """

    profile = JETBOT

    def __init__(self, seed: int = 0, uneven: float = 0.0) -> None:
        self._seed, self._uneven = seed, uneven
        self.yaw, self._room = _start(seed)
        self._action_count = 0

    @property
    def state(self) -> tuple[float, float]:
        """The yaw in degrees, and the number of actions so far."""
        return self.yaw, float(self._action_count)

    def at(self, state: tuple[float, ...]) -> Self:
        """A robot in the same room with this state."""
        robot = copy.copy(self)
        robot.yaw, robot._action_count = float(state[0]), int(state[1])
        return robot

    @property
    def is_held_out(self) -> bool:
        """True in a tenth of the headings."""
        return math.floor(self.yaw / HELD_OUT_BAND_DEGREES) % BANDS in HELD_OUT_BANDS

    def error_px(self, picture: np.ndarray) -> float | None:
        """Pixels along the panorama from the heading that a picture, uint8 (224, 224, 3), shows to the robot's own.

        The heading that it shows is that of the view of this room that it is nearest to by squared error, all 360
        degrees being compared; 6 degrees are 22.4 pixels, and the error is 672 at most. None, not recognisable, if the
        picture is nearer to itself smeared out sideways (each row in its mean colour) than to any view.
        """
        position = self._room.locate(picture)
        return None if position is None else self._room.distance(position, self._position)

    @property
    def action_space(self) -> list[dict[str, float]]:
        return [dict(action) for action in ACTIONS.values()]

    def observe(self) -> np.ndarray:
        """The camera's picture, uint8 (224, 224, 3)."""
        return self._room.view(self._position)

    @property
    def _position(self) -> float:
        return self.yaw * PIXELS_PER_DEGREE

    def act(self, action: Mapping[str, float]) -> float:
        """Do an action and return the seconds it takes; raises InvalidAction."""
        action = checked_action(action)
        if set(action) != set(self.profile.channel_names):
            raise InvalidAction("A JetBot's action is motor_left, motor_right and duration; give all three.")
        left, right, duration = action["motor_left"], action["motor_right"], action["duration"]
        if not (abs(left) <= MAX_MOTOR and abs(right) <= MAX_MOTOR and 0.0 < duration <= MAX_DURATION_S):
            raise InvalidAction(
                "A JetBot's motors go from -1 to 1, an action lasts up to 5 seconds; choose such values."
            )
        self.yaw = (self.yaw + DEGREES_PER_THRUST * (left - right) * duration * self._next_factor()) % 360.0
        self._action_count += 1
        return float(duration)

    def _next_factor(self) -> float:
        """The factor of the next turn, 1 for even turns."""
        if not self._uneven:
            return 1.0
        return 1.0 + self._uneven * float(np.random.default_rng((self._seed, self._action_count)).uniform(-1.0, 1.0))


@lru_cache(maxsize=KEPT_ROOMS)
def _start(seed: int) -> tuple[float, Panorama]:
    """The first yaw and the room of a seed."""
    random = np.random.default_rng(seed)
    yaw = float(random.uniform(0.0, 360.0))
    return yaw, Panorama(draw_room(random), IMAGE_SIZE)


def draw_room(random: np.random.Generator) -> np.ndarray:
    """A panorama of a room with four walls and furniture, float32 (224, 1344, 3) in 0..255, seamless sideways."""
    canvas = Image.fromarray(_walls_and_floor(random))
    draw = ImageDraw.Draw(canvas)
    columns = np.arange(8) * (PANORAMA_WIDTH // 8)
    drawers = [_draw_window, _draw_door, _draw_shelf, _draw_sofa, _draw_picture, _draw_plant, _draw_table, _draw_shelf]
    # Each place has a piece of its own, so that all directions differ.
    for column, index in zip(columns, random.permutation(len(drawers)), strict=True):
        drawers[index](draw, int(column) + int(random.integers(12, 40)), random)
    return np.clip(np.asarray(canvas, dtype=np.float32) + _texture(random), 0.0, 255.0)


def _walls_and_floor(random: np.random.Generator) -> np.ndarray:
    row = np.arange(IMAGE_SIZE, dtype=np.float64)[:, None, None]
    column = np.arange(PANORAMA_WIDTH)
    side = PANORAMA_WIDTH // 4
    tint = random.uniform(150, 215, size=(4, 3))
    # Walls are nearer in their middle than in the corners, so the floor's edge swings and the corners are darker.
    swing = np.cos((column % side / side - 0.5) * math.pi)
    edge = (HORIZON + 22 + 16 * swing)[None, :, None]
    wall = tint[column // side][None] * (0.72 + 0.28 * swing[None, :, None]) * (1.05 - 0.15 * row / IMAGE_SIZE)
    depth = np.clip((row - edge) / (IMAGE_SIZE - HORIZON), 0.0, 1.0)
    boards = 8.0 * (np.sin(column[None, :, None] * 0.21 / (0.4 + depth)) > 0.6)
    floor = random.uniform(70, 140, size=3) * (0.65 + 0.6 * depth) + boards
    room = np.where(row < edge, wall, floor)
    room = np.where(np.abs(row - edge) < 3, 58.0, room)
    return np.clip(room, 0, 255).astype(np.uint8)


def _texture(random: np.random.Generator) -> np.ndarray:
    texture = np.zeros((IMAGE_SIZE, PANORAMA_WIDTH), dtype=np.float32)
    for cell, strength in ((1, 3.0), (4, 4.0), (16, 6.0)):
        coarse = random.normal(0.0, strength, (IMAGE_SIZE // cell, PANORAMA_WIDTH // cell)).astype(np.float32)
        texture += np.kron(coarse, np.ones((cell, cell), dtype=np.float32))
    return texture[:, :, None]


def _colour(random: np.random.Generator, low: int = 40, high: int = 220) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in random.integers(low, high, size=3))
    return red, green, blue


def _draw_window(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    draw.rectangle((left, 28, left + 96, 108), fill=(236, 236, 228))
    for x in (left + 5, left + 51):
        draw.rectangle((x, 33, x + 40, 103), fill=(150, 196, 236))
        draw.rectangle((x, 80, x + 40, 103), fill=_colour(random, 80, 150))


def _draw_door(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    colour = _colour(random, 90, 160)
    draw.rectangle((left, 22, left + 74, 164), fill=colour, outline=(235, 230, 220), width=4)
    for top in (36, 98):
        draw.rectangle((left + 14, top, left + 60, top + 50), outline=tuple(value // 2 for value in colour), width=3)
    draw.ellipse((left + 60, 92, left + 68, 100), fill=(225, 200, 90))


def _draw_shelf(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    draw.rectangle((left, 34, left + 92, 170), fill=(84, 58, 38))
    for top in range(40, 160, 32):
        draw.rectangle((left + 5, top, left + 87, top + 26), fill=(48, 34, 24))
        x = left + 7
        while x < left + 78:
            width, height = int(random.integers(5, 11)), int(random.integers(15, 25))
            draw.rectangle((x, top + 26 - height, x + width - 2, top + 26), fill=_colour(random))
            x += width


def _draw_sofa(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    colour = _colour(random, 70, 190)
    dark = tuple(value * 2 // 3 for value in colour)
    draw.rounded_rectangle((left, 106, left + 118, 172), 12, fill=colour)
    draw.rounded_rectangle((left + 12, 134, left + 106, 168), 6, fill=dark)
    for x in (left + 18, left + 76):
        draw.rounded_rectangle((x, 112, x + 26, 138), 6, fill=_colour(random))


def _draw_picture(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    draw.rectangle((left, 40, left + 84, 100), fill=_colour(random), outline=(62, 42, 22), width=5)
    draw.polygon([(left + 8, 94), (left + 34, 56), (left + 60, 94)], fill=_colour(random))
    draw.ellipse((left + 56, 48, left + 72, 64), fill=(240, 214, 96))
    draw.rectangle((left + 6, 140, left + 78, 176), fill=_colour(random, 60, 140))


def _draw_plant(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    for _ in range(26):
        x, y = left + int(random.integers(4, 60)), int(random.integers(52, 128))
        draw.ellipse((x, y, x + 20, y + 13), fill=(int(random.integers(20, 70)), int(random.integers(90, 170)), 50))
    pot = [(left + 20, 132), (left + 64, 132), (left + 56, 178), (left + 28, 178)]
    draw.polygon(pot, fill=_colour(random, 120, 210))


def _draw_table(draw: ImageDraw.ImageDraw, left: int, random: np.random.Generator) -> None:
    wood = _colour(random, 90, 170)
    draw.rectangle((left, 122, left + 112, 132), fill=wood)
    for x in (left + 6, left + 98):
        draw.rectangle((x, 132, x + 8, 178), fill=tuple(value * 3 // 4 for value in wood))
    draw.ellipse((left + 40, 84, left + 70, 104), fill=(248, 232, 170))
    draw.rectangle((left + 53, 104, left + 57, 122), fill=(70, 70, 70))
