"""The world models that a server holds and all visitors share, one for each robot.

Owns who may touch a model (its lock), which weights are in use, and on which device it runs. It does not read
files, train or know robots: a robot is a key and a number of action channels here.
"""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import nn

from models.adaptive_world_model import AdaptiveWorldModel, AdaptiveWorldModelConfig
from models.memory import configure_malloc
from models.network import NETWORKS, Network, NetworkModule

INITIAL_SEED = 20251014


class DeviceUnavailable(ValueError):
    """The device that was asked for is not in this machine, or no name we know."""


def choose_device(name: str) -> torch.device:
    """The device for "auto" (CUDA where there is one), "cpu" or "cuda"; raises DeviceUnavailable."""
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceUnavailable(f"There is no device {name[:40]!r}; choose auto, cpu or cuda.")
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceUnavailable("No CUDA device was found on this machine; choose auto or cpu.")
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


@dataclass(frozen=True)
class WeightsSource:
    """Where a network's weights come from: the checkpoint's file name and its step, each None where unknown."""

    file: str | None = None
    step: int | None = None

    @property
    def is_trained(self) -> bool:
        """Whether these are other weights than those every model starts with."""
        return self.file is not None or self.step is not None

    def describe(self) -> str:
        """For people: "untrained", "autoencoder.pth" or "autoencoder.pth, step 1,200"."""
        parts = [] if self.file is None else [self.file]
        parts += [] if self.step is None else [f"step {self.step:,}"]
        return ", ".join(parts) or "untrained"


class SharedWorldModel:
    """One world model, its lock and what is known of its weights.

    Whoever computes with `model` or changes it holds `lock`; between two holds the model is in evaluation mode
    unless a trainer left it otherwise. Everybody sees the same untrained network: initial weights come from a
    fixed seed.
    """

    def __init__(self, config: AdaptiveWorldModelConfig, device: torch.device) -> None:
        self.device = device
        self.lock = threading.RLock()
        self.model = AdaptiveWorldModel(config)
        # A generator of our own: seeding torch's would make a job that trains at this moment repeat its masks.
        self.model.reset_weights(torch.Generator().manual_seed(INITIAL_SEED))
        self.model.to(device).eval()
        self._weights: Mapping[Network, WeightsSource] = MappingProxyType(dict.fromkeys(NETWORKS, WeightsSource()))
        self._version = 0
        self._digests: tuple[int, Mapping[Network, str]] | None = None  # and the version they belong to

    @property
    def weights(self) -> Mapping[Network, WeightsSource]:
        """What each network's weights are: a record that never changes, replaced as a whole."""
        return self._weights

    @property
    def version(self) -> int:
        """A number that grows whenever weights change."""
        return self._version

    def network(self, name: Network) -> NetworkModule:
        """One of the two networks by its name."""
        return self.model.network(name)

    def digests(self) -> Mapping[Network, str]:
        """The `weights_digest` of both networks. It takes a tenth of a second after every change of weights, which
        is each step while somebody trains: nothing to ask for again and again."""
        known = self._digests
        if known is not None and known[0] == self._version:
            return known[1]  # what is known need not wait for who computes with the model
        with self.lock:
            if self._digests is None or self._digests[0] != self._version:
                digests = {name: weights_digest(self.network(name)) for name in NETWORKS}
                self._digests = self._version, MappingProxyType(digests)
            return self._digests[1]

    def set_weights_source(self, changed: Mapping[Network, WeightsSource]) -> None:
        """Record that the named networks have new weights; to be called while still holding the lock."""
        with self.lock:
            self._weights = MappingProxyType({**self._weights, **changed})
            self._version += 1


class WorldModels:
    """The world models of a server, made when first asked for."""

    def __init__(self, device: torch.device) -> None:
        configure_malloc()
        self.device = device
        self._lock = threading.Lock()
        self._models: dict[tuple[str, int], SharedWorldModel] = {}

    def get(self, key: str, action_channels: int) -> SharedWorldModel:
        """The world model of a robot, the same for all who ask with this key and number of channels."""
        with self._lock:
            # The channels are part of the key: two unknown robots may share a name but not a network.
            place = (key, action_channels)
            if place not in self._models:
                self._models[place] = SharedWorldModel(AdaptiveWorldModelConfig(action_channels), self.device)
            return self._models[place]


def weights_digest(network: nn.Module) -> str:
    """SHA-256, hexadecimal, of the names, shapes, types and bytes of everything in a network's state dict."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # As bytes: NumPy does not know all of torch's types.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
