"""Commands run by several processes at once, as torchrun starts them, with small networks.

Processes are forked from one that has imported everything: a process of its own takes seconds to import torch.
"""

import contextlib
import multiprocessing
import os
import socket
import sys
import traceback
from dataclasses import dataclass, replace
from pathlib import Path

import torch

import models
from tests.training import tiny
from tests.training.distributed import mishaps
from training import backend, evaluate, learn, train
from training.distributed import processes
from training.options import read_config

DEADLINE_S = 60
COMMANDS = {"train": train, "learn": learn, "evaluate": evaluate}
CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload([__name__])
LOST = -9  # the exit code of a killed process


@dataclass(frozen=True)
class Outcome:
    """What the processes of a command have left: exit codes, output, and the collectives that each has come to."""

    codes: list[int]
    texts: list[str]
    collectives: list[list[str]]


def run_together(folder, size, command, *arguments, mishap="", dropout=0.0, save_every=500):
    """Run a command by `size` processes, which must end within a minute; returns the outcome.

    `mishap` is one of `mishaps`, put in place in every process before the command. `dropout` is the predictor's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    values = command, [str(one) for one in arguments], mishap, dropout, save_every
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    members = [CONTEXT.Process(target=_member, args=(folder, rank, size, port, *values)) for rank in range(size)]
    for member in members:
        member.start()
    try:
        for member in members:
            member.join(DEADLINE_S)
        codes = [member.exitcode for member in members]
        texts = [(folder / f"{rank}.txt").read_text() for rank in range(size)]
        assert None not in codes, f"a process waits for the others: {codes}\n{texts}"
    finally:
        for member in members:
            member.kill()
            member.join(DEADLINE_S)
    collectives = [(folder / f"{rank}.collectives").read_text().split() for rank in range(size)]
    return Outcome(codes, texts, collectives)


def _member(folder, rank, size, port, command, arguments, mishap, dropout, save_every):
    """The life of one process."""
    torch.set_num_threads(1)
    environment = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1"}
    os.environ.update({name: str(value) for name, value in environment.items()}, MASTER_PORT=str(port))
    config = replace(tiny.CONFIG, predictor=replace(tiny.PREDICTOR, dropout=dropout))

    class Small(models.WorldModels):
        def get(self, key, action_channels):
            made = models.SharedWorldModel(replace(config, action_channels=action_channels), torch.device("cpu"))
            return self._models.setdefault(key, made)

    backend.WorldModels = Small
    train.read_config = lambda fields: replace(read_config(fields), save_every=save_every)
    with (
        (folder / f"{rank}.txt").open("w", buffering=1) as text,
        (folder / f"{rank}.collectives").open("w", buffering=1) as collectives,
        contextlib.redirect_stdout(text),
        contextlib.redirect_stderr(text),
    ):
        _note_collectives(collectives)
        if mishap:
            getattr(mishaps, mishap)(rank)
        try:
            code = COMMANDS[command].main(arguments)
        except Exception:
            traceback.print_exc()
            raise
    sys.exit(code)


def _note_collectives(file):
    """Write the name of every collective that this process comes to."""
    for name in ("all_gather", "all_reduce", "broadcast"):
        real = getattr(processes.dist, name)

        def noted(*values, real=real, name=name):
            file.write(f"{name}\n")
            return real(*values)

        setattr(processes.dist, name, noted)


def demo_folder(data, folder):
    """A data folder with the recording of another, and nothing saved yet."""
    folder.mkdir(parents=True)
    (folder / "sessions").symlink_to(data / "sessions")
    return folder


def robot_folder(data) -> Path:
    return data / "checkpoints" / "toroidal_dot"
