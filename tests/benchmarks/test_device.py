"""The report of the device checks: differences, spreads, tables, and the packages that it can do without."""

import subprocess
import sys

import pytest
import torch

from benchmarks.device import (
    TOLERANCE,
    Check,
    Speed,
    Spread,
    agreement,
    check_lines,
    computed,
    largest_difference,
    measure,
    memory_of,
    randomized_model,
    relative_norms,
    speed_lines,
)
from benchmarks.gpu_tasks import large_tasks
from benchmarks.machine import Machine
from benchmarks.networks import Inputs, Task, random_batch
from models import PRECISIONS, SharedWorldModel
from tests.models.small import small_config

WITHOUT_PACKAGES = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("orjson", "gradio", "tqdm", "wandb"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing())
import benchmarks.device
import training.steps
assert not hasattr(sys.modules["training"], "TrainingJob")
"""


def test_a_spread_is_the_median_between_the_extremes():
    assert Spread.of([5.0, 1.0, 2.0]) == Spread(2.0, 1.0, 5.0)
    assert Spread(2.0, 1.0, 5.0).text(".1f") == "2.0 (1.0–5.0)"


def test_a_difference_is_a_share_of_the_largest_expected_number():
    expected = {"loss": torch.tensor(4.0), "picture": torch.tensor([[1.0, -10.0]])}
    actual = {"loss": torch.tensor(5.0), "picture": torch.tensor([[1.5, -10.0]])}
    assert largest_difference(expected, actual) == pytest.approx({"loss": 0.25, "picture": 0.05})


def test_differences_above_the_tolerance_and_no_numbers_fail():
    checks = agreement({"near": TOLERANCE / 2, "far": 2 * TOLERANCE, "none": float("nan")}, "both")
    assert [check.is_passed for check in checks] == [True, False, False]
    assert check_lines(checks)[:2] == ["passed  near, both: 5.0e-05", "FAILED  far, both: 2.0e-04"]


def test_norms_are_compared_as_a_share_of_the_expected_norm():
    expected, actual = {"picture": torch.tensor([3.0, 4.0])}, {"picture": torch.tensor([3.0, 4.5])}
    assert relative_norms(expected, actual) == pytest.approx({"picture": 0.1})
    assert not agreement({"picture": 0.1}, "both", tolerance=0.05)[0].is_passed


def test_the_large_tasks_of_a_gpu_run_in_both_precisions_here_at_a_small_size(fast_bfloat16):
    shared, cpu, pictures = SharedWorldModel(small_config(), torch.device("cpu")), torch.device("cpu"), {}
    tasks = {name: large_tasks(shared, name, batch=2, candidates=3) for name in PRECISIONS}
    for name, (step, sweep) in tasks.items():
        pictures[name] = sweep.run().float()
        assert pictures[name].shape == (3, 3, 32, 32) and 0 < sweep.flops < 3 * step.flops
    assert not torch.equal(*pictures.values()) and torch.allclose(*pictures.values(), atol=0.05)
    speeds = measure(tasks, dict.fromkeys(tasks, Machine(cpu)), rounds=1)
    lines = speed_lines({"cpu": {}, **speeds})
    assert len(lines) == 5 and all("%" in line for line in lines[1:])
    assert speeds["auto"]["predictor step, batch 2"].milliseconds.median > 0
    assert memory_of(tasks, dict.fromkeys(tasks, Machine(cpu))) == {}  # a GPU's alone


def test_the_table_has_a_line_for_each_task_and_compares_with_the_cpu():
    share = Spread(0.5, 0.4, 0.6)
    speeds = {
        "cpu": {"step": Speed(Spread(100.0, 90.0, 130.0), share)},
        "cuda": {"step": Speed(Spread(10.0, 9.0, 13.0), share)},
    }
    _, cpu, cuda = speed_lines(speeds)
    assert cpu.split() == ["cpu", "step", "100.0", "(90.0–130.0)", "50.0%", "(40.0%–60.0%)"]
    assert cuda.split()[-1] == "10.0"


def test_a_check_keeps_its_detail():
    assert check_lines([Check("weights change", True, "loss 1.0")]) == ["passed  weights change: loss 1.0"]


def test_every_task_is_measured_in_every_round_and_the_first_is_not_counted(monkeypatch):
    runs = []
    tasks = {"cpu": [Task("one", 10, lambda: runs.append(1)), Task("two", 10, lambda: runs.append(2))]}
    durations = iter([99.0, 99.0, 1.0, 5.0, 2.0, 5.0])

    def timed(act, device):
        act()
        return next(durations)

    monkeypatch.setattr("benchmarks.device.seconds", timed)
    monkeypatch.setattr(Machine, "matrix_rate", lambda self: 10.0)
    speeds = measure(tasks, {"cpu": Machine(torch.device("cpu"))}, rounds=2)
    assert runs == [1, 2, 1, 2, 1, 2]
    assert speeds["cpu"]["one"].milliseconds == Spread(1500.0, 1000.0, 2000.0)
    assert speeds["cpu"]["one"].share == Spread(0.75, 0.5, 1.0)


def test_the_compared_numbers_depend_on_weights_and_actions():
    generator = torch.Generator().manual_seed(0)
    batch, model = random_batch(1, generator), randomized_model()
    expected = computed(model, Inputs(batch, batch, torch.rand(2, 3, generator=generator)))
    with torch.no_grad():
        model.predictor.output_head.weight.mul_(1.1)
    actual = computed(model, Inputs(batch, batch, torch.rand(2, 3, generator=generator)))
    changed = {name for name, value in largest_difference(expected, actual).items() if value > TOLERANCE}
    assert changed == expected.keys() - {"autoencoder loss", "reconstruction"}


def test_the_checks_need_no_package_for_files_or_the_page():
    subprocess.run([sys.executable, "-c", WITHOUT_PACKAGES], check=True, timeout=120)
