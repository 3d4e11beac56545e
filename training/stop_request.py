"""Ctrl-C and SIGTERM as a wish that a command looks at between two steps."""

import signal
from types import FrameType


class StopRequest:
    """Remembers that Ctrl-C was pressed, or that the process was asked to end.

    `is_impatient`: a second one interrupts at once, wherever the program is, as KeyboardInterrupt.
    """

    def __init__(self, is_impatient: bool = False) -> None:
        self.is_made = False
        self._is_impatient = is_impatient
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._make)

    def _make(self, number: int, frame: FrameType | None) -> None:
        if self.is_made and self._is_impatient:
            raise KeyboardInterrupt
        self.is_made = True
