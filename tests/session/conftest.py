import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from session import RecordedSession, load_session
from tests.session.session_files import events_of, write_session


@pytest.fixture
def open_letters(tmp_path: Path) -> Callable[[str], RecordedSession]:
    """A function that opens a new session written from letters, see events_of()."""
    numbers = itertools.count()

    def open_it(letters: str) -> RecordedSession:
        return load_session(write_session(tmp_path / str(next(numbers)) / "jetbot" / "session_1", events_of(letters)))

    return open_it
