"""Training by several processes on one machine: the same run, and the same end for all of them."""

import json
import shutil

import pytest
import torch

from session import load_session
from tests.cases import every_case
from tests.training.distributed import mishaps
from tests.training.distributed.team import LOST, demo_folder, robot_folder, run_together
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.evaluation.store import EvaluationStore
from training.jobs.lock import FolderLock

STEPS = 20
WITHIN = 1e-6
FRAMES = ("--range", 3, 11, "--batch-size", 6, "--warmup-steps", 5)


@pytest.fixture(scope="module")
def session_id(data):
    return (data / "id").read_text()


@pytest.fixture(scope="module")
def train(data, session_id, tmp_path_factory):
    """Trains by some processes on a data folder of its own, or on one that exists; returns both."""

    def run(size, *arguments, folder=None, steps=STEPS, **options):
        folder = folder or demo_folder(data, tmp_path_factory.mktemp("shared") / "data")
        goal = ("--steps", steps) if steps else ()
        frames = () if "--range" in arguments else FRAMES
        names = ("--data", folder, "--session", session_id, *goal, *frames)
        return run_together(folder / "texts", size, "train", *names, *arguments, **options), folder

    return run


def tensors_of(folder):
    """All weights and moments that a folder's checkpoints hold, by name."""
    found = {}
    for network, file in FILES.items():
        path = robot_folder(folder) / file
        if path.exists():
            contents = read_checkpoint(path)
            found |= {f"{network} {name}": value for name, value in contents.tensors.items()}
    return found


def largest_difference(one, other):
    """Over all weights but the biases of keys, which the softmax cancels: their gradient is rounding alone, which
    Adam turns into whole steps."""
    assert one.keys() == other.keys() and one
    return max(difference_of(name, one[name].float(), other[name].float()) for name in one)


def difference_of(name, one, other):
    if name.endswith(("in_proj_bias", "qkv.bias")):
        third = len(one) // 3
        one, other = (torch.cat([value[:third], value[-third:]]) for value in (one, other))
    return (one - other).abs().max().item()


def numbers_of(folder, name):
    """The numbers of this name in a folder's logs, by step of the last run that has taken it."""
    logs = sorted((robot_folder(folder) / "runs").glob("*.jsonl"))
    lines = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    return {line["step"]: line[name] for line in lines if name in line}


def step_of(folder, network="autoencoder"):
    return read_checkpoint(robot_folder(folder) / FILES[network]).step


@pytest.fixture(scope="module")
def alone(train):
    """A folder after 20 steps of both networks by one process."""
    outcome, folder = train(1, "--model", "both")
    assert outcome.codes == [0], outcome.texts
    return folder


@every_case(("size", "options"), [(2, ()), (3, ("--accumulate", 2))])
def test_weights_and_losses_are_those_of_one_process(train, alone, size, options):
    outcome, folder = train(size, "--model", "both", *options)
    assert outcome.codes == [0] * size, outcome.texts
    assert largest_difference(tensors_of(folder), tensors_of(alone)) < WITHIN
    for name in ("training/loss", "training/total", "evaluated/loss", "grad_norm"):
        expected = numbers_of(alone, name)
        assert len(expected) >= 3 and numbers_of(folder, name) == pytest.approx(expected, abs=WITHIN, rel=1e-4)
    assert f"Saved in data/checkpoints/toroidal_dot: autoencoder.pth (step {STEPS})." in outcome.texts[0]
    assert not any(outcome.texts[1:]), outcome.texts  # the first process alone reports


def test_runs_of_other_numbers_of_processes_go_on_as_one(train, alone):
    """2, then 1, then 3 processes: the first 20 steps of the autoencoder in one curve."""
    folder, losses = None, []
    for size, steps in ((2, 7), (1, 6), (3, 7)):
        outcome, folder = train(size, "--model", "autoencoder", steps=steps, folder=folder)
        assert outcome.codes == [0] * size, outcome.texts
        losses += numbers_of(folder, "training/loss").values()
        shutil.rmtree(robot_folder(folder) / "runs")
    expected = numbers_of(alone, "training/loss")
    assert losses == pytest.approx(list(expected.values()), abs=WITHIN)


def test_dropout_depends_on_the_parts_of_a_batch_and_not_on_who_computes_them(train):
    folders = [train(size, "--model", "predictor", *options, steps=6, dropout=0.3)[1] for size, options in PARTED]
    two, parted, whole = (tensors_of(folder) for folder in folders)
    assert largest_difference(two, parted) < WITHIN < 10 * WITHIN < largest_difference(two, whole)


