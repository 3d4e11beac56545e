import numpy as np
import pytest
import torch

from session import (
    LiveRecording,
    RobotFailed,
    SequenceSelector,
    SessionRecorder,
    ToroidalDotRobot,
    UncertaintySelector,
    load_session,
)
from session.recorder.robot_adapter import CheckedRobot
from tests.cases import every_case
from tests.training.tiny import FAST, are_equal, make_manager, tensors_of
from training import InvalidValue, JobRunning, LossNotFinite
from training.online import LiveConfig, OnlineLoop
from training.steps import Evaluation

STAY, MOVE = {"action": 0}, {"action": 1}


class QuickDot(ToroidalDotRobot):
    """Acts in no time."""

    def act(self, action):
        super().act(action)
        return 0.0


class Ran:
    """A loop that was run: its turns, its manager, what it recorded, and what ended it."""

    def __init__(
        self, folder, config, selector=None, robot=None, stop=lambda ran: False, kept=256, watch=lambda trainer: None
    ):
        attached = robot if isinstance(robot, CheckedRobot) else CheckedRobot(robot or QuickDot(3))
        self.manager = make_manager(folder / "checkpoints" / "toroidal_dot")
        self.turns, self.problem = [], None
        with self.manager.exclusive_trainer("a test", FAST) as trainer:
            watch(trainer)
            with SessionRecorder(folder / "sessions", attached.robot_type, attached.action_space) as recorder:
                recording = LiveRecording(recorder, attached.candidates, kept)
                selector = selector or SequenceSelector([STAY, MOVE, MOVE])
                loop = OnlineLoop(attached, recording, selector, trainer, config, lambda: stop(self))
                try:
                    for turn in loop.run():
                        self.turns.append(turn)
                except (RobotFailed, LossNotFinite) as problem:
                    self.problem = problem
        self.recording = load_session(recorder.folder)


def test_a_run_observes_learns_predicts_acts_and_records(tmp_path):
    ran = Ran(tmp_path, LiveConfig(steps=5, max_train_steps=2))
    assert [turn.step for turn in ran.turns] == [0, 1, 2, 3, 4, 5]
    assert [turn.action for turn in ran.turns] == [STAY, MOVE, MOVE, STAY, MOVE, None]
    assert ran.turns[0].repeating is None and all(turn.repeating >= 0 for turn in ran.turns[1:])
    assert ran.turns[0].prediction is None and all(turn.prediction.train_steps == 2 for turn in ran.turns[1:])
    recording = ran.recording
    assert (recording.frame_count, recording.actions.ravel().tolist()) == (6, [0, 1, 1, 0, 1])
    assert recording.is_finished and recording.skipped == () and recording.previous.tolist() == [-1, 0, 1, 2, 3, 4]
    steps = {name: used.step for name, used in ran.manager.shared.weights.items()}
    assert steps == {"autoencoder": 6 * 2 + 5 * 2, "predictor": 5 * 2}


def test_training_ends_at_the_gate(tmp_path):
    losses = []

    def watch(trainer):
        real = trainer.evaluate

        def evaluate(objective, batch):
            found = real(objective, batch)
            losses.append((objective.network, found.loss))
            return found

        trainer.evaluate = evaluate

    ran = Ran(
        tmp_path,
        LiveConfig(steps=2, reconstruction_gate=0.0025, prediction_gate=0.0025, max_train_steps=500),
        watch=watch,
    )
    for turn in ran.turns:
        assert turn.reconstruction.loss <= 0.0025
        assert turn.prediction is None or turn.prediction.loss <= 0.0025
    assert ran.turns[0].reconstruction.train_steps > 1
    # Not a step more: only the last loss of each gate is at most the gate.
    first = [loss for network, loss in losses[: ran.turns[0].reconstruction.train_steps + 1]]
    assert all(loss > 0.0025 for loss in first[:-1]) and first[-1] <= 0.0025
    again = Ran(tmp_path, LiveConfig(steps=1, reconstruction_gate=10, prediction_gate=10))
    assert [turn.reconstruction.train_steps for turn in again.turns] == [0, 0]
    assert are_equal(tensors_of(again.manager.shared.model), tensors_of(make_manager(tmp_path).shared.model))


def test_what_is_learned_on_are_the_newest_frame_and_earlier_ones_with_as_long_a_history(tmp_path):
    seen = []

    def watch(trainer):
        real = trainer.step
        trainer.step = lambda goal, batch: seen.append((goal.network, batch)) or real(goal, batch)

    ran = Ran(tmp_path, LiveConfig(steps=8, max_train_steps=1, batch_size=3), watch=watch, kept=6)
    predictor = [batch.frames.shape[:2] for network, batch in seen if network == "predictor"]
    assert predictor == [(1, 1), (1, 2), (1, 3), *[(3, 3)] * 5]
    pictures = [torch.from_numpy(np.array(ran.recording.picture(k))).permute(2, 0, 1) / 255 for k in range(9)]
    for turn, batch in enumerate(batch for network, batch in seen if network == "autoencoder"):
        assert torch.allclose(batch.target[0], pictures[turn], atol=1e-6)
        for drawn in batch.target[1:]:
            assert any(torch.allclose(drawn, earlier, atol=1e-6) for earlier in pictures[:turn])


class Episodes(CheckedRobot):
    """A dot whose episodes end after three actions."""

    acted = 0

    def act(self, action):
        self.acted += 1
        return super().act(action)

    def restart(self):
        is_over, self.acted = self.acted == 3, self.acted % 3
        return is_over


