"""How often the promises of docs/reliability.md are tried: a few times in `make test`, in full in `make stress`.

A test of a promise carries `@pytest.mark.promise("…")` and reports what it found with the fixture `figure`.
"""

import os

IS_FULL = os.environ.get("STRESS") == "1"


def count(small: int, full: int) -> int:
    """The number of tries: `small` in every run of the tests, `full` where the promises are measured."""
    return full if IS_FULL else small
