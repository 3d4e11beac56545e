import contextlib
import json
import shutil

import pytest
import torch

import models
from session import record_demo
from tests.promises import count
from tests.training.tiny import are_equal, shared_model, until
from training import backend, learn
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.validate import load_checkpoint
from training.jobs.run_reader import newest_log, read_run
from training.jobs.trainer import WorldModelTrainer

SHORT = [
    *("--autoencoder-steps", "5", "--predictor-steps", "6", "--dream-steps", "4"),
    *("--kept-patches", "6", "--predictor-batch", "2"),
]


@contextlib.contextmanager
def small_command():
    """The command, with small networks and without signals."""

    class Small(models.WorldModels):
        def get(self, key, action_channels):
            return self._models.setdefault(key, shared_model())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backend, "WorldModels", Small)
        patch.setattr(learn.StopRequest, "__init__", lambda self: setattr(self, "is_made", False))
        yield lambda folder, *arguments: learn.main(["--data", str(folder), *arguments])


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    """A folder with a recording."""
    folder = tmp_path_factory.mktemp("recorded") / "sessions"
    record_demo(folder, "toroidal_dot", 16, seed=1)
    return folder


def data_with(sessions, folder):
    """A data folder with the recording, and nothing learned yet."""
    folder.mkdir(exist_ok=True)
    (folder / "sessions").symlink_to(sessions)
    return folder


@pytest.fixture(scope="module")
def learned(tmp_path_factory, sessions):
    """A data folder after a whole run; only to be read."""
    folder = data_with(sessions, tmp_path_factory.mktemp("learned"))
    with small_command() as command:
        assert command(folder, *SHORT, "--measure-every", "3") == 0
    return folder


@pytest.fixture
def run(tmp_path, sessions):
    """The command on a folder with a recording."""
    data_with(sessions, tmp_path)
    with small_command() as command:
        yield lambda *arguments, short=SHORT: command(tmp_path, *short, *arguments)


def folder_of(data):
    return data / "checkpoints" / "toroidal_dot"


def log_of(data):
    path = folder_of(data) / "runs" / newest_log(folder_of(data))
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_pair_is_written_as_checkpoints_that_load(learned):
    fresh = shared_model()
    for network, file, step in (("autoencoder", "autoencoder.pth", 5), ("predictor", "predictor_0.pth", 10)):
        path = folder_of(learned) / file
        assert load_checkpoint(path, fresh.network(network)).step == step
        contents = read_checkpoint(path)
        assert all(value.dtype == torch.float32 for value in contents.tensors.values()) and not contents.optimizer


def test_the_run_has_a_log_like_any_other(learned):
    lines = log_of(learned)
    assert lines[0]["config"]["recipe"]["config"]["predictor_steps"] == 6 and lines[0]["run"]["max_steps"] == 15
    assert [line["phase"] for line in lines if "phase" in line] == ["reconstruct", "predict", "rollout"]
    steps = [line for line in lines if "grad_norm" in line]
    assert [line["step"] for line in steps] == list(range(1, 16))
    assert [line["step"] for line in steps if "near_share" in line] == [8, 11, 14]
    assert {"evaluated/loss", "held out/loss"} <= {name for line in lines for name in line}
    assert lines[-1]["status"] == "finished"


def interrupted(run, at, *arguments):
    """Interrupt the command as Ctrl-C does, after `at` steps; returns its exit code."""
    jobs, taken, follow, step = [], [], learn.follow_job, WorldModelTrainer.step

    def remember(job, stop, is_shown):
        jobs.append(job)
        return follow(job, stop, is_shown)

    def count_steps(*given, **options):
        metrics = step(*given, **options)
        taken.append(metrics)
        if len(taken) == at:
            until(lambda: jobs)
            jobs[0].interrupt()
        return metrics

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learn, "follow_job", remember)
        patch.setattr(WorldModelTrainer, "step", count_steps)
        return run(*arguments)


STEPS = count(6, 40)  # of each of three phases
LONG = ("--autoencoder-steps", f"{STEPS}", "--predictor-steps", f"{STEPS}", "--dream-steps", f"{STEPS}")


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, sessions):
    """The data folder of a whole run."""
    folder = data_with(sessions, tmp_path_factory.mktemp("whole"))
    with small_command() as command:
        assert command(folder, *SHORT, *LONG) == 0
    return folder


