"""Precision of computations: float32, or products in bfloat16 where these are known to be faster.

Owns the choice alone. Weights, norms, softmax and losses stay float32 in any case; torch's autocast rounds the inputs
of linear layers, convolutions and attention. Results differ by less than 2 % then, so only what is neither stored nor
compared with thresholds is computed in this way, unless somebody asks for it.
"""

import functools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F

Precision = Literal["auto", "float32"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32")

CPU_FLAGS = Path("/proc/cpuinfo")
INSTRUCTIONS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # of x86, and of ARM
TENSOR_CORES_FROM = (8, 0)  # the compute capability of the first GPUs with bfloat16 products
TOKENS, WIDTH = 593, 256  # a history of three frames, and the networks' width
ROUNDS = 9
FASTER_FROM = 1.15  # a gain below would be lost in what is converted between layers

_LOCK = threading.Lock()


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """The context of a computation on `device`: bfloat16 products if `precision` is "auto" and they are faster there.

    The first call for a CPU with such instructions waits for a measurement of about a tenth of a second.
    """
    is_enabled = precision == "auto" and _has_instructions(device.type) and _measurement(device.type).result()
    # Without the cache: a weight that was rounded without gradients, for a context, would get none later in the step.
    return torch.autocast(device.type, torch.bfloat16, enabled=is_enabled, cache_enabled=False)


def is_bfloat16(device: torch.device, precision: Precision) -> bool:
    """True if computations of this precision are known to use bfloat16. It never waits: the first call begins to
    measure."""
    if precision != "auto" or not _has_instructions(device.type):
        return False
    measured = _measurement(device.type)
    return measured.done() and measured.result()


@functools.cache
def _has_instructions(kind: str) -> bool:
    """True if the processor, or the GPU, multiplies bfloat16 numbers itself."""
    if kind == "cuda":
        return torch.cuda.get_device_capability() >= TENSOR_CORES_FROM
    try:
        return not INSTRUCTIONS.isdisjoint(CPU_FLAGS.read_text(encoding="utf-8", errors="replace").split())
    except OSError:  # no Linux
        return False


def _measurement(kind: str) -> "Future[bool]":
    """The outcome for a kind of device, measured once in a process."""
    with _LOCK:
        return _begun(kind)


@functools.cache
def _begun(kind: str) -> "Future[bool]":
    outcome: Future[bool] = Future()
    if kind == "cuda":
        outcome.set_result(True)
    else:
        act = lambda: outcome.set_result(measured_gain() >= FASTER_FROM)  # noqa: E731
        threading.Thread(target=act, name="measure bfloat16", daemon=True).start()
    return outcome


def measured_gain() -> float:
    """How many times faster the products of a layer are in bfloat16 on this CPU, conversions included."""
    with torch.inference_mode():
        tokens, wide, narrow = torch.ones(TOKENS, WIDTH), torch.ones(4 * WIDTH, WIDTH), torch.ones(WIDTH, 4 * WIDTH)

        def layer() -> torch.Tensor:
            return F.linear(F.linear(tokens, wide), narrow)

        # In turns, and the best of each: other programs can only make them slower.
        pairs = [(_seconds(layer, is_enabled=False), _seconds(layer, is_enabled=True)) for _ in range(ROUNDS)]
    return min(plain for plain, _ in pairs) / min(rounded for _, rounded in pairs)


def _seconds(act: Callable[[], object], is_enabled: bool) -> float:
    with torch.autocast("cpu", torch.bfloat16, enabled=is_enabled):
        began = time.perf_counter()
        act()
        return time.perf_counter() - began