def test_an_episode_that_is_over_is_followed_by_another_and_nothing_is_learned_across(tmp_path):
    shapes = []

    def watch(trainer):
        real = trainer.step
        trainer.step = lambda goal, batch: shapes.append((goal.network, batch.frames.shape[:2])) or real(goal, batch)

    config = LiveConfig(steps=7, max_train_steps=1, batch_size=2)
    ran = Ran(tmp_path, config, robot=Episodes(QuickDot(3)), watch=watch)
    assert ran.problem is None and [turn.step for turn in ran.turns] == list(range(8))
    assert ran.recording.previous.tolist() == [-1, 0, 1, 2, -1, 4, 5, 6, -1, 8]
    assert ran.recording.action_after.tolist() == [0, 1, 2, -1, 3, 4, 5, -1, 6, -1]
    assert ran.recording.skipped == () and all(turn.repeating is not None for turn in ran.turns[1:])
    # Earlier frames come along where their own episode has as many frames before them.
    predictor = [shape for network, shape in shapes if network == "predictor"]
    assert predictor == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 1)]


def test_uncertainty_chooses_among_the_actions_and_a_seed_repeats_the_run(tmp_path):
    config = LiveConfig(steps=6, max_train_steps=2, dropout_passes=3, seed=5)
    runs = [Ran(tmp_path / str(k), config, UncertaintySelector(5)) for k in range(2)]
    for turn in runs[0].turns[:-1]:
        assert len(turn.uncertainties) == 2 and turn.action == [STAY, MOVE][int(np.argmax(turn.uncertainties))]
    assert runs[0].turns == runs[1].turns
    other = Ran(
        tmp_path / "other", LiveConfig(steps=6, max_train_steps=2, dropout_passes=3, seed=6), UncertaintySelector(5)
    )
    assert other.turns[0].uncertainties != runs[0].turns[0].uncertainties


def test_a_wish_to_end_is_heard_before_the_next_action(tmp_path):
    ran = Ran(tmp_path, LiveConfig(steps=1000, max_train_steps=1), stop=lambda ran: len(ran.turns) >= 3)
    assert [turn.action is None for turn in ran.turns] == [False, False, False, True]
    assert (ran.recording.frame_count, ran.recording.action_count) == (4, 3) and ran.recording.is_finished


def test_a_wish_to_end_is_heard_while_an_action_takes_its_time(tmp_path):
    class Slow(QuickDot):
        def act(self, action):
            super().act(action)
            return 3600.0

    Slow.__name__ = "ToroidalDotRobot"
    ran = Ran(tmp_path, LiveConfig(steps=9, max_train_steps=1), robot=Slow(1), stop=lambda ran: len(ran.turns) >= 1)
    assert ran.recording.frame_count == 2 and ran.recording.duration_s < 60


def test_the_recording_takes_the_time_that_the_robot_says(tmp_path):
    ran = Ran(tmp_path, LiveConfig(steps=3, max_train_steps=0), robot=ToroidalDotRobot(1))
    assert 0.3 <= ran.recording.times[-1] - ran.recording.times[0] < 30
    assert ran.manager.shared.weights["autoencoder"].step is None


@pytest.mark.parametrize("call", ["observe", "act"])
def test_a_robot_that_fails_leaves_a_whole_recording(tmp_path, call):
    class Failing(QuickDot):
        calls = 0

        def observe(self):
            return self.failing("observe", super().observe())

        def act(self, action):
            return self.failing("act", super().act(action))

        def failing(self, name, answer):
            Failing.calls += name == call
            if Failing.calls == 3 and name == call:
                raise OSError("no such device")
            return answer

    ran = Ran(tmp_path, LiveConfig(steps=9, max_train_steps=1), robot=Failing(1))
    assert "OSError: no such device" in str(ran.problem)
    assert ran.recording.is_finished and ran.recording.skipped == ()
    frames, actions = (2, 2) if call == "observe" else (3, 2)
    assert (ran.recording.frame_count, ran.recording.action_count) == (frames, actions)


def test_a_loss_that_is_not_finite_ends_the_loop_before_a_step(tmp_path):
    def watch(trainer):
        trainer.evaluate = lambda objective, batch: Evaluation(float("nan"), {}, 0.0, torch.zeros(3, 1, 1))

    ran = Ran(tmp_path, LiveConfig(steps=3), watch=watch)
    assert isinstance(ran.problem, LossNotFinite) and ran.manager.shared.weights["autoencoder"].step is None
    assert ran.recording.frame_count == 1


def test_nobody_else_trains_or_saves_there_meanwhile(tmp_path):
    mine, other = make_manager(tmp_path), make_manager(tmp_path)
    with (
        mine.exclusive_trainer("the live loop", FAST),
        pytest.raises(JobRunning, match="the live loop"),
        other.exclusive_trainer("x", FAST),
    ):
        pass
    with other.exclusive_trainer("x", FAST):
        pass


@every_case(
    ("value", "words"),
    [
        (dict(steps=0), "number of steps"),
        (dict(steps=2.5), "number of steps"),
        (dict(history_length=9), "history length"),
        (dict(reconstruction_gate=float("nan")), "reconstruction gate"),
        (dict(prediction_gate=-1), "prediction gate"),
        (dict(max_train_steps=-1), "training steps"),
        (dict(batch_size=65), "batch size"),
        (dict(dropout_passes=1), "dropout passes"),
        (dict(save_every=0), "between saves"),
        (dict(seed=-1), "seed"),
    ],
)
def test_numbers_are_checked_by_name(value, words):
    with pytest.raises(InvalidValue, match=words):
        LiveConfig(**value)