PARTED = [(2, ()), (1, ("--accumulate", 2)), (1, ())]
SHORT = ("--model", "autoencoder", "--range", 9, 11, "--batch-size", 2)
SAME = (1, 1)
# A mishap, the exit codes, the step that is saved in the end, and what the first process says.
ENDS = [
    ("", (0, 0), 8, "Done after 8 steps"),
    ("killed", (1, LOST), 4, "Another process of this run has ended or cannot be reached"),
    ("first_killed", (LOST, 1), 4, ""),
    ("not_finite", SAME, 4, "Process 1: The loss is no longer a finite number"),
    ("out_of_memory", SAME, 4, "Out of memory in a training step"),
    ("unreadable", SAME, 4, "Process 1: Frame 3 cannot be read."),
    ("failed_after_a_step", SAME, 5, "Process 1: 'surprise'"),
    ("failed_first_after_a_step", SAME, 4, "Training failed unexpectedly (KeyError)"),
    ("failed_evaluation", SAME, 8, "Process 1: surprise"),
    ("failed_look", SAME, 8, "Training failed unexpectedly (ValueError)"),
    ("disk_full", SAME, None, "The checkpoint was not saved (disk full"),
    ("not_prepared", SAME, None, "no tracker"),
    ("not_there", (2, 2), None, "Process 1: It is not on this host."),
    ("other_options", (2, 2), None, "Process 1: It was started with other options than the first one"),
]


@every_case(("mishap", "codes", "step", "words"), ENDS)
def test_every_end_is_that_of_all_processes_and_none_is_left_waiting(train, mishap, codes, step, words):
    outcome, folder = train(2, *SHORT, steps=8, mishap=mishap, save_every=2)
    assert tuple(outcome.codes) == codes and words in outcome.texts[0], outcome
    assert LOST in codes or outcome.collectives[0] == outcome.collectives[1]
    saved = robot_folder(folder) / FILES["autoencoder"]
    assert (read_checkpoint(saved).step if saved.exists() else None) == step
    assert step is None or all(torch.isfinite(value).all() for value in read_checkpoint(saved).tensors.values())


@every_case("mishap", ["terminated", "interrupted"])
def test_a_signal_to_one_process_ends_and_saves_all(train, mishap):
    outcome, folder = train(2, *SHORT, steps=2000, mishap=mishap)
    step = step_of(folder)
    assert outcome.codes == [1, 1] and mishaps.AT < step < 2000, outcome
    assert f"Interrupted after {step} steps" in outcome.texts[0] and not outcome.texts[1]
    assert outcome.collectives[0] == outcome.collectives[1]


def test_a_threshold_ends_all_and_decides_all_exit_codes(train):
    for threshold, codes, words in (
        (100, [0, 0], "reached after 0 steps"),
        (1e-9, [1, 1], "not reached after 3 steps"),
    ):
        goal = ("--threshold", threshold, "--max-steps", 3)
        outcome, _ = train(2, *SHORT, *goal, steps=None)
        assert outcome.codes == codes and words in outcome.texts[0] and not outcome.texts[1], outcome


def test_wrong_usage_is_told_once(train):
    words = "The batch size is 3, which 2 processes × 2 micro-batches cannot share evenly: choose a multiple of 4"
    for options, sentence in (
        (("--range", 9, 11, "--batch-size", 3, "--accumulate", 2), words),
        (("--range", 5, 5), "The batch size is 1, which 2 processes"),
        (("--range", 9, 11, "--accumulate", 0), "The number of micro-batches must be a whole number from 1 to 64"),
        (("--range", 9, 11, "--nonsense"), "Unrecognized arguments: --nonsense"),
    ):
        outcome, _ = train(2, "--model", "autoencoder", *options)
        assert outcome.codes == [2, 2] and sentence in outcome.texts[0] and not outcome.texts[1], outcome


def test_a_folder_in_use_refuses_all(train, data, tmp_path):
    folder = demo_folder(data, tmp_path / "data")
    lock = FolderLock(robot_folder(folder))
    assert lock.take("somebody: predictor on all frames") is None
    outcome, _ = train(2, *SHORT, folder=folder)
    lock.release()
    assert outcome.codes == [1, 1] and "Another program is training these networks (somebody" in outcome.texts[0]
    assert not outcome.texts[1] and outcome.collectives[0] == outcome.collectives[1]


