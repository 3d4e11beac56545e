"""What the server remembers for one browser tab, and nothing else: which session and which frame it looks at."""

from dataclasses import dataclass

from session import RobotProfile


@dataclass
class Visitor:
    """Place of one visitor. One object a tab, changed in place: an answer that comes late cannot bring an old session
    back. `visit` counts the sessions opened, so that such an answer can notice that it is late."""

    session_id: str | None = None
    profile: RobotProfile | None = None
    frame: int = 0
    visit: int = 0
    seen_job: tuple | None = None  # what this tab was last shown of a training job

    def go_to_session(self, session_id: str, profile: RobotProfile, frame: int) -> None:
        self.session_id, self.profile, self.frame, self.visit = session_id, profile, frame, self.visit + 1
