"""Checks and speed of the networks on the CPU and on a GPU: `python -m benchmarks.device [--quick] [--json PATH]`.

Checks: both devices compute the same losses, gradients and predictions, in float32 and, within 2 %, with products in
bfloat16; a training step changes the weights; weights and optimizers survive saving and loading. Speed: training steps
and the sweep of 9 actions at batch 1, as the program takes them, and on a GPU steps of 64 histories and a sweep of 27
actions, in both precisions, with their memory; each as a share of the rate of a plain matrix product in the same
precision on the same device just before. Devices and tasks take turns, so that whatever slows the machine slows all of
them. With several GPUs also steps of one process a GPU, as `benchmarks.scaling` measures them. It takes a few
minutes. Without CUDA, it says so and runs the CPU half alone.

It needs torch, numpy and pillow alone: neither the page nor any recording.
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from io import BytesIO

import torch

from benchmarks import scaling
from benchmarks import single_modules as single_modules  # before modules of session and training
from benchmarks.gpu_tasks import large_tasks, peak_memory_mb
from benchmarks.machine import Machine, seconds
from benchmarks.networks import ACTION_CHANNELS, Inputs, Task, program_tasks, random_inputs
from models import AdaptiveWorldModel, AdaptiveWorldModelConfig, Precision, WorldModels, weights_digest
from models.precision import autocast
from session.command_line import path_option
from training.steps import AutoencoderTrainer, PredictorTrainer, TrainState

TOLERANCE = 1e-4  # a share of the largest number of what is compared
ROUNDED = 2e-2  # a share of the norm of what is compared with products in bfloat16
ROUNDS, QUICK_ROUNDS = 12, 3
TIME_LIMIT_S = 120  # no further round begins after that
ROUNDED_CUDA, STEPS = "cuda bfloat16", 3  # the steps come first among the program's tasks
NOISE = 0.02  # added to fresh weights, of which some are zero and would hide what they multiply


@dataclass(frozen=True)
class Spread:
    """Median, lowest and highest of some measurements."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread":
        ordered = sorted(values)
        return cls(statistics.median(ordered), ordered[0], ordered[-1])

    def text(self, form: str) -> str:
        return f"{self.median:{form}} ({self.low:{form}}–{self.high:{form}})"


@dataclass(frozen=True)
class Speed:
    """Duration of a task, and its needed operations a second as a share of those of a matrix product."""

    milliseconds: Spread
    share: Spread


@dataclass(frozen=True)
class Check:
    """One check, its outcome, and the number that shows it."""

    name: str
    is_passed: bool
    detail: str


