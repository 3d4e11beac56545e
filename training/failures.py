"""Classes of problems that end a job: their message for visitors, and if the weights may still be saved."""

import torch

from models import NotFinite
from session import SessionError
from training.distributed import OtherProcessFailed, ProcessLost
from training.steps import LossNotFinite, PartialUpdate

OUT_OF_MEMORY = (
    "Out of memory in a training step; the weights of the last complete step are kept. "
    "Use a smaller batch or a shorter history, or close other programs."
)
EVALUATION_OUT_OF_MEMORY = (
    "Out of memory while evaluating these frames; choose a shorter history, or close other programs."
)
# Failures of other processes, by the names of their exceptions.
MEMORY_KINDS = ("OutOfMemoryError", "MemoryError")
CORRUPTING_KINDS = ("LossNotFinite", "NotFinite")
# torch and its libraries report a CPU's memory as an ordinary RuntimeError.
MEMORY_MESSAGES = ("not enough memory", "can't allocate memory", "bad_alloc", "out of memory", "could not create a")


def describe_failure(problem: Exception) -> str:
    """The message of a job that a problem has ended, one sentence."""
    if is_out_of_memory(problem):
        return OUT_OF_MEMORY
    if is_expected(problem) or isinstance(problem, PartialUpdate):
        return str(problem)
    return (
        f"Training failed unexpectedly ({type(problem).__name__}); the weights of the last complete step are kept. See "
        "the server's log."
    )


def describe_evaluation_failure(problem: Exception) -> str:
    """The message of an evaluation that a problem has ended, one sentence."""
    if is_out_of_memory(problem):
        return EVALUATION_OUT_OF_MEMORY
    return f"The evaluation failed unexpectedly ({type(problem).__name__}). See the server's log."


def is_expected(problem: Exception) -> bool:
    """True if the message is sufficient and no traceback is logged."""
    expected = LossNotFinite | SessionError | OtherProcessFailed | ProcessLost
    return isinstance(problem, expected) or is_out_of_memory(problem)


def may_have_corrupted_weights(problem: Exception | None) -> bool:
    """True if the weights may be the cause or damaged: they must not replace a good file."""
    if isinstance(problem, OtherProcessFailed):
        return problem.kind in CORRUPTING_KINDS
    return isinstance(problem, LossNotFinite | PartialUpdate | NotFinite)


def is_out_of_memory(problem: Exception) -> bool:
    """True if the machine or the device had no memory left."""
    if isinstance(problem, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(problem, OtherProcessFailed) and problem.kind in MEMORY_KINDS:
        return True
    is_partial = isinstance(problem, PartialUpdate)
    return (
        isinstance(problem, RuntimeError) and not is_partial and any(text in str(problem) for text in MEMORY_MESSAGES)
    )
