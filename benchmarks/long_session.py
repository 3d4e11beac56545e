"""A visitor who does everything that the page offers, right and wrong, and comes and goes.

What may happen because others are there too (somebody trains, nothing to stop) is no problem; anything else is.
"""

import re
import threading
import time

from benchmarks.raw_client import Refused
from benchmarks.visitor_client import READING, RUNNING, SCRUBBING, Act, Guest

WAIT_S = 60
SHORT_TRAINING = 3
WRONG = (
    ("load_session", ["../.."], "There is no session of that name"),
    ("load_session", [None], "Pick a session first"),
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


class Resident(Guest):
    """A visitor for a long time."""

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
        for name in ("tick_training", "tick_evaluation", "tick_errors_notice", "describe_status"):
            self.client.ask(name)
        return ""

    def evaluate(self) -> str:
        return self._tolerated("is evaluated|evaluates", "evaluate_recording", self.random.randint(2, 8))

    def cancel(self) -> str:
        return self._tolerated("No evaluation is in progress", "cancel_evaluation")

    def evaluate_and_cancel(self) -> str:
        return self.evaluate() or self.cancel()

    def train(self) -> str:
        name = self.random.choice(("train_autoencoder_steps", "train_predictor_steps"))
        return self._tolerated("trains", name, SHORT_TRAINING)

    def stop(self) -> str:
        return self._tolerated("No training is in progress", "stop_training", False)

    def save(self) -> str:
        return self._tolerated("There is nothing to save|trains", "save_models")

    def load(self) -> str:
        told = self.client.ask("load_models")[0]
        return "" if re.search("loaded|There is no checkpoint|trains|left as it is", told) else f"not loaded: {told}"

    def ask_wrongly(self) -> str:
        name, data, words = self.random.choice(WRONG)
        try:
            self.client.ask(name, *data)
        except Refused as told:
            return "" if words in str(told) else f"{name} {data}: {told}"
        return f"{name} {data}: not refused"

    def reload(self) -> str:
        """A new page: it knows nothing of the old one's place."""
        self.client.reload()
        told = self.client.ask("show_frame", None)[0]
        return self.open() if "No session is loaded" in told else f"a new page shows {told}"

    def leave_early(self) -> str:
        """The page is closed while its answer is computed."""
        self.client.leave("run_predictor", self.frame, 3)
        return self.reload()

    def end_jobs(self) -> None:
        """Wait until nobody trains or evaluates."""
        problem = self.stop() or self.cancel()
        assert not problem, problem
        end = time.monotonic() + WAIT_S
        while re.search("<b>(Evaluating|Also)|<b>Training</b> (?!none)", told := self.client.ask("describe_status")[0]):
            assert time.monotonic() < end, told
            threading.Event().wait(0.1)

    def _tolerated(self, words: str, name: str, *data: object) -> str:
        """Ask for what others may be in the way of; `words` of the refusal that they cause."""
        try:
            self.client.ask(name, *data)
        except Refused as told:
            return "" if re.search(words, str(told)) else f"{name}: {told}"
        return ""


# How often each is done: people mostly move through their recordings.
OFTEN: dict[Act, int] = {
    **dict.fromkeys(SCRUBBING, 8),
    **dict.fromkeys((*READING, *RUNNING), 3),
    **{Resident.tick: 4, Resident.ask_wrongly: 8, Resident.list_recordings: 2},
    **{Resident.reload: 4, Resident.leave_early: 3},
    **dict.fromkeys((Resident.weights, Resident.diagnose, Resident.clip), 1),
    **dict.fromkeys((Resident.evaluate, Resident.cancel, Resident.train), 2),
    **dict.fromkeys((Resident.stop, Resident.save, Resident.load), 1),
}
