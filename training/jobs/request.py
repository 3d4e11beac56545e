"""What a visitor asks to be trained, why it may be refused, and what is written down of it when it begins."""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from models import Network
from session import RecordedSession
from training.config import StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection
from training.jobs.run_log import RunRecord
from training.jobs.snapshot import JobSnapshot

CHANGED_BY: dict[Network, tuple[Network, ...]] = {
    "autoencoder": ("autoencoder",),
    "predictor": ("autoencoder", "predictor"),
}


class JobRunning(Exception):
    """Somebody trains this world model now; the message says who, what, and at which step."""


class NothingToTrain(Exception):
    """No job is there to be paused, resumed or stopped."""


class NothingToSave(Exception):
    """Neither network has learned anything or was loaded."""


@dataclass(frozen=True)
class TrainingRequest:
    """What a visitor asks to be trained, and on what."""

    network: Network
    recording: RecordedSession
    subject: FrameSelection
    condition: StopCondition
    config: TrainingConfig = TrainingConfig()
    started_by: str = ""


def configuration(order: TrainingRequest, frames: FrameDataset) -> dict[str, object]:
    """What the numbers of a run begin with."""
    known = {"network": order.network, "frames": frames.describe()}
    return {**known, **asdict(order.subject), **asdict(order.condition), **asdict(order.config)}


def first_record(now: JobSnapshot, first_step: int, numbers: Path) -> RunRecord:
    """The record of a job that is about to begin where its network's optimizer stands at `first_step`; its numbers go
    to the file `numbers`."""
    return RunRecord(
        network=now.network,
        subject=now.subject,
        started_by=now.started_by,
        began=datetime.now().isoformat(timespec="seconds"),
        step=0,
        max_steps=now.max_steps,
        threshold=now.threshold,
        seconds=0.0,
        first_step=first_step,
        saved_step=None,
        saving_step=None,
        numbers=numbers.name,
        is_interrupted=False,
    )
