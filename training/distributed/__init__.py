"""Several processes that train or evaluate together, as torch's own launcher (torchrun) starts them."""

from training.distributed.division import ALONE, WHOLE, Division, Part, Parts
from training.distributed.group import Group, OtherProcessFailed, ProcessLost
from training.distributed.launch import process_group

__all__ = [
    "ALONE",
    "WHOLE",
    "Division",
    "Group",
    "OtherProcessFailed",
    "Part",
    "Parts",
    "ProcessLost",
    "process_group",
]
