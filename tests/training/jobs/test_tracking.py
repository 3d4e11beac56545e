import json
import os
import subprocess
import sys
import threading
import types

import numpy as np
import pytest

from tests.training.jobs.test_previous_run import phase
from tests.training.tiny import Remembering, make_manager, train, until
from training.jobs import tracking
from training.jobs.tracking import SeveralTrackers, WandbTracker

PICTURE = np.zeros((4, 5, 3), np.uint8)


def lines_of(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_several_trackers_receive_the_same():
    trackers = [Remembering(), Remembering()]
    several = SeveralTrackers(trackers)
    several.begin_phase(phase("predictor"), 0, 40)
    several.log(1, {"loss": 0.5})
    several.picture(1, "actual", PICTURE)
    several.finish("Done.")
    first, second = ((one.phases, one.logged, one.pictures, one.ended) for one in trackers)
    assert first == second == ([("", 0, 40)], [(1, {"loss": 0.5})], [(1, "actual", PICTURE)], ["Done."])


class FakeRun:
    def __init__(self, is_failing=False):
        self.logged, self.summary, self.is_finished, self.is_failing = [], {}, False, is_failing

    def log(self, numbers, step):
        if self.is_failing:
            raise OSError("no network")
        self.logged.append((step, numbers))

    def finish(self):
        self.is_finished = True


@pytest.fixture
def fake(monkeypatch):
    """A stand-in for wandb: `fake.run` is what init returns, or raises where it is an exception."""
    module = types.ModuleType("wandb")
    module.run, module.asked = FakeRun(), {}

    def init(**options):
        module.asked.update(options)
        if isinstance(module.run, Exception):
            raise module.run
        return module.run

    module.init, module.Image = init, lambda pixels: ("image", pixels.shape)
    monkeypatch.setitem(sys.modules, "wandb", module)
    return module


def test_wandb_receives_configuration_numbers_pictures_and_the_end(tmp_path, fake):
    tracker = WandbTracker("robots", {"lr": 0.1}, tmp_path)
    tracker.log(0, {"loss": 0.5})
    tracker.picture(0, "actual", PICTURE)
    tracker.log(1, {"loss": 0.25})
    tracker.finish("Done.")
    assert fake.asked == {"project": "robots", "config": {"lr": 0.1}, "dir": str(tmp_path)}
    assert fake.run.logged == [(0, {"loss": 0.5}), (0, {"actual": ("image", (4, 5, 3))}), (1, {"loss": 0.25})]
    assert fake.run.summary == {"ended": "Done."} and fake.run.is_finished


def test_a_whole_job_reaches_wandb(tmp_path, fake, recording):
    manager = make_manager(tmp_path, wandb_project="robots")
    train(manager, recording, "predictor")
    until(lambda: fake.run.is_finished)
    assert fake.asked["config"]["network"] == "predictor" and fake.asked["config"]["batch_size"] == 2
    names = {name for _, numbers in fake.run.logged for name in numbers}
    assert {"training/total", "evaluated/loss", "evaluated/explained_variance", "actual", "predictor"} <= names
    steps = [step for step, _ in fake.run.logged]
    assert steps == sorted(steps)  # wandb drops what goes back


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("is_late", [False, True])
def test_wandb_that_fails_costs_a_job_nothing(tmp_path, fake, recording, caplog, is_late):
    fake.run = FakeRun(is_failing=True) if is_late else RuntimeError("not logged in")
    manager = make_manager(tmp_path, wandb_project="robots")
    now = train(manager, recording)
    assert (now.status, now.step) == ("finished", 2)
    assert manager.wait(0) and lines_of(manager.run_file)[-1] == {"ended": now.message, "status": "finished"}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_failure_of_wandb_is_logged_once(tmp_path, fake, caplog):
    fake.run = RuntimeError("not logged in")
    tracker = WandbTracker("robots", {}, tmp_path)
    tracker._thread.join(20)
    for step in range(5):
        tracker.log(step, {"loss": 0.5})
        tracker.picture(step, "actual", PICTURE)
    tracker.finish("Done.")
    told = [record.message for record in caplog.records if record.name == "training.jobs.tracking"]
    assert told == ["Weights & Biases has failed; training goes on without it."]


def test_wandb_that_hangs_holds_nobody_up(tmp_path, fake, monkeypatch):
    free = threading.Event()
    fake.run.log = lambda numbers, step: free.wait(20)
    monkeypatch.setattr(tracking, "FINISH_S", 0.05)
    monkeypatch.setattr(tracking, "MAX_WAITING", 10)
    tracker = WandbTracker("robots", {}, tmp_path)
    for step in range(100):
        tracker.log(step, {"loss": 0.5})
    tracker.finish("Done.")
    assert tracker._waiting.qsize() <= 10 and tracker._thread.is_alive()
    free.set()
    tracker._waiting.put(None)
    tracker._thread.join(20)
    assert not tracker._thread.is_alive()


OFFLINE = """
import sys
import numpy as np
from pathlib import Path
import training
from training.jobs.tracking import WandbTracker
assert "wandb" not in sys.modules, "it is for runs that name a project alone"
tracker = WandbTracker("robots", {"lr": 0.1}, Path(sys.argv[1]))
tracker.log(0, {"loss": 0.5})
tracker.picture(0, "actual", np.zeros((4, 5, 3), np.uint8))
tracker.finish("Done.")
assert not tracker._has_warned and not tracker._thread.is_alive()
"""


def test_the_real_wandb_is_imported_when_needed_and_keeps_a_run_on_disk_without_a_network(tmp_path):
    environment = os.environ | {"WANDB_MODE": "offline", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
