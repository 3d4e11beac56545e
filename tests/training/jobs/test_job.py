import threading
import time

import numpy as np
import pytest
import torch

from session import FrameUnreadable
from tests.cases import every_case
from tests.promises import count
from tests.training.tiny import ENDLESS, FAST, RANGE, are_equal, ended, make_job, tensors_of, until
from training import CheckpointNotSaved, FixedSteps, FrameSelection, LossNotFinite, LossThreshold, TrainingConfig
from training.failures import OUT_OF_MEMORY


def first_loss(recording, network="autoencoder", **options):
    return ended(make_job(recording, FixedSteps(1), network, **options)).first_loss


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_a_threshold_that_holds_already_ends_the_job_before_the_first_step(recording, network):
    now = ended(job := make_job(recording, LossThreshold(1000.0, 50), network))
    assert (now.status, now.step, job.watched.count) == ("finished", 0, 0)
    assert now.loss == now.first_loss and now.message.startswith("Threshold 1000 reached after 0 steps and ")
    assert job.saves == [] and now.saved == ""


@pytest.mark.parametrize("network", ["autoencoder", "predictor"])
def test_a_threshold_is_reached_by_the_evaluated_loss(recording, network):
    goal = 0.7 * first_loss(recording, network)
    now = ended(make_job(recording, LossThreshold(goal, 500), network))
    assert now.status == "finished" and 0 < now.step < 500 and now.step % FAST.evaluate_every == 0
    assert now.loss <= goal < now.first_loss
    assert now.message.startswith(f"Threshold {goal:g} reached after {now.step} steps")
    losses = [value for _, value in now.curves["evaluated"]]
    assert losses[-1] == now.loss and all(value > goal for value in losses[:-1])


def test_a_threshold_that_was_not_reached_is_said_so(recording):
    now = ended(make_job(recording, LossThreshold(1e-9, 13)))
    assert (now.status, now.step, now.threshold) == ("finished", 13, 1e-9)
    assert "not reached after 13 steps" in now.message
    assert [step for step, _ in now.curves["evaluated"]] == [0, 10, 13]


def test_fixed_steps_are_taken_exactly(recording):
    now = ended(job := make_job(recording, FixedSteps(7)))
    assert (now.status, now.step, now.max_steps, job.watched.count) == ("finished", 7, 7, 7)
    assert now.message.startswith("Done after 7 steps and ")
    assert now.threshold is None and not now.is_active and now.seconds_left is None
    assert ended(make_job(recording, FixedSteps(1))).message.startswith("Done after 1 step and ")


def test_a_snapshot_has_the_visitor_and_the_network(recording):
    job = make_job(recording, FixedSteps(3), "predictor")
    now = job.snapshot()
    assert (now.network, now.subject, now.started_by) == ("predictor", f"frame 5 of {recording.name}", "Ada")
    assert (now.status, now.step, now.loss, now.is_active) == ("running", 0, None, True)
    now = ended(job)
    assert now.steps_per_s > 0 and now.seconds > 0
    assert set(now.curves) == {"training total", "training image", "training latent", "evaluated", "reconstruction"}
    assert [step for step, _ in now.curves["training total"]] == [1, 2, 3]


def test_pause_holds_the_step_count_and_resume_goes_on(recording):
    job = make_job(recording, FixedSteps(8), before=lambda step: job.pause() if step == 3 else None)
    job.start()
    until(lambda: job.snapshot().step == 3)
    seconds, seen_at = job.snapshot().seconds, time.monotonic()
    assert not job.wait(0.5)
    now = job.snapshot()
    assert (now.status, now.step, job.watched.count, now.is_active) == ("paused", 3, 3, True)
    job.resume()
    assert job.wait(20)
    now = job.snapshot()
    assert (now.status, now.step) == ("finished", 8)
    assert now.seconds - seconds < time.monotonic() - seen_at - 0.4  # the pause is not counted
    assert 7 / now.steps_per_s < now.seconds + 0.1


def test_a_job_can_be_paused_before_its_first_step(recording):
    job = make_job(recording, FixedSteps(2))
    job.pause()
    job.start()
    assert not job.wait(0.2)
    assert job.snapshot().step == 0
    job.resume()
    assert job.wait(20) and job.snapshot().step == 2