def largest_difference(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """The largest difference of each pair of tensors, as a share of the largest number of `one`."""
    differences = {}
    for name, tensor in one.items():
        expected, actual = tensor.double().cpu(), other[name].double().cpu()
        differences[name] = ((actual - expected).abs().max() / expected.abs().max()).item()
    return differences


def relative_norms(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> dict[str, float]:
    """The norm of the difference of each pair of tensors, as a share of that of `one`."""
    pairs = {name: (tensor.double().cpu(), other[name].double().cpu()) for name, tensor in one.items()}
    return {name: ((actual - expected).norm() / expected.norm()).item() for name, (expected, actual) in pairs.items()}


def agreement(differences: Mapping[str, float], title: str, tolerance: float = TOLERANCE) -> list[Check]:
    """A check for each difference, named after what is compared; a difference that is not a number fails."""
    return [Check(f"{name}, {title}", value <= tolerance, f"{value:.1e}") for name, value in differences.items()]


def randomized_model() -> AdaptiveWorldModel:
    """A model of standard size on the CPU, always the same, with no weight at zero."""
    generator = torch.Generator().manual_seed(1)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(ACTION_CHANNELS)).eval()
    model.reset_weights(generator)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(NOISE * torch.randn(parameter.shape, generator=generator))
    return model


def computed(model: AdaptiveWorldModel, inputs: Inputs, precision: Precision = "float32") -> dict[str, torch.Tensor]:
    """Numbers by which the devices are compared: losses, norms of gradients, predicted latents and pictures."""
    device = next(model.parameters()).device
    frames, actions, target = (x.to(device) for x in (inputs.short.frames, inputs.short.actions, inputs.short.target))
    model.zero_grad()
    with autocast(device, precision):
        reconstruction = model.autoencoder_loss(target, 0.0)
        losses = model.prediction_losses(frames, actions, target)
    (reconstruction + losses.total).backward()
    gradients = [parameter.grad.norm() for parameter in model.parameters() if parameter.grad is not None]
    with torch.inference_mode(), autocast(device, precision):
        frames, actions, candidates = (
            x.to(device) for x in (inputs.long.frames, inputs.long.actions, inputs.candidates)
        )
        swept = model.predict_counterfactuals(model.encode_history(frames), actions, candidates, frames[:, -1])
        return {
            "autoencoder loss": reconstruction.detach(),
            "predictor loss": losses.total.detach(),
            "predictor loss of latents": losses.latent.detach(),
            "gradient norms": torch.stack(gradients),
            "reconstruction": model.reconstruct(target),
            "predicted latents of 9 actions": swept.latents,
            "predicted pictures of 9 actions": swept.picture,
        }


def check_agreement(inputs: Inputs) -> list[Check]:
    """Compare the numbers of the CPU and of CUDA, there in both precisions."""
    model = randomized_model()
    expected = computed(model, inputs)
    exact, rounded = (computed(model.to("cuda"), inputs, precision) for precision in ("float32", "auto"))
    checks = agreement(largest_difference(expected, exact), "CUDA as CPU")
    return checks + agreement(relative_norms(expected, rounded), "CUDA in bfloat16 as CPU in float32", ROUNDED)


def check_training(device: torch.device, inputs: Inputs) -> list[Check]:
    """Check that steps change both networks, and that a copy loaded from saved bytes continues like the original."""
    model = randomized_model().to(device)
    state = TrainState(model)
    before = digests(model)
    losses = [AutoencoderTrainer(model, state).step(inputs.short).losses["loss"]]
    losses.append(PredictorTrainer(model, state).step(inputs.short).losses["total"])
    after = digests(model)
    loaded, loaded_state = load_copy(save_bytes(model, state), device)
    is_same = digests(loaded) == after
    differences = largest_difference(next_step(model, state, inputs), next_step(loaded, loaded_state, inputs))
    return [
        Check(f"a step changes the autoencoder, {device}", before[0] != after[0], f"loss {losses[0]:.3f}"),
        Check(f"a step changes the predictor, {device}", before[1] != after[1], f"loss {losses[1]:.3f}"),
        Check(f"saved and loaded weights are the same, {device}", is_same, after[0][:8]),
        *agreement(differences, str(device)),
    ]


def digests(model: AdaptiveWorldModel) -> tuple[str, str]:
    return weights_digest(model.autoencoder), weights_digest(model.predictor)


def save_bytes(model: AdaptiveWorldModel, state: TrainState) -> bytes:
    """Weights and both optimizers as torch writes them."""
    file = BytesIO()
    optimizers = {name: state.of(name).state() for name in ("autoencoder", "predictor")}
    moments = {name: (one.optimizer, one.step) for name, one in optimizers.items()}
    torch.save({"weights": model.state_dict(), "moments": moments, "random": state.generator.get_state()}, file)
    return file.getvalue()


def load_copy(content: bytes, device: torch.device) -> tuple[AdaptiveWorldModel, TrainState]:
    """A model and its optimizers from saved bytes."""
    saved = torch.load(BytesIO(content), map_location=device, weights_only=True)
    model = AdaptiveWorldModel(AdaptiveWorldModelConfig(ACTION_CHANNELS)).to(device).eval()
    model.load_state_dict(saved["weights"])
    state = TrainState(model)
    for name, (moments, step) in saved["moments"].items():
        if not state.of(name).restore(moments, step):
            raise ValueError(f"the saved optimizer of the {name} does not fit")
    state.generator.set_state(saved["random"].cpu())
    return model, state


def next_step(model: AdaptiveWorldModel, state: TrainState, inputs: Inputs) -> dict[str, torch.Tensor]:
    """Loss of one more predictor step, and of the evaluation after it."""
    trainer = PredictorTrainer(model, state)
    loss, after = trainer.step(inputs.short).losses["total"], trainer.evaluate(inputs.short)
    return {
        "loss of the next step after loading": torch.tensor(loss),
        "prediction after that step": after.picture,
    }


def tasks_of(device: torch.device, inputs: Inputs) -> dict[str, list[Task]]:
    """The tasks of a device by its name; of a GPU also the large ones, and all steps in bfloat16."""
    shared = WorldModels(device).get("", ACTION_CHANNELS)
    tasks = {device.type: program_tasks(shared, inputs)}
    if device.type == "cuda":
        tasks["cuda"] += large_tasks(shared, "float32")
        tasks[ROUNDED_CUDA] = [*program_tasks(shared, inputs, "auto")[:STEPS], *large_tasks(shared, "auto")]
    return tasks


def measure(tasks: Mapping[str, list[Task]], machines: Mapping[str, Machine], rounds: int) -> dict[str, dict]:
    """Speeds by device and task. `tasks` and `machines` by device; a first round warms up and does not count."""
    durations = {(device, task.name): [] for device, those in tasks.items() for task in those}
    shares = {key: [] for key in durations}
    began = time.monotonic()
    for number in range(rounds + 1):
        for device, those in tasks.items():
            for task in those:
                rate = machines[device].matrix_rate()
                duration = seconds(task.run, machines[device].device)
                if number:
                    durations[device, task.name].append(1000 * duration)
                    shares[device, task.name].append(task.flops / duration / rate)
        if number and time.monotonic() - began > TIME_LIMIT_S:
            break
    return {
        device: {
            task.name: Speed(Spread.of(durations[device, task.name]), Spread.of(shares[device, task.name]))
            for task in those
        }
        for device, those in tasks.items()
    }


def memory_of(tasks: Mapping[str, list[Task]], machines: Mapping[str, Machine]) -> dict[str, float]:
    """Peak memory in MB of each task on a GPU."""
    peaks = {
        f"memory of {task.name}, {name}": peak_memory_mb(task, machines[name].device)
        for name, those in tasks.items()
        for task in those
    }
    return {name: mb for name, mb in peaks.items() if mb is not None}


def speed_lines(speeds: Mapping[str, Mapping[str, Speed]]) -> list[str]:
    """A table with a line for each task on each device, and the speed-up of CUDA if it was measured."""
    lines = [f"{'':15}{'':28}{'ms, median (range)':>28}{'share of a product':>26}{'times the CPU':>16}"]
    for device, by_task in speeds.items():
        for name, speed in by_task.items():
            on_cpu = speeds["cpu"].get(name) if device != "cpu" else None
            faster = f"{on_cpu.milliseconds.median / speed.milliseconds.median:.1f}" if on_cpu else ""
            milliseconds, share = speed.milliseconds.text(".1f"), speed.share.text(".1%")
            lines.append(f"{device:15}{name:28}{milliseconds:>28}{share:>26}{faster:>16}")
    return lines


def check_lines(checks: Iterable[Check]) -> list[str]:
    """A line for each check, the failed ones marked."""
    return [f"{'passed' if check.is_passed else 'FAILED'}  {check.name}: {check.detail}" for check in checks]


def describe_machine(machines: Mapping[str, Machine]) -> dict[str, object]:
    """Versions, threads, and the rate of a matrix product of each device."""
    return {
        "torch": torch.__version__,
        "python": platform.python_version(),
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name() if "cuda" in machines else None,
        "matrix_gflop_per_s": {name: machine.matrix_rate() / 1e9 for name, machine in machines.items()},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer repeats")
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    # TF32 would round to 10 bits what is compared to 1e-3 here.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    devices = [torch.device(name) for name in ("cpu", "cuda") if name == "cpu" or torch.cuda.is_available()]
    inputs, has_cuda = random_inputs(), len(devices) == 2
    checks = check_agreement(inputs) if has_cuda else []
    checks += [check for device in devices for check in check_training(device, inputs)]
    machines = {device.type: Machine(device) for device in devices}
    if has_cuda:
        machines[ROUNDED_CUDA] = Machine(devices[1], torch.bfloat16)
    description = describe_machine(machines)
    print(*(f"{key}: {value}" for key, value in description.items()), *check_lines(checks), sep="\n", flush=True)
    tasks = {name: those for device in devices for name, those in tasks_of(device, inputs).items()}
    speeds = measure(tasks, machines, QUICK_ROUNDS if arguments.quick else ROUNDS)
    memory = memory_of(tasks, machines)
    print(*speed_lines(speeds), *(f"{name}: {mb:.0f} MB" for name, mb in memory.items()), sep="\n")
    if not has_cuda:
        print("No CUDA device was found: only the CPU half was run.")
    teams = scaling.gpu_teams(torch.cuda.device_count() if has_cuda else 0)
    several = scaling.compare(teams, QUICK_ROUNDS if arguments.quick else ROUNDS) if len(teams) > 1 else {}
    print(
        *(scaling.lines(several) if several else ["Fewer than 2 GPUs: steps of several processes were not run."]),
        sep="\n",
    )
    if arguments.json:
        figures = {
            "several": several,
            "machine": description,
            "memory_mb": memory,
            "checks": [asdict(check) for check in checks],
            "speeds": {device: {name: asdict(one) for name, one in those.items()} for device, those in speeds.items()},
        }
        arguments.json.write_text(json.dumps(figures, indent=1))
    return 0 if all(check.is_passed for check in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