@pytest.mark.promise("resume = uninterrupted")
@pytest.mark.parametrize("at", [2, STEPS + 2, 2 * STEPS + 2])
def test_a_recipe_that_was_interrupted_in_any_phase_goes_on_to_the_bit(
    run, tmp_path, uninterrupted, capsys, figure, at
):
    assert interrupted(run, at, *LONG) == 1
    assert read_run(folder_of(tmp_path), newest_log(folder_of(tmp_path))).step == at
    assert "--resume goes on" in capsys.readouterr().out
    assert run("--resume", short=[]) == 0
    differing = 0
    for file, steps in (("autoencoder.pth", STEPS), ("predictor_0.pth", 2 * STEPS)):
        one, other = (read_checkpoint(folder_of(folder) / file) for folder in (uninterrupted, tmp_path))
        assert one.step == other.step == steps
        differing += not are_equal(one.tensors, other.tensors)
    tried = f"a recipe of 3 phases, {3 * STEPS} steps against {at} + save + new program + the rest"
    figure(f"{tried}: {differing} of 2 differ")
    assert differing == 0
    lines = log_of(tmp_path)
    assert [line["step"] for line in lines if "grad_norm" in line] == list(range(at + 1, 3 * STEPS + 1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--resume"], "no interrupted run of toroidal_dot"),
        (["--resume", "--predictor-lr", "0.1"], "leave out its numbers"),
    ],
)
def test_without_an_interrupted_run_there_is_nothing_to_resume(run, capsys, arguments, message):
    assert run(*arguments, short=[]) == 2
    assert message in capsys.readouterr().err


def test_a_finished_run_and_one_of_the_page_are_not_resumed(run, learned, tmp_path, capsys):
    shutil.copytree(folder_of(learned), folder_of(tmp_path))
    assert run("--resume", short=[]) == 2
    path = folder_of(tmp_path) / "runs" / newest_log(folder_of(tmp_path))
    lines = path.read_text().splitlines()
    head = json.loads(lines[0]) | {"config": {"network": "predictor"}}
    path.write_text("\n".join([json.dumps(head), *lines[1:-1], ""]))
    assert run("--resume", short=[]) == 2
    assert "is not one of the recipe" in capsys.readouterr().err


def test_half_precision_halves_the_files_and_changes_next_to_nothing(run, learned, tmp_path):
    assert run("--half") == 0
    files = [folder_of(data) / "predictor_0.pth" for data in (learned, tmp_path)]
    whole, half = (read_checkpoint(file).tensors for file in files)
    assert {value.dtype for value in half.values()} == {torch.float16}
    assert max((half[key].float() - whole[key]).abs().max().item() for key in whole) < 2e-3
    assert files[1].stat().st_size < 0.8 * files[0].stat().st_size


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--robot", "nobody"], "no recording of nobody"),
        (["--predictor-lr", "nan"], "predictor learning rate"),
        (["--history-length", "1"], "history length"),
    ],
)
def test_wrong_usage_is_answered_and_nothing_is_written(run, tmp_path, capsys, arguments, message):
    assert run(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "checkpoints").exists()


def test_an_autoencoder_is_taken_over_as_it_is(run, learned, tmp_path):
    taken = folder_of(learned) / "autoencoder.pth"
    assert run("--autoencoder", str(taken), "--autoencoder-steps", "9", "--seed", "5") == 0
    before, after = (read_checkpoint(file) for file in (taken, folder_of(tmp_path) / "autoencoder.pth"))
    assert after.step == before.step == 5
    assert all(torch.equal(after.tensors[key], value) for key, value in before.tensors.items())
    assert [line["phase"] for line in log_of(tmp_path) if "phase" in line] == ["predict", "rollout"]


def test_an_autoencoder_that_is_none_is_refused(run, tmp_path, capsys):
    assert run("--autoencoder", str(tmp_path / "nowhere.pth")) == 2
    assert "There is no checkpoint nowhere.pth" in capsys.readouterr().err


def test_a_predictor_taken_over_learns_to_roll_out_alone(run, learned, tmp_path):
    autoencoder, predictor = (str(folder_of(learned) / file) for file in ("autoencoder.pth", "predictor_0.pth"))
    assert run("--autoencoder", autoencoder, "--predictor", predictor) == 0
    assert read_checkpoint(folder_of(tmp_path) / "predictor_0.pth").step == 14
    assert [line["phase"] for line in log_of(tmp_path) if "phase" in line] == ["rollout"]
