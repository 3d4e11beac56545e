"""Imagination and rollouts over simulated recordings, with a predictor that is always right instead of networks."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import training.evaluation.rollouts.imagination as imagination_module
from models import ContextFrame, Imagined, RolloutContext, SharedWorldModel, run_prediction
from models.adaptive_world_model import AdaptiveWorldModelConfig
from session import load_session, record_demo
from session.batch import build_batch
from session.ground_truth import find_simulator
from session.robots.toroidal_dot import locate_dot
from tests.cases import every_case
from tests.session.session_files import change_meta
from training import CannotImagine, InvalidValue, apply_command, imagine_next, roll_out, start_imagination

MOVE, STAY = 1, 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def dot(folder):
    return load_session(folder / record_demo(folder, "toroidal_dot", 14, seed=2))


@pytest.fixture(scope="module")
def turning(folder):
    """A simulated JetBot."""
    return load_session(folder / record_demo(folder, "jetbot_sim", 14, seed=2))


@pytest.fixture(scope="module")
def jetbot(folder):
    """Without the name of its simulator, as a recording of a real robot."""
    return load_session(change_meta(folder / record_demo(folder, "jetbot_sim", 14, seed=2), simulator=None))


class Calls:
    """Replaces `imagine`: moves the last picture as the simulator does, `drift` pixels further with each step."""

    def __init__(self, drift: int = 0) -> None:
        self.drift, self.modes, self.lengths, self.steps = drift, [], [], 0

    def __call__(self, shared, context, action, mode, history_length):
        self.modes.append(mode)
        self.lengths.append(len(context.frames))
        pixels = (27 if action.sum() > 0 else 0) + self.drift
        picture = np.roll(context.frames[-1].picture, pixels, axis=1)
        frames = (*context.frames, ContextFrame(picture))[-history_length:]
        actions = (*context.actions, action)[-(len(frames) - 1) :]
        decoded = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        return Imagined(RolloutContext(frames, actions), decoded, version=0)


@pytest.fixture
def perfect(monkeypatch):
    calls = Calls()
    monkeypatch.setattr(imagination_module, "imagine", calls)
    return calls


def imagine_all(recording, imagination, actions, mode="latents"):
    for action in actions:
        imagination = imagine_next(None, recording, imagination, action, mode, 3)
    return imagination


def test_ten_perfect_moves_wrap_around_the_edge_and_are_all_near(dot, perfect):
    imagination = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE] * 10)
    places = [locate_dot(step.picture).x for step in imagination.steps]
    assert all((b - a) % 224 == pytest.approx(27, abs=0.1) for a, b in pairwise(places))
    assert min(places) < 30 and max(places) > 194  # around the edge
    last = imagination.steps[-1]
    assert (last.number, last.known, last.near) == (10, 10, 10) and last.distance_px < 1
    assert imagination.is_simulated and np.abs(imagination.truth.picture.astype(int) - last.picture).mean() < 1


def test_a_drifting_dot_is_near_only_in_the_first_steps(dot, monkeypatch):
    monkeypatch.setattr(imagination_module, "imagine", Calls(drift=1))
    imagination = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE, STAY, MOVE, MOVE])
    assert [step.distance_px for step in imagination.steps] == pytest.approx([1, 2, 3, 4], abs=0.5)
    assert imagination.steps[-1].known == 4 and imagination.steps[-1].near in (1, 2)


def test_a_lost_dot_has_no_distance_and_is_reported(dot, monkeypatch):
    def black(shared, context, action, mode, history_length):
        frame = ContextFrame(np.zeros((224, 224, 3), np.uint8))
        return Imagined(RolloutContext((frame,), ()), torch.zeros(3, 224, 224), 0)

    monkeypatch.setattr(imagination_module, "imagine", black)
    step = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE]).steps[-1]
    assert step.is_lost and step.distance_px is None and step.mse > 0 and (step.known, step.near) == (1, 0)


class Turning:
    """Replaces `imagine`: turns a JetBot as the simulator does, but `missed` pixels less far with each turn."""

    def __init__(self, robot, missed: float = 0.0) -> None:
        self.robot, self.missed = robot, missed

    def __call__(self, shared, context, action, mode, history_length):
        self.robot.act({"motor_left": 0, "motor_right": 0.12 * int(action[1] > 0), "duration": 0.2})
        yaw, count = self.robot.state
        self.robot = self.robot.at((yaw + self.missed * 360 / 1344, count))
        picture = self.robot.observe()
        decoded = torch.from_numpy(picture.copy()).permute(2, 0, 1).float() / 255
        return Imagined(RolloutContext((ContextFrame(picture),), ()), decoded, version=0)


def test_thirty_turns_of_a_jetbot_have_the_simulators_truth_beside_them(turning, monkeypatch):
    monkeypatch.setattr(imagination_module, "imagine", Turning(find_simulator(turning, 5), missed=0.1))
    imagination = imagine_all(turning, start_imagination(turning, 5, 3), [MOVE] * 30)
    assert imagination.is_simulated and imagination.truth.frame is None
    distances = [step.distance_px for step in imagination.steps]
    assert distances == pytest.approx([0.1 * count for count in range(1, 31)], abs=0.05)
    assert imagination.steps[-1].known == 30 and imagination.steps[-1].near in (19, 20)
    repeated = [step.repeat_px for step in imagination.steps]
    expected = [min(22.4 * count, 1344 - 22.4 * count) for count in range(1, 31)]
    assert repeated == pytest.approx(expected, abs=0.2)
    assert all(step.mse < step.repeat_mse / 3 for step in imagination.steps)


def test_a_rollout_of_a_jetbot_has_distances_of_its_heading(turning, monkeypatch):
    black = torch.zeros(3, 224, 224)
    monkeypatch.setattr(imagination_module, "imagine", lambda shared, context, *_: Imagined(context, black, version=0))
    steps = list(roll_out(None, turning, 5, 8, 3))
    for step in steps:
        turned = 22.4 * int((turning.actions[5 : step.frame, 1] > 0).sum())
        assert step.repeat_px == pytest.approx(turned, abs=0.1)
        assert step.distance_px == pytest.approx({"latents": turned, "pictures": turned}, abs=0.1)


def test_for_another_robot_the_truth_is_known_until_an_action_differs_from_the_recorded_one(jetbot, perfect):
    recorded = [jetbot.candidate_index(int(action)) for action in jetbot.action_into[5:8]]
    imagination = imagine_all(jetbot, start_imagination(jetbot, 4, 3), [*recorded, 0, 0, 0, 0, 0, 0, 0])
    known = [step.mse is not None for step in imagination.steps]
    assert known[:3] == [True] * 3 and known == sorted(known, reverse=True) and not known[-1]
    assert imagination.truth is None and imagination.steps[-1].known == sum(known) < 10
    assert all(step.distance_px is None and not step.is_lost for step in imagination.steps)
    assert all(
        (step.true_thumb is not None) == is_known for step, is_known in zip(imagination.steps, known, strict=True)
    )


def test_the_first_step_equals_the_result_of_run_predictor(jetbot):
    shared = SharedWorldModel(AdaptiveWorldModelConfig(3), torch.device("cpu"))
    for frame in (0, 1, 6):
        action = jetbot.candidate_index(int(jetbot.action_into[frame + 1]))
        step = imagine_next(shared, jetbot, start_imagination(jetbot, frame, 3), action, "latents", 3).steps[-1]
        batch = build_batch(jetbot, jetbot.history(frame + 1, 3))
        expected = run_prediction(shared, batch.frames, batch.actions, batch.target, batch.actions[0, :0], None)
        assert step.mse == pytest.approx(expected.mse, rel=2e-3)
        assert np.abs(step.picture.astype(int) - expected.predicted).max() <= 1


@every_case(("frame", "length", "frames"), [(0, 3, 1), (1, 3, 2), (9, 2, 2), (9, 3, 3), (9, 8, 8)])
def test_the_context_is_as_long_as_requested_or_available(dot, perfect, frame, length, frames):
    imagination = start_imagination(dot, frame, length)
    assert len(imagination.origin.frames) == frames and len(imagination.origin.actions) == frames - 1
    assert np.array_equal(imagination.picture, np.asarray(dot.picture(frame)))


def test_undo_goes_back_step_by_step_to_the_start_and_no_further(dot, perfect):
    whole = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE, STAY, MOVE])
    once = whole.undo(dot)
    assert once.actions == (MOVE, STAY) and once.steps == whole.steps[:2]
    again = imagine_all(dot, once, [MOVE])
    assert np.array_equal(again.picture, whole.picture) and np.array_equal(again.truth.picture, whole.truth.picture)
    first = once.undo(dot).undo(dot)
    assert first.steps == () and first.truth is None
    with pytest.raises(CannotImagine, match="press an action"):
        first.undo(dot)


def test_undo_and_the_number_of_steps_are_limited(dot, perfect, monkeypatch):
    monkeypatch.setattr(imagination_module, "UNDO_STEPS", 4)
    monkeypatch.setattr(imagination_module, "MAX_STEPS", 6)
    imagination = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE] * 6)
    assert len(imagination.steps) == 4 and imagination.steps[-1].number == 6 and imagination.steps[-1].near == 6
    with pytest.raises(CannotImagine, match="press Reset"):
        imagine_all(dot, imagination, [MOVE])
    for _ in range(4):
        imagination = imagination.undo(dot)
    with pytest.raises(CannotImagine, match="only the last 4 steps"):
        imagination.undo(dot)


def test_a_rollout_follows_the_recorded_actions_in_both_modes(dot, perfect):
    steps = list(roll_out(None, dot, 3, 6, 3))
    assert [step.frame for step in steps] == [4, 5, 6, 7, 8, 9] and [step.number for step in steps] == [
        1,
        2,
        3,
        4,
        5,
        6,
    ]
    assert perfect.modes == ["latents", "pictures"] * 6 and set(perfect.lengths) == {3}
    for step in steps:
        assert set(step.mse) == {"latents", "pictures"} and all(mse < 0.001 for mse in step.mse.values())
        assert all(distance < 0.5 for distance in step.distance_px.values())
        assert np.array_equal(step.actual, np.asarray(dot.picture(step.frame)))
    moved = sum(int(dot.actions[action][0]) for action in dot.action_into[4:10])
    expected = min(27 * moved % 224, -27 * moved % 224)
    assert steps[-1].repeat_px == pytest.approx(expected, abs=0.5) and steps[-1].repeat_mse > 0.001


def test_a_rollout_ends_with_the_recording(dot, jetbot, perfect):
    assert [step.frame for step in roll_out(None, dot, 11, 50, 3)] == [12, 13]
    last = list(roll_out(None, jetbot, 12, 50, 3))[-1]
    assert last.frame == 13 and last.repeat_px is None and set(last.distance_px.values()) == {None}
    with pytest.raises(CannotImagine, match="frame 13"):
        roll_out(None, dot, 13, 5, 3)


@every_case("steps", [0, 51, 2.5, None, "7", float("nan")])
def test_an_invalid_number_of_steps_is_refused_before_anything_is_imagined(dot, perfect, steps):
    with pytest.raises(InvalidValue, match="The number of steps"):
        roll_out(None, dot, 3, steps, 3)
    assert perfect.modes == []


def test_commands_begin_continue_undo_and_reset(dot, perfect):
    def apply(imagination, command, start=5):
        return apply_command(None, dot, imagination, start, command, "latents", 3)

    started = apply(None, "begin")
    assert started.start == 5 and started.actions == ()
    moved = apply(apply(started, MOVE), STAY)
    assert moved.actions == (MOVE, STAY)
    assert apply(moved, "begin", start=9) is moved  # it stays while the visitor selects another frame
    assert apply(moved, MOVE, start=9).start == 5
    assert apply(moved, "undo").actions == (MOVE,)
    assert apply(moved, "reset", start=9).start == 9
    assert apply(started, MOVE, start=9).start == 9  # nothing is imagined yet
    with pytest.raises(CannotImagine):
        apply(started, "undo")


def test_an_imagination_of_a_replaced_recording_starts_anew(dot, jetbot, perfect):
    imagination = imagine_all(dot, start_imagination(dot, 5, 3), [MOVE])
    assert apply_command(None, jetbot, imagination, 2, "begin", "latents", 3).start == 2
