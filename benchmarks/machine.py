"""Current speed of the machine in this process: the reference of all figures of `benchmarks.networks`."""

import time
from collections.abc import Callable

import torch

SIDE = 1536  # 28 MB in all: no cache holds it, and a product takes a few hundredths of a second


def seconds(act: Callable[[], object], device: torch.device) -> float:
    """Duration of `act`, including its work on a GPU."""
    settle(device)
    began = time.perf_counter()
    act()
    settle(device)
    return time.perf_counter() - began


def settle(device: torch.device) -> None:
    """Wait for pending work of a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Machine:
    """Rates of the device, each the best of a few tries, since other programs can only make it slower."""

    def __init__(self, device: torch.device, dtype: torch.dtype = torch.float32) -> None:
        self.device = device
        side = SIDE if device.type == "cpu" else 8192
        self._a, self._b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        self._product = torch.empty_like(self._a)

    def matrix_rate(self, tries: int = 3) -> float:
        """Operations per second of a matrix product."""
        act = lambda: torch.mm(self._a, self._b, out=self._product)  # noqa: E731
        act()
        return 2 * self._a.shape[0] ** 3 / min(seconds(act, self.device) for _ in range(tries))

    def copy_rate(self, tries: int = 3) -> float:
        """Bytes per second that a copy of memory reads and writes."""
        act = lambda: self._product.copy_(self._a)  # noqa: E731
        act()
        return 2 * self._a.nbytes / min(seconds(act, self.device) for _ in range(tries))
