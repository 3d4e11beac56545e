"""Commands to a run from other threads: pause, resume, stop. They take effect before its next step."""

import threading
import time
from collections.abc import Callable
from typing import Literal

from training.distributed import Group

EndStatus = Literal["stopped", "interrupted"]


class Control:
    """The commands to one run, which it reads between its steps. The processes of a `group` end together."""

    def __init__(self, group: Group = Group()) -> None:
        self._group = group
        group.wish(None)
        self._changed = threading.Condition()
        self._is_paused = False
        self._end_status: EndStatus | None = None

    @property
    def end_status(self) -> EndStatus | None:
        """The status that the run must end with, or None if it goes on. The first command to end counts, in whichever
        process; all of them see it after the same agreement."""
        return self._group.agreed(self._end_status)

    def pause(self) -> None:
        """Hold before the next step."""
        self._set(is_paused=True)

    def resume(self) -> None:
        """Go on after a pause."""
        self._set(is_paused=False)

    def stop(self) -> None:
        """End before the next step, by a visitor's command."""
        self._set(end_status="stopped")

    def interrupt(self) -> None:
        """End before the next step, because the program ends."""
        self._set(end_status="interrupted")

    def wait_while_paused(self, on_pause: Callable[[], None]) -> float:
        """Return the seconds of a pause, at once if there is none. `on_pause` is called when one begins."""
        began = time.monotonic()
        with self._changed:
            if not self._is_paused or self._end_status:
                return 0.0
            on_pause()
            self._changed.wait_for(lambda: self._end_status or not self._is_paused)
        return time.monotonic() - began

    def _set(self, is_paused: bool | None = None, end_status: EndStatus | None = None) -> None:
        with self._changed:
            self._is_paused = self._is_paused if is_paused is None else is_paused
            self._end_status = self._end_status or end_status
            self._group.wish(self._end_status)
            self._changed.notify_all()
