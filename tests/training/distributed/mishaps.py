"""What goes wrong in one process of several, by name; each is a function of the rank."""

import errno
import math
import os
import signal

import torch

from session import FrameUnreadable, RecordedSession
from tests.training.tiny import until
from training import cli, dataset, train
from training.checkpoints import writer
from training.evaluation import divided, evaluator
from training.evaluation import evaluate as evaluation
from training.jobs import looks, manager
from training.jobs.trainer import WorldModelTrainer

AT = 4  # steps before it


def at_step(act, is_after=False):
    """Call `act` with the trainer before, or after, the step with index AT of this process."""
    real, taken = WorldModelTrainer.step, []

    def step(trainer, *values, **options):
        taken.append(1)
        if len(taken) == AT + 1 and not is_after:
            act(trainer)
        metrics = real(trainer, *values, **options)
        if len(taken) == AT + 1 and is_after:
            act(trainer)
        return metrics

    WorldModelTrainer.step = step


def fail(problem):
    def act(trainer):
        raise problem

    return act


def killed(rank):
    if rank == 1:
        at_step(lambda trainer: os.kill(os.getpid(), signal.SIGKILL))


def first_killed(rank):
    if rank == 0:
        at_step(lambda trainer: os.kill(os.getpid(), signal.SIGKILL))


def terminated(rank):
    cli.POLL_S = 0.002  # small networks take many steps in a tenth of a second
    if rank == 1:
        at_step(lambda trainer: os.kill(os.getpid(), signal.SIGTERM))


def interrupted(rank):
    cli.POLL_S = 0.002
    if rank == 0:
        at_step(lambda trainer: os.kill(os.getpid(), signal.SIGINT))


def not_finite(rank):
    """A picture with a number that is none, in one process alone."""
    real, draws = dataset.FrameDataset.draw, []

    def draw(frames, *values):
        batch = real(frames, *values)
        draws.append(1)
        if len(draws) == AT + 1:
            batch.target[0, 0, 3, 3] = math.nan
        return batch

    if rank == 1:
        dataset.FrameDataset.draw = draw


def out_of_memory(rank):
    if rank == 1:
        at_step(fail(torch.OutOfMemoryError("no memory left")))


def unreadable(rank):
    real, draws = dataset.FrameDataset.draw, []

    def draw(frames, *values):
        draws.append(1)
        if len(draws) == AT + 1:
            raise FrameUnreadable("Frame 3 cannot be read.")
        return real(frames, *values)

    if rank == 1:
        dataset.FrameDataset.draw = draw


def failed_after_a_step(rank):
    if rank == 1:
        at_step(fail(KeyError("surprise")), is_after=True)


def failed_first_after_a_step(rank):
    if rank == 0:
        at_step(fail(KeyError("surprise")), is_after=True)


def failed_evaluation(rank):
    real, evaluated = WorldModelTrainer.evaluate, []

    def evaluate(trainer, *values):
        evaluated.append(1)
        if len(evaluated) == 2:
            raise RuntimeError("surprise")
        return real(trainer, *values)

    if rank == 1:
        WorldModelTrainer.evaluate = evaluate


def failed_look(rank):
    """After the last step, in the process that alone keeps pictures."""

    def add(folder, step, phase, frames):
        if step:
            raise ValueError("no picture")

    if rank == 0:
        looks.LookFolder.add = add


def disk_full(rank):
    """Every save fails."""

    def write(*values):
        raise OSError(errno.ENOSPC, "No space left on device")

    writer._write_temporary = write


def not_prepared(rank):
    """The first process cannot open the log of the run."""

    def start(*values):
        raise ValueError("no tracker")

    if rank == 0:
        manager.start_trackers = start


def not_there(rank):
    """A host that lacks the recording."""
    if rank == 1:
        os.environ["HOME"] = "/nowhere"
        dataset.FrameDataset._usable_targets = lambda frames: fail(FrameUnreadable("It is not on this host."))(None)


def short_blocks(rank):
    """Blocks of two frames."""
    evaluation.BATCH_ON_CPU, divided.BLOCK_BATCHES = 2, 1


def cancelled(rank):
    """One process is to end after the first round."""
    short_blocks(rank)
    real = evaluator.evaluate_divided

    def rounds(*values):
        for number, errors in enumerate(real(*values)):
            yield errors
            if rank == 1 and number == 0:
                os.kill(os.getpid(), signal.SIGTERM)
                until(values[-1])

    evaluator.evaluate_divided = rounds


def failed_block(rank):
    """One process fails in its second block."""
    short_blocks(rank)
    real, computed = divided.evaluate_frames, []

    def frames(*values, **options):
        computed.append(1)
        if rank == 1 and len(computed) == 2:
            raise RuntimeError("surprise")
        return real(*values, **options)

    divided.evaluate_frames = frames


def other_version(rank):
    if rank == 1:
        RecordedSession.version = "another"


def other_options(rank):
    """A host where the command was typed otherwise."""
    real = train._parser

    def parser():
        made = real()
        made.set_defaults(history_length=4)
        return made

    if rank == 1:
        train._parser = parser
