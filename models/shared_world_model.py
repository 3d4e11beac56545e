"""The world models that a server holds and all visitors share, one for each robot.

Owns a model's lock, the record of the weights in use, and the device. It does not read files or train; a robot is a key
and a number of action channels here.
"""

import copy
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
from models.precision import Precision

INITIAL_SEED = 20251014


class DeviceUnavailable(ValueError):
    """The requested device is not in this machine, or its name is unknown."""


def choose_device(name: str) -> torch.device:
    """The device for "auto" (CUDA if available), "cpu" or "cuda"; raises DeviceUnavailable."""
    if name not in ("auto", "cpu", "cuda"):
        raise DeviceUnavailable(f"There is no device {name[:40]!r}; choose auto, cpu or cuda.")
    has_cuda = torch.cuda.is_available()
    if name == "cuda" and not has_cuda:
        raise DeviceUnavailable("No CUDA device was found on this machine; choose auto or cpu.")
    return torch.device("cuda" if has_cuda and name != "cpu" else "cpu")


@dataclass(frozen=True)
class WeightsSource:
    """Origin of a network's weights: the checkpoint's file name and its step, each None if unknown."""

    file: str | None = None
    step: int | None = None

    @property
    def is_trained(self) -> bool:
        """True if the weights differ from those that every model starts with."""
        return self.file is not None or self.step is not None

    def describe(self) -> str:
        """Text for visitors: "untrained", "autoencoder.pth" or "autoencoder.pth, step 1,200"."""
        parts = [] if self.file is None else [self.file]
        parts += [] if self.step is None else [f"step {self.step:,}"]
        return ", ".join(parts) or "untrained"


class SharedWorldModel:
    """One world model, its lock and the origin of its weights.

    A thread that computes with `model` or changes it holds `lock`; between two holds the model is in evaluation mode
    unless a trainer left it otherwise. The untrained network is the same for everyone: initial weights come from a
    fixed seed. `precision`: of imagined frames, which nobody stores or compares with thresholds.
    """

    def __init__(
        self, config: AdaptiveWorldModelConfig, device: torch.device, precision: Precision = "float32"
    ) -> None:
        self.device, self.precision = device, precision
        self.lock = threading.RLock()
        self.model = AdaptiveWorldModel(config)
        # Its own generator: seeding torch's would make a job that trains at this moment repeat its masks.
        self.model.reset_weights(torch.Generator().manual_seed(INITIAL_SEED))
        self.model.to(device).eval()
        self._weights: Mapping[Network, WeightsSource] = MappingProxyType(dict.fromkeys(NETWORKS, WeightsSource()))
        self._version = 0
        self._digests: tuple[int, Mapping[Network, str]] | None = None  # and the version they belong to

    @property
    def weights(self) -> Mapping[Network, WeightsSource]:
        """Origin of each network's weights: an immutable record, replaced as a whole."""
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
        is each step of a training run: not to be called in a loop."""
        cached = self._digests
        if cached is not None and cached[0] == self._version:
            return cached[1]  # without the lock: a current digest need not wait for a computation
        with self.lock:
            if self._digests is None or self._digests[0] != self._version:
                digests = {name: weights_digest(self.network(name)) for name in NETWORKS}
                self._digests = self._version, MappingProxyType(digests)
            return self._digests[1]

    def known_digests(self) -> Mapping[Network, str] | None:
        """The digests of the weights in use if they were computed, else None: cheap, and waits for nobody."""
        cached = self._digests
        return cached[1] if cached is not None and cached[0] == self._version else None

    def snapshot(self) -> "SharedWorldModel":
        """A model of its own with the weights of this moment, their origin and version."""
        with self.lock:
            copied = copy.copy(self)
            copied.lock, copied.model = threading.RLock(), copy.deepcopy(self.model).eval()
            return copied

    def rename_weights(self, renamed: Mapping[Network, WeightsSource]) -> None:
        """Record another origin of the same weights, such as the file they were saved to; the caller holds the lock."""
        digests = self.known_digests()
        self.set_weights_source(renamed)
        if digests is not None:
            self._digests = self._version, digests

    def set_weights_source(self, changed: Mapping[Network, WeightsSource]) -> None:
        """Record that the named networks have new weights; the caller still holds the lock."""
        with self.lock:
            self._weights = MappingProxyType({**self._weights, **changed})
            self._version += 1


class WorldModels:
    """The world models of a server, built when first requested."""

    def __init__(self, device: torch.device, precision: Precision = "float32") -> None:
        configure_malloc()
        self.device, self.precision = device, precision
        self._lock = threading.Lock()
        self._models: dict[tuple[str, int], SharedWorldModel] = {}

    def get(self, key: str, action_channels: int) -> SharedWorldModel:
        """The world model of a robot, the same for every call with this key and number of channels."""
        with self._lock:
            # The channels are part of the key: two unknown robots may share a name but not a network.
            full_key = (key, action_channels)
            if full_key not in self._models:
                config = AdaptiveWorldModelConfig(action_channels)
                self._models[full_key] = SharedWorldModel(config, self.device, self.precision)
            return self._models[full_key]


def weights_digest(network: nn.Module) -> str:
    """SHA-256, hexadecimal, of the names, shapes, types and bytes of everything in a network's state dict."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        # As bytes: NumPy lacks some of torch's types.
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
