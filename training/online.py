"""Online learning of a world model: observe, train until the quality gate, predict, choose, act, record.

Owns the order of these alone: the robot, the recording, the selector and the trainer are arguments. Each step is
yielded as an `OnlineStep` before its action is taken.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from models import Network, predict_with_uncertainty
from session import ActionPrediction, ActionSelector, LiveRecording
from session.batch import Batch, build_batch, build_context, build_target, join_batches, scaled_candidates
from session.history import MAX_LENGTH, MIN_LENGTH
from session.recorder.robot_adapter import CheckedRobot
from training.config import MAX_BATCH, MAX_STEPS
from training.jobs.trainer import WorldModelTrainer
from training.references import repeating_mse
from training.steps import OBJECTIVES, LossNotFinite
from training.values import check_number, check_whole

MAX_ONLINE_STEPS = 1_000_000
MAX_PASSES = 1000
WAIT_S = 0.05  # the delay of a command to end while a robot's action takes its time
AUTOENCODER_GATE, PREDICTOR_GATE = 0.0005, 0.001  # what Train to Threshold offers


@dataclass(frozen=True)
class LiveConfig:
    """Values of an online loop; raises InvalidValue.

    For each observation a network takes steps until its evaluated loss is at most its gate, at most `max_train_steps`
    of them (0: no training). A batch holds the newest frame and `batch_size` − 1 drawn from those in memory.
    `dropout_passes`: 0 if no uncertainties are needed.
    """

    steps: int = 100
    history_length: int = 3
    reconstruction_gate: float = AUTOENCODER_GATE
    prediction_gate: float = PREDICTOR_GATE
    max_train_steps: int = 10
    batch_size: int = 1
    dropout_passes: int = 0
    save_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        check_whole(self.steps, "The number of steps", 1, MAX_ONLINE_STEPS)
        check_whole(self.history_length, "The history length", MIN_LENGTH, MAX_LENGTH)
        check_number(self.reconstruction_gate, "The reconstruction gate", 1e-12, 1e6)
        check_number(self.prediction_gate, "The prediction gate", 1e-12, 1e6)
        check_whole(self.max_train_steps, "The number of training steps at most", 0, MAX_STEPS)
        check_whole(self.batch_size, "The batch size", 1, MAX_BATCH)
        check_whole(self.save_every, "The number of steps between saves", 1, MAX_ONLINE_STEPS)
        check_whole(self.seed, "The seed", 0, 2**63 - 1)
        if self.dropout_passes:
            check_whole(self.dropout_passes, "The number of dropout passes", 2, MAX_PASSES)


@dataclass(frozen=True)
class GateResult:
    """A network at its gate: its evaluated loss in the end, and the training steps taken to get there."""

    loss: float
    train_steps: int


@dataclass(frozen=True)
class OnlineStep:
    """An observation with its losses and the next action.

    `prediction` and `repeating`, the MSE of repeating the frame before, are None if nothing came before the frame,
    `action` after the last one, `uncertainties` (of all candidate actions) is empty if they are not needed.
    """

    step: int
    reconstruction: GateResult
    prediction: GateResult | None
    action: dict[str, float] | None
    uncertainties: tuple[float, ...]
    repeating: float | None = None


class OnlineLoop:
    """Runs a robot for `config.steps` actions, with an observation before, between and after them."""

    def __init__(
        self,
        robot: CheckedRobot,
        recording: LiveRecording,
        selector: ActionSelector,
        trainer: WorldModelTrainer,
        config: LiveConfig,
        must_end: Callable[[], bool] = lambda: False,
    ) -> None:
        self._robot, self._recording, self._selector = robot, recording, selector
        self._trainer, self._config, self._must_end = trainer, config, must_end
        model, training = trainer.shared.model, trainer.state.config
        self._objectives = {network: objective(model, training) for network, objective in OBJECTIVES.items()}
        self._dropout = torch.Generator(trainer.shared.device).manual_seed(config.seed)

    def run(self) -> Iterator[OnlineStep]:
        """The steps, each before its action is taken; ends early, after an observation, if `must_end` returns True.
        When an episode is over, its last frame is learned from, and the next action follows the first of another one.

        Raises SessionError (RobotFailed, RecordingError, InvalidAction …), LossNotFinite, PartialUpdate and NotFinite.
        """
        for step in range(self._config.steps + 1):
            self._recording.record_observation(self._robot.observe())
            reconstruction, prediction = self._learn()
            repeating = self._repeating()
            is_last = step == self._config.steps or self._must_end()
            if not is_last and self._robot.restart():
                self._recording.record_reset()
                self._recording.record_observation(self._robot.observe())
            predictions = () if is_last else self._predict()
            action = None if is_last else self._selector.next_action(predictions)
            uncertainties = tuple(one.uncertainty for one in predictions if one.uncertainty is not None)
            yield OnlineStep(step, reconstruction, prediction, action, uncertainties, repeating)
            if action is None:
                return
            self._act(action)

    def _learn(self) -> tuple[GateResult, GateResult | None]:
        newest = self._recording.frame_count - 1
        reconstruction = self._pass_gate("autoencoder", newest, self._config.reconstruction_gate)
        return reconstruction, self._pass_gate(
            "predictor", newest, self._config.prediction_gate
        ) if self._has_history else None

    def _repeating(self) -> float | None:
        newest = self._recording.frame_count - 1
        return repeating_mse([self._batch("predictor", newest)]) if self._has_history else None

    @property
    def _has_history(self) -> bool:
        """True if a frame in memory leads to the newest one."""
        newest = self._recording.frame_count - 1
        return newest > self._recording.earliest(newest)

    def _pass_gate(self, network: Network, newest: int, gate: float) -> GateResult:
        """Train until the loss on the newest frame passes the gate, the steps are used up, or the loop must end."""
        batch, train_steps = self._batch(network, newest), 0
        loss = self._loss(network, batch)
        while loss > gate and train_steps < self._config.max_train_steps and not self._must_end():
            self._trainer.step(self._objectives[network], self._with_earlier(network, batch, newest))
            train_steps += 1
            loss = self._loss(network, batch)
        return GateResult(loss, train_steps)

    def _loss(self, network: Network, batch: Batch) -> float:
        loss = self._trainer.evaluate(self._objectives[network], batch).loss
        if not math.isfinite(loss):
            raise LossNotFinite
        return loss

    def _batch(self, network: Network, index: int) -> Batch:
        if network == "autoencoder":
            return build_target(self._recording, index)
        return build_batch(self._recording, self._recording.history(index, self._config.history_length))

    def _with_earlier(self, network: Network, batch: Batch, newest: int) -> Batch:
        """The newest frame and some drawn from memory, against forgetting of earlier frames."""
        if self._config.batch_size == 1:
            return batch
        targets = range(self._recording.first_in_memory, newest)
        if network == "predictor":
            targets = [one for one in targets if self._history_length(one) == self._history_length(newest)]
        if not targets:
            return batch
        random, size = self._trainer.state.generator, (self._config.batch_size - 1,)
        picks = torch.randint(len(targets), size, generator=random, device=random.device).tolist()
        return join_batches([batch, *(self._batch(network, targets[pick]) for pick in picks)])

    def _history_length(self, index: int) -> int:
        """The number of context frames in memory before a frame, as far as they are used."""
        return min(self._config.history_length, index - self._recording.earliest(index))

    def _predict(self) -> list[ActionPrediction]:
        """Predictions of the frame after the newest one, for each action of the robot."""
        newest = self._recording.frame_count - 1
        frames = range(max(self._recording.earliest(newest), newest - self._config.history_length + 1), newest + 1)
        context, actions = build_context(self._recording, frames, frames[:-1])
        prediction = predict_with_uncertainty(
            self._trainer.shared,
            context,
            actions,
            scaled_candidates(self._recording),
            self._config.dropout_passes,
            self._dropout,
        )
        uncertainties: Sequence[float | None] = prediction.uncertainties or [None] * len(prediction.pictures)
        return [
            ActionPrediction(action, picture, uncertainty)
            for action, picture, uncertainty in zip(
                self._robot.action_space, prediction.pictures, uncertainties, strict=True
            )
        ]

    def _act(self, action: dict[str, float]) -> None:
        began = time.monotonic()
        seconds = self._robot.act(action)
        self._recording.record_action(action)
        # A simulated robot acts in no time and returns the duration of the action, which the recording keeps to.
        never = threading.Event()
        while (rest := began + seconds - time.monotonic()) > 0 and not self._must_end():
            never.wait(min(rest, WAIT_S))
