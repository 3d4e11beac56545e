"""Recently opened sessions, shared by all visitors."""

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

# Looking at the files of a very long session takes a while: it may take a twentieth of the time, at most.
CHEAP_S, RESTS_PER_CHECK, MAX_REST_S = 0.03, 20, 5.0


@dataclass
class _Slot:
    """A session and the fingerprint that its folder had when it was opened; the lock is held while it is opened.

    For ``rest_s`` seconds after a check there is no other one: see RESTS_PER_CHECK.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    fingerprint: Fingerprint | None = None
    checked_at: float = -math.inf
    rest_s: float = 0.0
    session: RecordedSession | None = None

    @property
    def events(self) -> int:
        session = self.session
        return session.total_events if session else 0


class SessionCache:
    """Up to ``capacity`` opened sessions with up to ``max_events`` events in all, or a single one of any length. One is
    opened again only if its files have changed.

    Safe to use from many threads: a session that several request is opened once, and opening one does not delay
    the others.
    """

    # With fewer than there are visitors, each in a recording of his own, every frame shown would open one anew.
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

        Its files are checked for changes unless that was done in the last ``max_age_s`` seconds: without that, a
        session that is being recorded would be opened anew for every frame of it that is shown.
        """
        session = self._fresh_session(session_id, max_age_s)
        if session is not None:
            return session
        folder = find_session(self._folder, session_id)
        slot = self._slot(session_id)
        with slot.lock:
            # Before opening: events recorded meanwhile change the next fingerprint.
            began = time.thread_time()  # by the clock, every check takes long on a busy machine
            current = self._fingerprint(folder)
            cost_s = time.thread_time() - began
            slot.rest_s = min(MAX_REST_S, RESTS_PER_CHECK * cost_s) if cost_s > CHEAP_S else 0.0
            if slot.session is None or slot.fingerprint != current:
                slot.session, slot.fingerprint = load_session(folder), current
                self._evict()
            slot.checked_at = time.monotonic()
            return slot.session

    def _fresh_session(self, session_id: str, max_age_s: float) -> RecordedSession | None:
        with self._lock:
            slot = self._slots.get(session_id)
        is_fresh = slot is not None and time.monotonic() - slot.checked_at < max(max_age_s, slot.rest_s)
        return slot.session if is_fresh else None

    def _slot(self, session_id: str) -> _Slot:
        with self._lock:
            slot = self._slots.setdefault(session_id, _Slot())
            self._slots.move_to_end(session_id)
            return slot

    def _evict(self) -> None:
        with self._lock:
            events = sum(slot.events for slot in self._slots.values())
            while len(self._slots) > 1 and (len(self._slots) > self._capacity or events > self._max_events):
                _, dropped = self._slots.popitem(last=False)
                events -= dropped.events

    @staticmethod
    def _fingerprint(folder: Path) -> Fingerprint | None:
        try:
            return fingerprint(folder)
        except (OSError, SessionError):
            return None
