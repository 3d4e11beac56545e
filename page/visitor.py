"""The server's memory of one browser tab: its session, its frame, and the state last sent to it."""

from dataclasses import dataclass, field

from session import RobotProfile
from training import EvaluationSnapshot, Imagination

# Gradio does not report that a tab was closed, so a visitor is kept until as many others have come. A visible tab sends
# a request a second: the one that has been silent for longest is dropped first.
TABS_REMEMBERED = 100


@dataclass
class Visitor:
    """One visitor: one object a tab, changed in place, so that a late answer cannot bring an old session back. `visit`
    counts the sessions opened: a late answer is recognized by it. The last_ fields are compared before a periodic
    update: only changes are sent."""

    session_id: str | None = None
    profile: RobotProfile | None = None
    frame: int = 0
    visit: int = 0
    may_train: bool = True  # for display only; every action checks its own request
    panel: str = "attention"  # the open panel of Inside the model
    panels_shown: dict[str, tuple] = field(default_factory=dict)  # what the answers in panels were computed from
    ticks: int = 0  # periodic updates asked for
    last_status: tuple | None = None
    last_job: tuple | None = None
    last_offer: tuple | None = None  # of a world model; None until the Training tab is opened
    last_evaluation: tuple | None = None
    last_models: tuple | None = None
    last_errors: tuple | None = None  # the weights and history that the errors on the page are compared with
    choice_count: int = 0  # choices of errors to show
    imagination: Imagination | None = None  # up to 30 MB

    def go_to_session(self, session_id: str, profile: RobotProfile, frame: int) -> None:
        """Begin another visit at a frame of a session."""
        self.session_id, self.profile, self.frame, self.visit = session_id, profile, frame, self.visit + 1
        self.imagination = None

    def has_news_of(self, evaluation: EvaluationSnapshot | None) -> bool:
        """True if an evaluation has progressed since the last call; for other recordings than the visitor's, only if it
        has begun or ended."""
        if evaluation is None or self.session_id is None:
            return False
        done = evaluation.done if evaluation.session_id == self.session_id else None
        before, self.last_evaluation = self.last_evaluation, (done, evaluation.status)
        # An evaluation that ended before this tab was opened is no news.
        was_active = before is not None and before[1] == "running"
        return before != self.last_evaluation and (was_active or evaluation.is_active)
