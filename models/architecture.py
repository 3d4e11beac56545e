"""The architecture of a network as plain values, for a checkpoint: enough to build the same network again.

Owns the conversion of a network's sizes to a dict and back. Files are read and written elsewhere.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from models.adaptive_world_model import AUTOENCODERS, PREDICTORS
from models.network import MAX_SIZE, NETWORKS, Network, NetworkConfig, NetworkModule, Predictor


class UnknownArchitecture(ValueError):
    """Values that describe no network of this program; the message names the value."""


@dataclass(frozen=True)
class Architecture:
    """A network's kind, its name in the registry, its config and, of a predictor, the number of action channels."""

    kind: Network
    name: str
    config: NetworkConfig
    action_channels: int | None = None

    @classmethod
    def of(cls, network: NetworkModule) -> "Architecture":
        """The architecture of a network."""
        names = {config: name for name, config in _registry(network.kind).items()}
        channels = network.action_channels if isinstance(network, Predictor) else None
        return cls(network.kind, names[type(network.config)], network.config, channels)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> "Architecture":
        """The inverse of `as_dict`; fields that are missing have their default. Raises UnknownArchitecture."""
        rest = dict(values)
        kind, name = rest.pop("kind", None), rest.pop("architecture", None)
        if kind not in NETWORKS:
            raise UnknownArchitecture(f"kind {kind}")
        config = _registry(kind).get(name) if isinstance(name, str) else None
        if config is None:
            raise UnknownArchitecture(f"architecture {name}")
        channels = rest.pop("action_channels", None) if kind == "predictor" else None
        if kind == "predictor" and not (type(channels) is int and 1 <= channels <= MAX_SIZE):
            raise UnknownArchitecture(f"action_channels {channels}")
        return cls(kind, name, _config(config, rest), channels)

    def as_dict(self) -> dict[str, object]:
        """Numbers, booleans, texts and tuples of them by name."""
        channels = {} if self.action_channels is None else {"action_channels": self.action_channels}
        return {"kind": self.kind, "architecture": self.name, **channels, **asdict(self.config)}

    def build(self) -> NetworkModule:
        """A network of this architecture with random weights."""
        return self.config.build() if self.action_channels is None else self.config.build(self.action_channels)

    def differences(self, other: "Architecture") -> dict[str, tuple[object, object]]:
        """Pairs of values of both, by name, that differ and that weights depend on."""
        own, others = self.as_dict(), other.as_dict()
        if (self.kind, self.name) != (other.kind, other.name):
            own, others = ({name: values[name] for name in ("kind", "architecture")} for values in (own, others))
        compared = own.keys() - self.config.training_only
        return {name: (own[name], others[name]) for name in own if name in compared and own[name] != others[name]}


def _registry(kind: Network) -> Mapping[str, type[NetworkConfig]]:
    return AUTOENCODERS if kind == "autoencoder" else PREDICTORS


def _config(config: type[NetworkConfig], values: Mapping[str, object]) -> NetworkConfig:
    """A config of values whose types are those of its defaults; raises UnknownArchitecture."""
    defaults = {field.name: field.default for field in fields(config)}
    settings = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in settings.items():
        if name not in defaults or not _is_alike(value, defaults[name]):
            raise UnknownArchitecture(f"{name} {value}")
    try:
        return config(**settings)
    except ValueError as problem:
        raise UnknownArchitecture(str(problem).rstrip(".")) from problem


def _is_alike(value: object, default: object) -> bool:
    """True if a value has the type of a default; tuples hold whole numbers, and a float may be a whole number."""
    if isinstance(default, tuple):
        return isinstance(value, tuple) and all(type(item) is int for item in value)
    return type(value) is type(default) or (type(default) is float and type(value) is int)
