"""Sessions that were opened lately, shared by all visitors."""

import math
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from session.errors import SessionError
from session.listing import find_session
from session.loading import Fingerprint, fingerprint, load_session
from session.recording import RecordedSession


@dataclass
class _Slot:
    """A session and what its folder looked like when it was opened; the lock is held while it is opened."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: Fingerprint | None = None
    looked_at: float = -math.inf
    session: RecordedSession | None = None

    @property
    def events(self) -> int:
        session = self.session
        return session.total_events if session else 0


class SessionCache:
    """Keeps up to ``capacity`` opened sessions with up to ``max_events`` events in all, or a single one of any length,
    and opens one again only when its files have changed.

    Safe to use from many threads: a session asked for by several is opened once, and opening one does not hold up
    the others.
    """

    # Fewer than there are visitors, each in a recording of his own, and every frame shown would open one anew.
    CAPACITY = 64

    # A million events take some 70 MB.
    def __init__(
        self, sessions_folder: str | os.PathLike[str], capacity: int = CAPACITY, max_events: int = 1_000_000
    ) -> None:
        self._folder = Path(sessions_folder)
        self._capacity, self._max_events = capacity, max_events
        self._lock = threading.Lock()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    def get(self, session_id: str, max_age_s: float = 0.0) -> RecordedSession:
        """The opened session; raises SessionNotFound.

        Its files are looked at for changes unless that was done in the last ``max_age_s`` seconds: without that, a
        session that is being recorded would be opened anew for every frame of it that is shown.
        """
        known = self._known(session_id, max_age_s)
        if known is not None:
            return known
        folder = find_session(self._folder, session_id)
        slot = self._slot(session_id)
        with slot.lock:
            # Looked at before opening: what is recorded meanwhile makes the next look differ.
            seen = self._look(folder)
            if slot.session is None or slot.seen != seen:
                slot.session, slot.seen = load_session(folder), seen
                self._make_room()
            slot.looked_at = time.monotonic()
            return slot.session

    def _known(self, session_id: str, max_age_s: float) -> RecordedSession | None:
        with self._lock:
            slot = self._slots.get(session_id)
        is_fresh = slot is not None and time.monotonic() - slot.looked_at < max_age_s
        return slot.session if is_fresh else None

    def _slot(self, session_id: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(session_id, _Slot())
            self._slots.move_to_end(session_id)
            return slot

    def _make_room(self) -> None:
        with self._lock:
            events = sum(slot.events for slot in self._slots.values())
            while len(self._slots) > 1 and (len(self._slots) > self._capacity or events > self._max_events):
                _, dropped = self._slots.popitem(last=False)
                events -= dropped.events

    @staticmethod
    def _look(folder: Path) -> Fingerprint | None:
        try:
            return fingerprint(folder)
        except (OSError, SessionError):
            return None
