"""The group of the processes that torchrun has started, by the variables that it sets for each."""

import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta

import torch
import torch.distributed as dist

from models import DeviceUnavailable, choose_device
from training.distributed.group import Group
from training.distributed.processes import ProcessGroup

# A process that dies is noticed at once, by its closed connections; this is for a network that falls silent, and
# longer than anything that the first process does by itself meanwhile.
SILENCE = timedelta(minutes=10)
NOT_JOINED = (
    "The other processes of this run cannot be reached; start all of them by torchrun, with one endpoint. On a host "
    "with several networks GLOO_SOCKET_IFNAME names the one to use."
)


def process_count() -> int:
    """The processes of the run, 1 without torchrun."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first_process() -> bool:
    """True for the process that talks to the user, also before the group exists."""
    return process_count() == 1 or os.environ.get("RANK", "0") == "0"


@contextlib.contextmanager
def process_group(device: str) -> Iterator[Group]:
    """The group of the processes that torchrun has started, each on a device of this name; without it, one process
    alone.

    gloo on CPUs, NCCL between CUDA devices. Raises DeviceUnavailable.
    """
    if process_count() == 1:
        yield Group()
        return
    has_cuda, local_rank = choose_device(device).type == "cuda", int(os.environ.get("LOCAL_RANK", "0"))
    if has_cuda:
        _require_devices(local_rank)
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if has_cuda else "gloo", timeout=SILENCE)
    except (RuntimeError, ValueError) as problem:
        raise DeviceUnavailable(NOT_JOINED) from problem
    try:
        yield ProcessGroup(local_rank)
    finally:
        dist.destroy_process_group()


def _require_devices(local_rank: int) -> None:
    """Raise DeviceUnavailable if a host has fewer GPUs than processes."""
    count = torch.cuda.device_count()
    if local_rank >= count:
        raise DeviceUnavailable(f"This machine has {count} CUDA devices: start at most as many processes on it.")
