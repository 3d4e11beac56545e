"""Which columns of a dataset are actions and states, and the names of their channels."""

from collections.abc import Iterator, Mapping, Sequence

from session.lerobot_format.info import Feature
from session.robots.actions import MAX_CHANNELS, MAX_NAME_LENGTH

NUMBERS = ("float", "int", "uint", "bool")
ACTIONS = (("action", "actions"), ("action.", "actions."))
STATES = (("observation.state", "state"), ("observation.state.", "observation.states.", "state."))
CHANGE = " change"
MAX_LENGTH = MAX_NAME_LENGTH - 5  # room for a number


def columns_of(features: Mapping[str, Feature], kinds: tuple[tuple[str, ...], tuple[str, ...]]) -> list[str]:
    """The columns that make up the action or the state: one of these names, or else all with a beginning of these."""
    names, beginnings = kinds
    usable = [name for name, feature in features.items() if feature.dtype.startswith(NUMBERS)]
    single = next((name for name in names if name in usable), None)
    if single is not None:
        return [single]
    return next((found for begin in beginnings if (found := [n for n in usable if n.startswith(begin)])), [])


def channel_names(features: Mapping[str, Feature], columns: Sequence[str], widths: Sequence[int]) -> tuple[str, ...]:
    """A name for each number of these columns, printable, each once: those of info.json where their count fits."""
    names: list[str] = []
    for column, width in zip(columns, widths, strict=True):
        given = list(_flat(features[column].names)) if column in features else []
        short = column.rpartition(".")[2]
        if len(given) != width:
            given = [short] if width == 1 else [f"{short}_{index}" for index in range(width)]
        names += [f"{short}.{name}" for name in given] if len(columns) > 1 and width > 1 else given
    return _unique(names)


def change_names(names: Sequence[str]) -> tuple[str, ...]:
    """The names of channels that hold target minus state: others, so that no network takes one for the other."""
    return _unique([f"{name[: MAX_LENGTH - len(CHANGE)]}{CHANGE}" for name in names])


def _flat(value: object, depth: int = 4) -> Iterator[str]:
    """The texts in a list, in lists in it, or in an object of lists such as {"motors": [...]}."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list) and depth:
        is_numbered = isinstance(value, dict) and all(isinstance(one, int) for one in value.values())
        for one in value if is_numbered or isinstance(value, list) else value.values():
            yield from _flat(one, depth - 1)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    unique: dict[str, None] = {}
    for index, name in enumerate(names[:MAX_CHANNELS]):
        plain = "".join(char if char.isprintable() else " " for char in name)[:MAX_LENGTH].strip()
        plain = plain or f"channel_{index}"
        numbered = (plain if not number else f"{plain}_{number}" for number in (0, *range(index, 2 * MAX_CHANNELS)))
        unique[next(one for one in numbered if one not in unique)] = None
    return tuple(unique)
