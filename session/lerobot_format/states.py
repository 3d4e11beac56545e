"""The recorded states of an episode, which sessions themselves do not hold."""

from collections.abc import Sequence

import numpy as np

from session.formats.place import Place
from session.lerobot_format.actions import wanted_columns
from session.lerobot_format.channels import channel_names
from session.lerobot_format.reader import find_episode
from session.lerobot_format.rows import read_rows
from session.skipped import SkippedLog


def read_states(place: Place, rows: Sequence[int]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the S numbers of a state, and their values at N rows of an episode, float32 (N, S); S = 0 if the dataset
    holds none. Raises SessionError and OSError."""
    catalogue, episode = find_episode(place)
    _, columns = wanted_columns(catalogue)
    episode_rows = read_rows(catalogue, episode, columns, SkippedLog())
    parts = [episode_rows.values[column] for column in columns if column in episode_rows.values]
    if not parts:
        return (), np.zeros((len(rows), 0), dtype=np.float32)
    present = [column for column in columns if column in episode_rows.values]
    names = channel_names(catalogue.info.features, present, [part.shape[1] for part in parts])
    values = np.concatenate(parts, axis=1)[list(rows), : len(names)]
    return names, values.astype(np.float32)
