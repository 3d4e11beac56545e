"""Speed of evaluating a recording: `python -m benchmarks.evaluating [--frames 400] [--json PATH]`.

Networks of standard size, history 3, a simulated recording. The reference, in the same run and on the same batches: a
bare loop over tensors that are ready in memory (encode once, decode, predict from those latents, decode, MSE). Both are
measured in turns, slice by slice, because other programs change the speed of the machine.
"""

import argparse
import statistics
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.page_speed import report
from models import AdaptiveWorldModel, SharedWorldModel, choose_device
from models.adaptive_world_model import AdaptiveWorldModelConfig
from session import RecordedSession, load_session, record_demo
from session.batch import frame_tensor, scaled_actions
from session.command_line import path_option
from training.evaluation.evaluate import BATCH_ON_CPU, BATCH_ON_CUDA, evaluate_frames

HISTORY = 3
SLICES = 5


def errors_of(pictures: Tensor, actual: Tensor) -> Tensor:
    return (pictures - actual).square().mean(dim=(1, 2, 3)).cpu()


@torch.inference_mode()
def bare_loop(
    model: AdaptiveWorldModel, before: Tensor, batches: list[Tensor], actions: Tensor
) -> tuple[float, list[Tensor]]:
    """Seconds for a slice, and its prediction errors. `before`: latents (T, P, D) of the frames before it, `batches`:
    its pictures (B, 3, H, W), `actions` (N + T - 1, A): those that led to all of these frames except the first."""
    errors, first = [], 0
    began = time.perf_counter()
    for images in batches:
        b = len(images)
        latents = model.encode(images)
        errors_of(model.decode(latents), images)
        frames = torch.cat([before, latents])
        context = torch.stack([frames[i : i + HISTORY] for i in range(b)])
        histories = torch.stack([actions[first + i : first + i + HISTORY] for i in range(b)])
        errors.append(errors_of(model.predict(context, histories, images).picture, images))
        before, first = frames[-HISTORY:], first + b
    return time.perf_counter() - began, errors


def measure_slice(
    model: AdaptiveWorldModel, recording: RecordedSession, first: int, last: int, size: int
) -> tuple[float, float]:
    """Seconds of the evaluation and of the bare loop for frames `first` up to `last`."""
    device = next(model.parameters()).device
    evaluation = evaluate_frames(model, recording, HISTORY, first, size)
    began = time.perf_counter()
    results = list(islice(evaluation, (last - first) // size))
    evaluated_s = time.perf_counter() - began
    evaluation.close()

    with torch.inference_mode():
        pictures = torch.cat([frame_tensor(recording, i) for i in range(first - HISTORY, last)]).to(device)
        before = model.encode(pictures[:HISTORY])
    actions = scaled_actions(recording, recording.action_into[first - HISTORY + 1 : last]).to(device)
    bare_s, errors = bare_loop(model, before, list(pictures[HISTORY:].split(size)), actions)
    evaluated = torch.cat([torch.from_numpy(batch.prediction) for batch in results])
    assert torch.allclose(evaluated, torch.cat(errors), rtol=1e-4), "the errors differ"
    return evaluated_s, bare_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--json", type=path_option)
    arguments = parser.parse_args()
    device = choose_device("auto")
    size = BATCH_ON_CUDA if device.type == "cuda" else BATCH_ON_CPU
    span = max(size, arguments.frames // SLICES // size * size)  # whole batches
    with tempfile.TemporaryDirectory() as temporary:
        sessions = Path(temporary)
        # The frames before the first slice are its history.
        recording = load_session(sessions / record_demo(sessions, "jetbot_sim", span * SLICES + HISTORY, seed=1))
        model = SharedWorldModel(AdaptiveWorldModelConfig(len(recording.profile.channels)), device).model
        measure_slice(model, recording, HISTORY, HISTORY + size, size)  # warms up
        durations = [
            measure_slice(model, recording, HISTORY + span * i, HISTORY + span * (i + 1), size) for i in range(SLICES)
        ]
    frames = span * SLICES
    evaluated_s, bare_s = (sum(seconds) for seconds in zip(*durations, strict=True))
    results = {
        "evaluating a recording": {"frames_per_s": frames / evaluated_s, "frames": frames, "batch": size},
        "reference: bare loop": {"frames_per_s": frames / bare_s},
        "evaluating, share of the bare loop's speed": {
            "ratio": bare_s / evaluated_s,
            "median_of_slices": statistics.median(bare / evaluated for evaluated, bare in durations),
        },
    }
    report(results, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