@pytest.mark.parametrize("at", [1, 5, 10])
def test_stop_takes_effect_within_one_step(recording, at):
    job = make_job(recording, ENDLESS, before=lambda step: job.stop() if step == at else None)
    now = ended(job)
    assert (now.status, now.step) == ("stopped", at) and now.message.startswith(f"Stopped after {at} step")
    assert job.saves == [at] and now.saved == "saved"
    assert now.curves["evaluated"][-1] == (at, now.loss)


@pytest.mark.promise("stop, reload, disconnect, SIGTERM")
@pytest.mark.parametrize("command", ["stop", "interrupt"])
def test_the_end_of_a_job_waits_for_no_evaluation(recording, command, figure):
    """16 frames and as many held out would be 32 looks, at the begin as at the end."""
    subject, tries, longest = FrameSelection(0, 11, held_out=0.5), count(12, 100), 0
    for number in range(tries):
        looks = []
        job = make_job(recording, ENDLESS, selection=subject)
        evaluate, at = job.watched.evaluate, 1 + number

        def look(objective, batch, looks=looks, job=job, evaluate=evaluate, at=at):
            looks.append(1)
            if len(looks) == at:
                getattr(job, command)()
                looks.append("told")
            return evaluate(objective, batch)

        job.watched.evaluate = look
        now = ended(job)
        assert now.status == {"stop": "stopped", "interrupt": "interrupted"}[command]
        assert job.saves == ([now.step] if now.step else [])
        longest = max(longest, len(looks) - 1 - looks.index("told"))
    figure(f"{tries} jobs told to {command} during an evaluation: at most {longest} more looks before they ended")
    assert longest <= 1  # a look is less than a step


def test_a_job_that_is_interrupted_says_so(recording):
    now = ended(job := make_job(recording, ENDLESS, before=lambda step: job.interrupt() if step == 3 else None))
    assert (now.status, now.step, now.is_active) == ("interrupted", 3, False)
    assert now.message.startswith("Interrupted after 3 steps and ") and job.saves == [3]


def test_a_stop_after_the_last_step_comes_too_late(recording):
    now = ended(job := make_job(recording, FixedSteps(3), before=lambda step: job.stop() if step == 3 else None))
    assert (now.status, now.step) == ("finished", 3)


@pytest.mark.parametrize("part", ["on_end", "pictures"])
def test_what_goes_wrong_after_the_last_save_leaves_no_job_that_seems_to_run(recording, monkeypatch, part):
    def fail(*arguments):
        raise MemoryError

    job = make_job(recording, FixedSteps(3), **({"on_end": fail} if part == "on_end" else {}))
    monkeypatch.setattr(threading, "excepthook", lambda problem: None)
    if part == "pictures":
        monkeypatch.setattr(job._loop, "before_after", fail)
    now = ended(job)
    assert (now.status, now.step, now.is_active, now.saved) == ("finished", 3, False, "saved")


def test_a_paused_job_can_be_stopped(recording):
    job = make_job(recording, ENDLESS, before=lambda step: job.pause() if step == 2 else None)
    job.start()
    until(lambda: job.snapshot().step == 2)
    job.stop()
    assert job.wait(20)
    assert (job.snapshot().status, job.snapshot().step) == ("stopped", 2)


def test_commands_after_the_end_change_nothing(recording):
    job = make_job(recording, FixedSteps(1))
    before = ended(job)
    job.pause()
    job.resume()
    job.stop()
    assert (job.snapshot().status, job.snapshot().message) == (before.status, before.message)


def raising(problem, at=4):
    def before(step):
        if step == at:
            raise problem

    return before


def test_numbers_that_are_not_finite_replace_no_good_file(recording):
    job = make_job(recording, ENDLESS)
    job.watched.before = raising(LossNotFinite())
    now = ended(job)
    assert (now.status, now.step, now.message) == ("failed", 3, str(LossNotFinite()))
    assert job.saves == [] and now.saved == ""


