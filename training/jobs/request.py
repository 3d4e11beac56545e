"""Requests for training, the errors that refuse them, and the conversion of a request to a run."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from models import NETWORKS, AdaptiveWorldModel, Network
from session import FlaggedFrames, RecordedSession
from session.command_line import SESSIONS
from training.config import StopCondition, TrainingConfig
from training.dataset import FrameDataset, FrameSelection, JoinedDataset
from training.jobs.run_log import RECIPE, run_label
from training.jobs.snapshot import JobSnapshot
from training.rate import PhasePace
from training.recipe.phase import Phase
from training.steps import OBJECTIVES, FramePrediction, Reconstruction


class JobRunning(Exception):
    """This world model is in training already; the message names the starter, the network, the frames and the step."""


class NothingToTrain(Exception):
    """There is no job to pause, resume or stop."""


class NothingToSave(Exception):
    """Neither network was trained or loaded."""


@dataclass(frozen=True)
class TrainingRequest:
    """A visitor's request to train a network on frames of a recording, or on all frames of several `recordings`.

    `keeps_autoencoder`: a predictor trains alone, not jointly with the autoencoder. `flagged`: frames to leave out, of
    `recordings`, or of the one recording.
    """

    network: Network
    recording: RecordedSession
    selection: FrameSelection
    condition: StopCondition
    config: TrainingConfig = TrainingConfig()
    started_by: str = ""
    recordings: tuple[RecordedSession, ...] = ()
    keeps_autoencoder: bool = False
    flagged: FlaggedFrames = FlaggedFrames()


@dataclass(frozen=True, eq=False)
class RunRequest:
    """A run of phases. `network` and `subject` name it, `config` is the first line of its log.

    `first_step` is the step that it goes on from, of `max_steps` in all. `prepare` is called before the first step,
    once no other run can begin, and may change weights. `paces`: all phases of the run, with those of the run that it
    continues, whose log is named `continues`. `serves_former`: until its end, visitors use the networks from before.
    `recordings`: the ids of those that it learns from.
    """

    network: Network
    subject: str
    started_by: str
    phases: Sequence[Phase]
    max_steps: int
    first_step: int = 0
    paces: tuple[PhasePace, ...] = ()
    config: dict[str, object] = field(default_factory=dict)
    prepare: Callable[[], None] = lambda: None
    continues: str | None = None
    serves_former: bool = False
    recordings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Starter, network and subject, for the folder's lock."""
        return run_label(self.started_by, self.network, self.subject)

    @property
    def purpose(self) -> str:
        """The run in the history of checkpoints: "training the predictor on frame 12 of session_…"."""
        return f"training {'a world model' if RECIPE in self.config else f'the {self.network}'} on {self.subject}"

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
            is_recipe=RECIPE in self.config,
            paces=self.paces or tuple(PhasePace(one.label, one.condition.max_steps) for one in self.phases),
        )


def plain_run(request: TrainingRequest, model: AdaptiveWorldModel) -> RunRequest:
    """A run of one phase with a standard objective; raises SessionError and InvalidValue."""
    network, selection = request.network, request.selection
    needs_history = network == "predictor"
    if request.recordings:
        frames = JoinedDataset(request.recordings, selection, needs_history, request.flagged)
    else:
        flagged = request.flagged.of(0, request.recording)
        frames = FrameDataset(request.recording, selection, needs_history, flagged)
    objective = OBJECTIVES[network](model, request.config)
    if network == "predictor" and request.keeps_autoencoder:
        objective = FramePrediction(model, request.config, trained=("predictor",))
    networks = tuple(name for name in NETWORKS if name in objective.trained)
    watched = Reconstruction(model, request.config) if len(networks) > 1 else None
    phase = Phase(objective, frames, request.condition, request.config, saved_networks=networks, watched=watched)
    values = {**asdict(selection), **asdict(request.condition), **asdict(request.config)}
    return RunRequest(
        network=network,
        subject=frames.describe(),
        started_by=request.started_by,
        phases=(phase,),
        max_steps=request.condition.max_steps,
        config={"network": network, "frames": frames.describe(), **values, **_left_out(request)},
        recordings=tuple(session_id_of(one.folder) for one in request.recordings or (request.recording,)),
    )


def session_id_of(folder: Path) -> str:
    """The id of the recording in a folder: its path below the last folder named sessions, or else its name."""
    names = folder.parts
    place = len(names) - names[::-1].index(SESSIONS) if SESSIONS in names else len(names) - 1
    return "/".join(names[place:])


def _left_out(request: TrainingRequest) -> dict[str, object]:
    """What the log says of flagged frames that were left out; nothing without any."""
    left_out = request.flagged.left_out
    return {"left_out": asdict(left_out)} if left_out.ranges else {}
