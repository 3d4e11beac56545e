"""What the server remembers for one browser tab, and nothing else: which session and which frame it looks at."""

from dataclasses import dataclass

from session import RobotProfile
from training import EvaluationSnapshot, Imagination

# Gradio does not tell that a tab was closed, so its visitor is kept until as many others have come. A tab that is seen
# asks twice a second: the one that was silent for longest goes first.
TABS_REMEMBERED = 100


@dataclass
class Visitor:
    """Place of one visitor. One object a tab, changed in place: an answer that comes late cannot bring an old session
    back. `visit` counts the sessions opened, so that such an answer can notice that it is late."""

    session_id: str | None = None
    profile: RobotProfile | None = None
    frame: int = 0
    visit: int = 0
    may_train: bool = True  # for what is shown; whether something may be done is asked of each request
    panel: str = "attention"  # which panel of Inside the model is open
    seen_job: tuple | None = None  # what this tab was last shown of a training job
    seen_evaluation: tuple | None = None  # and of an evaluation
    seen_weights: tuple | None = None  # and of the weights that errors are of
    choices: int = 0  # of errors to show, made so far
    dream: Imagination | None = None  # what was imagined in this session, up to 30 MB

    def go_to_session(self, session_id: str, profile: RobotProfile, frame: int) -> None:
        self.session_id, self.profile, self.frame, self.visit = session_id, profile, frame, self.visit + 1
        self.dream = None

    def has_news_of(self, evaluation: EvaluationSnapshot | None) -> bool:
        """Whether an evaluation has got further since the last time it was asked; of another recording only that it
        began and that it ended are news."""
        if evaluation is None or self.session_id is None:
            return False
        done = evaluation.done if evaluation.session_id == self.session_id else None
        before, self.seen_evaluation = self.seen_evaluation, (done, evaluation.status)
        # One that had ended before this tab saw it is no news.
        was_active = before is not None and before[1] == "running"
        return before != self.seen_evaluation and (was_active or evaluation.is_active)
