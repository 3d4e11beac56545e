"""One test over many small cases: cheaper than an item of the test run for each, and as exact in its failures."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest


def every_case(names: str | Sequence[str], cases: Iterable) -> Callable[[Callable], Callable]:
    """Decorate a test to run it with each case in turn. A failure names every case that fails.

    `names` and `cases` are those of `pytest.mark.parametrize`. Fixtures are shared by all cases, but each case has a
    `tmp_path` of its own. An unexpected exception ends the test; a note in it names the case.
    """
    names = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    values = [case if len(names) > 1 else (case,) for case in cases]
    assert values, "no cases"

    def decorate(test: Callable) -> Callable:
        def run(**fixtures: Any) -> None:
            failures = []
            for number, case in enumerate(values):
                own = fixtures | dict(zip(names, case, strict=True))
                if "tmp_path" in own:
                    own["tmp_path"] = folder_of_case(own["tmp_path"], number)
                try:
                    test(**own)
                except (AssertionError, pytest.fail.Exception) as problem:
                    failures.append(f"{describe(names, case)}: {problem}")
                except BaseException as problem:
                    problem.add_note(f"case {describe(names, case)}")
                    raise
            if failures:
                pytest.fail(f"{len(failures)} of {len(values)} cases failed\n" + "\n".join(failures))

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        run.__signature__ = without(inspect.signature(test), names)
        run.pytestmark = list(getattr(test, "pytestmark", []))
        return run

    return decorate


def folder_of_case(folder: Path, number: int) -> Path:
    folder = folder / str(number)
    folder.mkdir()
    return folder


def describe(names: Sequence[str], case: Sequence) -> str:
    return ", ".join(f"{name}={repr(value)[:80]}" for name, value in zip(names, case, strict=True))


def without(signature: inspect.Signature, names: Sequence[str]) -> inspect.Signature:
    missing = set(names) - signature.parameters.keys()
    assert not missing, f"the test has no argument {', '.join(missing)}"
    return signature.replace(parameters=[one for name, one in signature.parameters.items() if name not in names])
