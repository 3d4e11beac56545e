"""A training job: a training loop in a thread of its own, with its commands and snapshots.

It belongs to the server, not to the page of the visitor who started it.
"""

import logging
import threading
from collections.abc import Callable, Sequence

from training.failures import describe_failure, is_expected, may_have_corrupted_weights
from training.jobs.control import Control
from training.jobs.looks import LookFolder
from training.jobs.loop import TrainingLoop
from training.jobs.progress import Progress
from training.jobs.snapshot import BeforeAfter, JobSnapshot, Status
from training.jobs.tracking import Tracker
from training.jobs.trainer import WorldModelTrainer
from training.recipe.phase import Phase
from training.values import duration_text

logger = logging.getLogger(__name__)


class TrainingJob:
    """Runs phases until they end, a command ends them, or a step fails. `start` returns at once.

    `first` is the first snapshot, with the step that the run goes on from. `on_end` is called with the message and the
    status after the last save of the job, before the status is visible. `looks` keeps pictures of its progress.
    """

    def __init__(
        self,
        trainer: WorldModelTrainer,
        phases: Sequence[Phase],
        first: JobSnapshot,
        tracker: Tracker,
        on_end: Callable[[str, Status], None] = lambda message, status: None,
        looks: LookFolder | None = None,
    ) -> None:
        self._phases, self._tracker, self._on_end = list(phases), tracker, on_end
        self._progress, self._control = Progress(first), Control(trainer.group)
        self._loop, self._group = TrainingLoop(trainer, self._progress, tracker, looks), trainer.group
        self._thread = threading.Thread(target=self._run, name=f"train {first.network}", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def pause(self) -> None:
        """Hold before the next step."""
        self._control.pause()

    def resume(self) -> None:
        """Go on after a pause."""
        self._control.resume()

    def stop(self) -> None:
        """End before the next step, and save."""
        self._control.stop()

    def interrupt(self) -> None:
        """The same because the program ends, without a visitor's command."""
        self._control.interrupt()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the job has ended; False if it has not within `timeout_s`."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def snapshot(self) -> JobSnapshot:
        """The progress at this moment; never changes afterwards."""
        return self._progress.snapshot()

    def _run(self) -> None:
        """The job's outer boundary: any failure ends as a message, with the weights of the last whole step."""
        status: Status = "failed"
        is_worth_saving = True
        try:
            reached = self._loop.run(self._phases, self._control)
            self._group.agree()  # the last one: whatever has failed since, such as a look, fails everywhere
            status, message = reached, self._outcome(reached)
        except Exception as problem:
            self._group.announce(problem)
            if not is_expected(problem):
                logger.exception("training failed")
            message, is_worth_saving = describe_failure(problem), not may_have_corrupted_weights(problem)
        saved = self._loop.save_rest() if self._progress.steps_taken and is_worth_saving else ""
        comparison = self._before_after()
        try:
            self._on_end(message, status)
        finally:
            self._progress.update(status=status, message=message, saved=saved, comparison=comparison)
        self._tracker.finish(message)

    def _outcome(self, status: Status) -> str:
        now, steps = self.snapshot(), self._progress.steps_taken
        took = f"after {steps} step{'' if steps == 1 else 's'} and {duration_text(now.seconds)}"
        if status == "stopped":
            return f"Stopped {took}."
        if status == "interrupted":
            return f"Interrupted {took}: the program was shut down."
        if now.threshold is None:
            return f"Done {took}."
        reached = "reached" if self._phases[-1].is_reached(now.loss) else "not reached"
        return f"Threshold {now.threshold:g} {reached} {took}."

    def _before_after(self) -> BeforeAfter | None:
        try:
            return self._loop.before_after()
        except (RuntimeError, MemoryError):  # no memory for pictures: the job must end nevertheless
            logger.exception("no pictures of before and after")
            return None
