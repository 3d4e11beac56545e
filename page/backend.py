"""The backend as the functions behind the page use it: a visitor's manager, the check of who may train, and demos."""

import logging

import gradio as gr

from page import messages
from page.handlers import PageError, may_train
from page.visitor import Visitor
from session import record_demo, simulator_names
from training import Backend, TrainingManager

DEMO_FRAMES = 60

logger = logging.getLogger(__name__)


class PageBackend(Backend):
    """The shared state of the server. Everything here is common to all visitors."""

    def manager_for(self, visitor: Visitor) -> TrainingManager:
        """The training manager of the visitor's robot; raises PageError if no session is open."""
        if visitor.profile is None:
            raise PageError(messages.NOTHING_LOADED)
        return self.loaded_manager(visitor.profile)

    def require_trainer(self, request: gr.Request) -> None:
        """Raise PageError unless the request may change what other visitors see."""
        if not may_train(request):
            raise PageError(messages.READ_ONLY if self.is_read_only else messages.MAY_ONLY_LOOK)

    def record_all_demos(self) -> None:
        """Record a short session with each simulated robot; raises SessionError."""
        for robot in simulator_names():
            logger.info("recorded a demo: %s", record_demo(self.sessions_folder, robot, DEMO_FRAMES, seed=0))
