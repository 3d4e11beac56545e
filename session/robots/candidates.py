"""Candidate actions of a robot whose recording names none: recorded ones that differ most."""

import numpy as np

from session.robots.profiles import RobotProfile

MAX_RECORDED_CANDIDATES = 16


def recorded_candidates(profile: RobotProfile, actions: np.ndarray) -> tuple[np.ndarray, int]:
    """Up to 16 of the actions (M, A), raw values, that differ most, float32 (C, A), among them the most frequent one;
    and the number of different ones."""
    recorded, counts = np.unique(actions, axis=0, return_counts=True)
    different = len(recorded)
    if different > MAX_RECORDED_CANDIDATES:
        recorded = recorded[_spread(profile.scale(recorded), int(counts.argmax()), MAX_RECORDED_CANDIDATES)]
    return recorded, different


def _spread(points: np.ndarray, first: int, count: int) -> np.ndarray:
    """Indices of `count` points (N, A) that are far from each other, in their order: `first`, and then always the one
    that is farthest from all before."""
    chosen, distances = [first], np.full(len(points), np.inf)
    while len(chosen) < count:
        distances = np.minimum(distances, np.square(points - points[chosen[-1]]).sum(axis=1))
        chosen.append(int(distances.argmax()))
    return np.sort(chosen)
