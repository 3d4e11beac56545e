"""The tools by name, and a tool as a function for other programs: with a role in place of the backend."""

import functools
import inspect
import logging
from collections.abc import Callable

from models import NotFinite
from page.agents import comparing, predicting, viewing, working
from page.agents.results import ToolResult
from page.backend import PageBackend
from page.handlers import PageError
from page.messages import MAY_ONLY_LOOK, READ_ONLY
from session import SessionError
from training import REFUSALS, CheckpointError

Tool = Callable[..., ToolResult]

LOOKING: tuple[Tool, ...] = (
    *(viewing.list_sessions, viewing.describe_session, viewing.see_frame),
    *(predicting.reconstruct, predicting.predict, predicting.sweep_actions, predicting.verdict),
    comparing.compare_checkpoints,
    *(working.evaluate, working.worst_frames, working.follow_training),
)
TRAINING: tuple[Tool, ...] = (working.start_training, working.stop_training)
TOOLS = (*LOOKING, *TRAINING)
OF_PROGRAM = ("backend", "may_keep")  # arguments that no caller gives
USER_ERRORS = (PageError, SessionError, NotFinite, CheckpointError, *REFUSALS)
FAILED = "The tool failed unexpectedly. See the server's log."

# What sentences for visitors of the page tell them to do, and the same for an agent.
AGENT_WORDS = {
    "press Refresh and pick one from the list": "list_sessions gives the ids",
    "Wait, or press Cancel": "Wait",
    "Wait, or stop it first": "Wait, or use stop_training",
}

logger = logging.getLogger(__name__)


class ToolRefused(Exception):
    """A call that cannot be served; the message says what to do."""


def parameters_of(tool: Tool) -> list[inspect.Parameter]:
    """The arguments of a tool that a caller gives."""
    return [one for one in inspect.signature(tool).parameters.values() if one.name not in OF_PROGRAM]


def call(tool: Tool, backend: PageBackend, may_train: bool, arguments: dict[str, object]) -> ToolResult:
    """Use a tool for a caller who may train, or only look; raises ToolRefused."""
    if tool in TRAINING and not may_train:
        raise ToolRefused(READ_ONLY if backend.is_read_only else MAY_ONLY_LOOK)
    own = {"may_keep": may_train} if "may_keep" in inspect.signature(tool).parameters else {}
    try:
        return functools.partial(tool, backend, **own)(**arguments)
    except USER_ERRORS as problem:
        raise ToolRefused(_words(problem)) from problem
    except (RuntimeError, OSError, MemoryError, ArithmeticError) as problem:
        logger.exception("the tool %s failed", tool.__name__)
        raise ToolRefused(FAILED) from problem


def _words(problem: Exception) -> str:
    """A message for visitors in the words of a program."""
    text = str(problem)
    for on_page, for_agent in AGENT_WORDS.items():
        text = text.replace(on_page, for_agent)
    return text
