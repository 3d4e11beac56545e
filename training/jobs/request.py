"""Requests for training, the errors that refuse them, and the conversion of a request to a run."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from models import NETWORKS, AdaptiveWorldModel, Network
from session import RecordedSession
from training.config import StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection
from training.jobs.run_log import run_label
from training.jobs.snapshot import JobSnapshot
from training.phase import Phase
from training.steps import OBJECTIVES


class JobRunning(Exception):
    """This world model is in training already; the message names the starter, the network, the frames and the step."""


class NothingToTrain(Exception):
    """There is no job to pause, resume or stop."""


class NothingToSave(Exception):
    """Neither network was trained or loaded."""


@dataclass(frozen=True)
class TrainingRequest:
    """A visitor's request to train a network on frames of a recording."""

    network: Network
    recording: RecordedSession
    selection: FrameSelection
    condition: StopCondition
    config: TrainingConfig = TrainingConfig()
    started_by: str = ""


@dataclass(frozen=True, eq=False)
class RunRequest:
    """A run of phases. `network` and `subject` name it, `config` is the first line of its log.

    `first_step` is the step that it goes on from, of `max_steps` in all.
    """

    network: Network
    subject: str
    started_by: str
    phases: Sequence[Phase]
    max_steps: int
    first_step: int = 0
    config: dict[str, object] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """Starter, network and subject, for the folder's lock."""
        return run_label(self.started_by, self.network, self.subject)

    def first_snapshot(self) -> JobSnapshot:
        """The progress before the first step."""
        return JobSnapshot(
            network=self.network,
            phase="",
            subject=self.subject,
            started_by=self.started_by,
            status="running",
            step=self.first_step,
            max_steps=self.max_steps,
            threshold=self.phases[0].threshold,
            first_loss=None,
            loss=None,
            evaluated_at=-1,
            steps_per_s=0.0,
            seconds=0.0,
            message="Starting.",
            curves={},
            comparison=None,
            saved="",
            action_shares=(),
            action_parameter_share=None,
        )


def plain_run(request: TrainingRequest, model: AdaptiveWorldModel) -> RunRequest:
    """A run of one phase with a standard objective; raises SessionError and InvalidValue."""
    network, selection = request.network, request.selection
    frames = FrameDataset(request.recording, selection, needs_history=network == "predictor")
    objective = OBJECTIVES[network](model, request.config)
    networks = tuple(name for name in NETWORKS if name in objective.trained)
    phase = Phase(objective, frames, request.condition, request.config, saved_networks=networks)
    values = {**asdict(selection), **asdict(request.condition), **asdict(request.config)}
    return RunRequest(
        network=network,
        subject=frames.describe(),
        started_by=request.started_by,
        phases=(phase,),
        max_steps=request.condition.max_steps,
        config={"network": network, "frames": frames.describe(), **values},
    )