@every_case(
    ("problem", "message"),
    [
        (FrameUnreadable("Frame 5 cannot be read."), "Frame 5 cannot be read."),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), OUT_OF_MEMORY),
        (MemoryError(), OUT_OF_MEMORY),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried 9 bytes"), OUT_OF_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), OUT_OF_MEMORY),
    ],
)
def test_a_failed_step_keeps_its_message_and_the_weights_of_the_last_whole_step(recording, problem, message):
    job, kept = make_job(recording, ENDLESS), []

    def before(step):
        if step == 4:
            kept.append(tensors_of(job.watched.shared.model))
            raise problem

    job.watched.before = before
    now = ended(job)
    assert (now.status, now.step, now.message) == ("failed", 3, message)
    assert are_equal(kept[0], tensors_of(job.watched.shared.model))
    assert len(job.saves) == 1 and now.saved == "saved" and job.tracker.ended == [message]
    assert now.comparison is None and now.evaluated_at == 0 and len(now.curves["training loss"]) == 3


def test_an_unexpected_problem_is_reported_without_its_message(recording, caplog):
    now = ended(make_job(recording, ENDLESS, before=raising(KeyError("/secret/path"))))
    assert now.status == "failed" and "(KeyError)" in now.message and "secret" not in now.message
    assert "/secret/path" in caplog.text


def test_a_failure_before_the_first_step_saves_nothing(recording):
    now = ended(job := make_job(recording, ENDLESS, before=raising(LossNotFinite(), at=1)))
    assert (now.status, now.step, now.saved, job.saves) == ("failed", 0, "", [])


def test_a_frame_that_is_gone_ends_the_job_in_plain_words(recording, monkeypatch):
    def gone(self, index):
        raise FrameUnreadable(f"Frame {index} cannot be read: its file is gone; choose another frame.")

    monkeypatch.setattr(type(recording), "picture", gone)
    now = ended(make_job(recording, FixedSteps(3)))
    assert (now.status, now.step, now.comparison) == ("failed", 0, None)
    assert now.message == "Frame 5 cannot be read: its file is gone; choose another frame."


def test_snapshots_never_change(recording):
    taken = []

    def before(step):
        now = job.snapshot()
        taken.append((now, (now.step, now.status, now.loss, now.message, dict(now.curves))))

    job = make_job(recording, FixedSteps(25), before=before)
    ended(job)
    for now, remembered in taken:
        assert (now.step, now.status, now.loss, now.message, dict(now.curves)) == remembered
    assert [now.step for now, _ in taken] == list(range(25))
    with pytest.raises(AttributeError):
        taken[0][0].step = 9


def test_asking_while_it_trains_gives_snapshots_that_agree_with_themselves(recording):
    job = make_job(recording, FixedSteps(60))
    job.start()
    seen = [job.snapshot()]
    while not job.wait(0.001):
        seen.append(job.snapshot())
    seen.append(job.snapshot())
    steps = [now.step for now in seen]
    assert steps == sorted(steps) and steps[-1] == 60 and len(seen) > 5
    for now in seen:
        assert len(now.curves.get("training loss", ())) == now.step
        assert (now.loss is None) == (now.first_loss is None)


def test_held_out_frames_have_a_curve_of_their_own(recording):
    subject = FrameSelection(3, 11, batch_size=2, held_out=0.4)
    now = ended(job := make_job(recording, FixedSteps(12), "predictor", subject))
    assert [step for step, _ in now.curves["held out"]] == [0, 10, 12]
    assert now.loss == now.curves["evaluated"][-1][1] != now.curves["held out"][-1][1]
    assert any("held out/loss" in numbers for _, numbers in job.tracker.logged)
    assert now.subject == f"frames 3 to 11 of {recording.name}"


def test_the_gradients_share_on_action_parameters_is_a_curve_of_its_own(recording):
    now = ended(job := make_job(recording, FixedSteps(12), "predictor"))
    assert [step for step, _ in now.action_shares] == [1, 11]
    sent = {step: n["gradient_share/action"] for step, n in job.tracker.logged if "gradient_share/action" in n}
    assert dict(now.action_shares) == sent and all(0 < share < 1 for share in sent.values())
    assert not any("share" in name for name in now.curves)
    # action_embed (1·16 + 16) + (16·8 + 8) + 16, action_token_proj 8·32 + 32, FiLM 2·(8·32 + 32)
    total = sum(parameter.numel() for parameter in job.watched.shared.model.predictor.parameters())
    assert now.action_parameter_share == pytest.approx((32 + 136 + 16 + 288 + 576) / total)


