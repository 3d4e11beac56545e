"""A client that sends all kinds of requests, valid and invalid, and closes and reloads its page in between.

Refusals caused by other visitors (training in progress, nothing to stop) are no problem; all others are.
"""

import re
import threading
import time

from benchmarks.raw_client import Refused
from benchmarks.visitor_client import READING, RUNNING, SCRUBBING, Act, VisitorClient

WAIT_S = 60
SHORT_TRAINING = 3
WRONG = (
    ("load_session", ["../.."], "There is no session of that name"),
    ("load_session", [None], "Choose a session"),
    ("run_autoencoder", [-1], "The frame number must be a whole number"),
    ("run_predictor", [2.5, 3], "The frame number must be a whole number"),
    ("run_predictor", [None, 99], "The history length must be a whole number"),
    ("look_at_attention", [None, 3, 77], "The layer must be a whole number"),
    ("diagnose_actions", [3, 0], "The number of frames to look at must be"),
    ("make_clip", [3, 0, 4, 1e9, "WebP"], "The speed must be"),
    ("evaluate_recording", [3, "others"], "Evaluate with one of"),
    ("train_autoencoder_steps", [0], "The number of steps must be"),
    ("train_predictor_threshold", ["x", 5], "The threshold must be"),
)


class LongSession(VisitorClient):
    """A client with all requests of a long visit."""

    def weights(self) -> str:
        return "" if "Distribution of the weights" in self.client.ask("look_at_weights")[0] else "no weights"

    def diagnose(self) -> str:
        return "" if "shuffled" in self.client.ask("diagnose_actions", 2, 2)[0] else "no diagnosis"

    def clip(self) -> str:
        return "" if "clip-picture" in self.client.ask("make_clip", 2, 0, 4, 5, "WebP")[0] else "no clip"

    def list_recordings(self) -> str:
        choices = self.client.ask("refresh_sessions", None)[1]["choices"]
        return "" if self.session_id in [value for _, value in choices] else "its recording is not listed"

    def tick(self) -> str:
        return "" if "Training" in self.client.tick() else "no status line"

    def evaluate(self) -> str:
        return self._allow("is evaluated|evaluates", "evaluate_recording", self.random.randint(2, 8))

    def cancel(self) -> str:
        return self._allow("No evaluation is in progress", "cancel_evaluation")

    def evaluate_and_cancel(self) -> str:
        return self.evaluate() or self.cancel()

    def train(self) -> str:
        name = self.random.choice(("train_autoencoder_steps", "train_predictor_steps"))
        return self._allow("trains", name, SHORT_TRAINING)

    def stop(self) -> str:
        return self._allow("No training is in progress", "stop_training", False)

    def save(self) -> str:
        return self._allow("There is nothing to save|trains", "save_models")

    def load(self) -> str:
        message = self.client.ask("load_models")[0]
        is_expected = re.search("loaded|There is no checkpoint|trains|unchanged", message)
        return "" if is_expected else f"not loaded: {message}"

    def send_invalid(self) -> str:
        name, data, words = self.random.choice(WRONG)
        try:
            self.client.ask(name, *data)
        except Refused as refusal:
            return "" if words in str(refusal) else f"{name} {data}: {refusal}"
        return f"{name} {data}: not refused"

    def reload(self) -> str:
        """Reload the page; a new page has no session."""
        self.client.reload()
        message = self.client.ask("show_frame", None)[0]
        return self.open() if "No session is open" in message else f"a new page shows {message}"

    def leave_early(self) -> str:
        """Close the page while its answer is computed."""
        self.client.leave("run_predictor", self.frame, 3)
        return self.reload()

    def end_jobs(self) -> None:
        """End training and evaluation, and wait until both have ended."""
        problem = self.stop() or self.cancel()
        assert not problem, problem
        end = time.monotonic() + WAIT_S
        running = "<b>(Evaluating|Also)|<b>Training</b> (?!none)"
        while re.search(running, status := self.client.tick()):
            assert time.monotonic() < end, status
            threading.Event().wait(0.1)

    def _allow(self, refusals: str, name: str, *data: object) -> str:
        """Send a request that other visitors may block; `refusals`: a pattern of the allowed refusals."""
        try:
            self.client.ask(name, *data)
        except Refused as refusal:
            return "" if re.search(refusals, str(refusal)) else f"{name}: {refusal}"
        return ""


# Relative frequency of each request: visitors mostly move through their recordings.
OFTEN: dict[Act, int] = {
    **dict.fromkeys(SCRUBBING, 8),
    **dict.fromkeys((*READING, *RUNNING), 3),
    **{LongSession.tick: 4, LongSession.send_invalid: 8, LongSession.list_recordings: 2},
    **{LongSession.reload: 4, LongSession.leave_early: 3},
    **dict.fromkeys((LongSession.weights, LongSession.diagnose, LongSession.clip), 1),
    **dict.fromkeys((LongSession.evaluate, LongSession.cancel, LongSession.train), 2),
    **dict.fromkeys((LongSession.stop, LongSession.save, LongSession.load), 1),
}
