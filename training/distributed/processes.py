"""A group of several processes, over `torch.distributed`: records of a fixed size, sums and contents.

Records and contents travel between CPUs (gloo); sums where their tensors are (NCCL on CUDA).
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from training.distributed.group import Group, OtherProcessFailed, ProcessLost

RECORD_BYTES = 512


@dataclass(frozen=True)
class Record:
    """What a process says at an agreement: its wish to end, and its failure by the name and text of its exception."""

    wish: str = ""
    kind: str = ""
    message: str = ""

    def pack(self) -> Tensor:
        """The record as RECORD_BYTES numbers; a long message is cut."""
        lines = (self.wish, self.kind, " ".join(self.message.split()))
        content = "\n".join(lines).encode("utf-8", "replace")[:RECORD_BYTES]
        return torch.tensor(list(content.ljust(RECORD_BYTES, b"\0")), dtype=torch.uint8)

    @classmethod
    def unpack(cls, numbers: Tensor) -> "Record":
        """The record of these numbers."""
        wish, kind, message = bytes(numbers.tolist()).rstrip(b"\0").decode("utf-8", "ignore").split("\n", 2)
        return cls(wish, kind, message)


class ProcessGroup(Group):
    """One of the processes of torch's default group, which exists; `local_rank` counts those of its host.

    Used by one thread at a time. Once a process is lost, nothing is sent any more.
    """

    def __init__(self, local_rank: int) -> None:
        self.rank, self.size, self._local_rank = dist.get_rank(), dist.get_world_size(), local_rank
        self._wish: str | None = None
        self._agreed: str | None = None
        self._announced: BaseException | None = None
        self._is_lost = False

    def device(self, device: torch.device) -> torch.device:
        return torch.device("cuda", self._local_rank) if device.type == "cuda" else device

    def wish(self, command: str | None) -> None:
        self._wish = command
        if command is None:
            self._agreed = None

    def agreed(self, own: str | None) -> str | None:
        return self._agreed

    def agree(self) -> None:
        records = self._gather(Record(self._wish or ""))
        self._agreed = next((record.wish for record in records if record.wish), None)
        for rank, record in enumerate(records):
            if record.kind:
                raise OtherProcessFailed(rank, record.kind, record.message)

    def announce(self, problem: BaseException) -> None:
        if isinstance(problem, OtherProcessFailed | ProcessLost) or problem is self._announced:
            return
        self._announced = problem
        with suppress(ProcessLost):
            self._gather(Record(kind=type(problem).__name__, message=str(problem)))

    def add(self, tensor: Tensor) -> None:
        self.agree()
        self._send(lambda: dist.all_reduce(tensor))

    def from_first(self, content: bytes) -> bytes:
        self.agree()
        size = torch.tensor([len(content)])
        self._send(lambda: dist.broadcast(size, 0))
        buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8) if self.is_first and content else None
        if buffer is None:
            buffer = torch.empty(int(size), dtype=torch.uint8)
        if len(buffer):
            self._send(lambda: dist.broadcast(buffer, 0))
        return buffer.numpy().tobytes()

    def _gather(self, record: Record) -> list[Record]:
        """The records of all processes; raises ProcessLost."""
        numbers = [torch.empty(RECORD_BYTES, dtype=torch.uint8) for _ in range(self.size)]
        own = record.pack()
        self._send(lambda: dist.all_gather(numbers, own))
        return [Record.unpack(one) for one in numbers]

    def _send(self, collective: Callable[[], object]) -> None:
        if self._is_lost:
            raise ProcessLost
        try:
            collective()
        except RuntimeError as problem:  # what both backends raise if a connection breaks or a time is over
            self._is_lost = True
            raise ProcessLost from problem