def test_an_autoencoder_job_has_no_share_on_action_parameters(recording):
    now = ended(make_job(recording, FixedSteps(3)))
    assert now.action_shares == () and now.action_parameter_share is None


def test_pictures_show_the_first_target_before_and_after(recording):
    now = ended(job := make_job(recording, FixedSteps(30), "predictor", RANGE))
    looks = now.comparison
    for picture in (looks.actual, looks.before, looks.after):
        assert picture.shape == (224, 224, 3) and picture.dtype == np.uint8
    assert np.abs(looks.actual.astype(int) - np.asarray(recording.picture(RANGE.first)).astype(int)).mean() < 1

    def error(picture):
        return np.square(picture.astype(float) - looks.actual).mean()

    assert error(looks.after) < error(looks.before)
    sent = {(step, name): pixels for step, name, pixels in job.tracker.pictures}
    assert list(sent) == [(0, "actual"), (0, "predictor"), (30, "predictor")]
    for (_, pixels), expected in zip(sent.items(), (looks.actual, looks.before, looks.after), strict=True):
        assert np.array_equal(pixels, expected)


def test_the_tracker_hears_of_every_step_and_every_evaluation(recording):
    ended(job := make_job(recording, FixedSteps(20), "predictor"))
    logged = job.tracker.logged
    steps = [(step, numbers) for step, numbers in logged if "grad_norm" in numbers]
    assert [step for step, _ in steps] == list(range(1, 21))
    losses = {"training/total", "training/image", "training/latent"}
    every_step = losses | {"lr/autoencoder", "lr/predictor", "grad_norm", "steps_per_s", "seconds"}
    assert set(steps[0][1]) == every_step | {"gradient_share/action"} and set(steps[1][1]) == every_step
    evaluations = [step for step, numbers in logged if {"evaluated/loss", "evaluated/explained_variance"} == {*numbers}]
    assert evaluations == [0, 10, 20]
    assert [step for step, _ in logged] == sorted(step for step, _ in logged)


def test_checkpoints_are_written_at_intervals_and_at_the_end(recording):
    config = TrainingConfig(save_every=4)
    now = ended(job := make_job(recording, FixedSteps(10), config=config))
    assert job.saves == [4, 8, 10] and now.saved == "saved"


def test_a_failed_save_is_reported_and_does_not_end_the_job(recording):
    def save():
        raise CheckpointNotSaved("The checkpoint was not saved (no space left on the device).")

    now = ended(make_job(recording, FixedSteps(6), config=TrainingConfig(save_every=2), save=save))
    assert (now.status, now.step) == ("finished", 6)
    assert now.saved == "The checkpoint was not saved (no space left on the device)."


@pytest.mark.parametrize("problem", [MemoryError(), torch.OutOfMemoryError("no memory for a copy"), KeyError("secret")])
def test_a_save_that_breaks_does_not_leave_the_job_hanging(recording, problem):
    def save():
        raise problem

    now = ended(job := make_job(recording, FixedSteps(5), config=TrainingConfig(save_every=2), save=save))
    assert (now.status, now.step, now.is_active) == ("finished", 5, False)
    assert now.saved.startswith(f"The checkpoint was not saved ({type(problem).__name__})")
    assert "secret" not in now.saved and job.tracker.ended == [now.message]


def test_no_step_is_taken_while_somebody_holds_the_lock(recording):
    job = make_job(recording, FixedSteps(5))
    lock = job.watched.shared.lock
    with lock:
        job.start()
        assert not job.wait(0.2)
        assert job.watched.count == 0
    assert job.wait(20) and job.watched.count == 5


def test_the_thread_ends_with_the_job(recording):
    before = threading.active_count()
    for _ in range(3):
        ended(make_job(recording, FixedSteps(2)))
    assert threading.active_count() <= before