RECIPE = [
    *("--autoencoder-steps", 12, "--predictor-steps", 8, "--dream-steps", 8, "--kept-patches", 6),
    *("--autoencoder-batch", 6, "--predictor-batch", 6, "--longest-history", 4, "--measure-every", 4),
]


def learn(folder, size, *arguments, **options):
    return run_together(folder / "texts", size, "learn", "--data", folder, *arguments, **options)


def test_a_recipe_that_others_continue_ends_with_the_networks_of_one_process(data, tmp_path):
    alone, shared = (demo_folder(data, tmp_path / name / "data") for name in ("alone", "shared"))
    assert learn(alone, 1, *RECIPE).codes == [0]
    outcome = learn(shared, 2, *RECIPE, mishap="terminated")
    assert outcome.codes == [1, 1] and "Interrupted after " in outcome.texts[0], outcome
    assert outcome.collectives[0] == outcome.collectives[1]
    assert learn(shared, 2, *RECIPE[:2], "--resume").codes == [2, 2]
    outcome = learn(shared, 3, "--resume", *RECIPE[-2:])
    assert outcome.codes == [0, 0, 0] and not any(outcome.texts[1:]), outcome
    assert largest_difference(tensors_of(shared), tensors_of(alone)) < WITHIN
    expected = numbers_of(alone, "training/total")
    assert numbers_of(shared, "training/total") == pytest.approx(expected, abs=WITHIN, rel=1e-4) and len(expected) == 16
    assert numbers_of(shared, "near_share").keys() == numbers_of(alone, "near_share").keys()


def test_what_a_recipe_cannot_begin_with_is_told_once(data, tmp_path):
    folder = demo_folder(data, tmp_path / "data")
    for arguments, code, words in (
        (("--resume",), 2, "There is no interrupted run of toroidal_dot"),
        (("--predictor-batch", 3), 2, "predictor_batch is 3, which 2 processes cannot share evenly"),
        (("--robot", "rover"), 2, "There is no recording of rover/"),
        (("--autoencoder", tmp_path / "none.pth"), 2, "There is no checkpoint"),
    ):
        outcome = learn(folder, 2, *arguments)
        assert outcome.codes == [code] * 2 and words in outcome.texts[0] and not outcome.texts[1], outcome


def evaluate(folder, size, *arguments, **options):
    return run_together(
        folder / "texts", size, "evaluate", "--data", folder, "--robot", "toroidal_dot", *arguments, **options
    )


def errors_in(folder, session_id):
    store = EvaluationStore(folder / "evaluations")
    recording = load_session(folder / "sessions" / session_id)
    return [result.track for result in store.kept(session_id, recording.version)]


def test_an_evaluation_of_several_finds_the_errors_of_one(alone, data, session_id, tmp_path):
    folders = [demo_folder(data, tmp_path / str(number)) for number in range(2)]
    for folder in folders:
        shutil.copytree(alone / "checkpoints", folder / "checkpoints")
    assert evaluate(folders[0], 1).codes == [0]
    outcome = evaluate(folders[1], 2, mishap="cancelled")
    assert outcome.codes == [1, 1] and "Cancelled after 4 of 12 frames" in outcome.texts[0], outcome
    assert outcome.collectives[0] == outcome.collectives[1]
    for mishap, code, words in (("failed_block", 1, "Process 1: surprise"), ("short_blocks", 0, session_id)):
        outcome = evaluate(folders[1], 2, mishap=mishap)
        assert outcome.codes == [code] * 2 and words in outcome.texts[0], outcome
        assert outcome.collectives[0] == outcome.collectives[1]
    (one,), (several,) = (errors_in(folder, session_id) for folder in folders)
    assert several.is_complete and (several.context == one.context).all()
    assert several.reconstruction == pytest.approx(one.reconstruction, abs=WITHIN)
    assert several.prediction == pytest.approx(one.prediction, abs=WITHIN, nan_ok=True)
    again = evaluate(folders[1], 3)
    assert again.codes == [0] * 3 and again.texts[0] == outcome.texts[0]


def test_processes_with_other_recordings_are_told_so(alone, data, tmp_path):
    folder = demo_folder(data, tmp_path / "data")
    outcome = evaluate(folder, 2, mishap="other_version")
    assert outcome.codes == [1, 2] and "Process 1: It has another recording" in outcome.texts[0], outcome
    assert outcome.collectives[0] == outcome.collectives[1]
