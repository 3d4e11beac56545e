"""Networks for whole pictures that take a step in milliseconds, and what jobs in tests are watched with."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import torch

from models import (
    ActionPredictorConfig,
    AdaptiveWorldModelConfig,
    MaskedAutoencoderConfig,
    SharedWorldModel,
)
from tests.models import small
from training import (
    AutoencoderTrainer,
    FixedSteps,
    FrameSelection,
    PredictorTrainer,
    TrainingConfig,
    TrainingJob,
    TrainingManager,
    TrainState,
)
from training.evaluation.evaluate import FrameErrorsBuilder, evaluate_frames
from training.jobs.request import TrainingRequest, plain_run
from training.jobs.trainer import WorldModelTrainer

AUTOENCODER = MaskedAutoencoderConfig(patch_size=56, width=32, blocks=1, heads=2, decoder_width=16)
PREDICTOR = ActionPredictorConfig(
    width=32, layers=2, heads=2, action_hidden=16, action_width=8, max_tokens=256, film_after=(0,)
)
CONFIG = AdaptiveWorldModelConfig(1, AUTOENCODER, PREDICTOR)
FAST = TrainingConfig(autoencoder_lr=1e-3, predictor_lr=1e-3, warmup_steps=0)
RANGE = FrameSelection(9, 11, batch_size=2, history_length=3)  # few frames: each is evaluated before and after a job
ENDLESS = FixedSteps(1_000_000)
TRAINERS = {"autoencoder": AutoencoderTrainer, "predictor": PredictorTrainer}


def shared_model():
    return SharedWorldModel(CONFIG, torch.device("cpu"))


def trainer(network="autoencoder", config=FAST):
    model = shared_model().model
    return TRAINERS[network](model, TrainState(model, config))


def tensors_of(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def optimizer_state(optimizers):
    """Every tensor of both optimizers, by name."""
    found = {}
    for network in ("autoencoder", "predictor"):
        for index, state in optimizers.of(network).state().optimizer["state"].items():
            found |= {f"{network} {index} {key}": value.clone() for key, value in state.items()}
    return found


def are_equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def until(condition, timeout_s=20.0):
    """Poll until a condition holds."""
    end, never = time.monotonic() + timeout_s, threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.002)


class Watched(WorldModelTrainer):
    """A trainer that calls `before(step)`, counted from 1, before each step, and writes no files."""

    def __init__(self, shared, before=lambda step: None, save=None):
        super().__init__(shared, Path("nowhere"))
        self.before, self.count, self.saves = before, 0, []
        self.replaced_save = save

    def step(self, objective, batch, is_share_due=False):
        self.count += 1
        self.before(self.count)
        return super().step(objective, batch, is_share_due)

    def save(self, networks, losses=None):
        self.saves.append(self.count)
        return (self.replaced_save or (lambda: Saved()))()


class Saved:
    """A save without a file."""

    def describe(self):
        return "saved"


class Remembering:
    """A tracker that keeps everything."""

    def __init__(self):
        self.logged, self.pictures, self.ended, self.phases = [], [], [], []

    def begin_phase(self, phase, step, network_step):
        self.phases.append((phase.name, step, network_step))

    def log(self, step, numbers):
        self.logged.append((step, numbers))

    def picture(self, step, name, pixels):
        self.pictures.append((step, name, pixels))

    def finish(self, message):
        self.ended.append(message)


def make_job(
    recording, condition, network="autoencoder", selection=None, before=lambda step: None, config=FAST, save=None, **end
):
    """A job that is not started yet, with the trainer, tracker and saves it uses as attributes."""
    watched, tracker = Watched(shared_model(), before, save), Remembering()
    selection = selection or FrameSelection(5, 5)
    request = plain_run(TrainingRequest(network, recording, selection, condition, config, "Ada"), watched.shared.model)
    job = TrainingJob(watched, request.phases, request.first_snapshot(), tracker, **end)
    job.watched, job.tracker, job.saves = watched, tracker, watched.saves
    return job


def ended(job):
    """Start a job, wait, and return its last snapshot."""
    job.start()
    assert job.wait(30)
    return job.snapshot()


def request(recording, network="autoencoder", condition=FixedSteps(2), selection=RANGE, config=FAST, **changes):
    return replace(TrainingRequest(network, recording, selection, condition, config, "Ada"), **changes)


def train(manager, *arguments, **options):
    """Train to the end and return the last snapshot."""
    assert manager.train(request(*arguments, **options)).wait(30)
    return manager.snapshot()


def make_manager(folder, **options):
    return TrainingManager(shared_model(), folder, **options)


def small_model():
    """A model of few tensors, for saves and loads: each tensor takes its time in them."""
    autoencoder = replace(small.AUTOENCODER, blocks=1, patch_size=16, width=8, heads=2, decoder_width=8)
    predictor = replace(small.PREDICTOR, layers=1, film_after=(0,), width=8, heads=2, action_hidden=4, action_width=4)
    return SharedWorldModel(AdaptiveWorldModelConfig(2, autoencoder, predictor), torch.device("cpu"))


def small_manager(folder):
    """A manager of that model; it can be saved, loaded and restored in milliseconds, and be trained on nothing."""
    return TrainingManager(small_model(), folder)


def evaluate_all(model, recording, history_length, batch_size=None):
    """The errors of all frames of a recording."""
    builder = FrameErrorsBuilder(recording.frame_count)
    for batch in evaluate_frames(model, recording, history_length, batch_size=batch_size):
        builder.add(batch)
    return builder.build()
