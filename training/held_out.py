"""Which frames of the Toroidal Dot are never learned from, so that what was learned can be told from what was learned
by heart."""

import numpy as np

from session.dot_place import dot_place

EVERY, FIRST = 5, 3


def is_held_out(picture: np.ndarray) -> bool:
    """Whether the dot of a picture uint8 (H, W, 3) stands in a column that is left out: every fifth one, from 3 on.

    A move of 27 pixels leads from one kind of column to the other and back. A picture without a dot is never left out.
    """
    place = dot_place(picture)
    return place is not None and round(place.x) % EVERY == FIRST
