"""The entry point of `make bench`, with benchmarks that only write a figure."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import benchmarks
import session
from benchmarks.__main__ import NAMES
from tests.training.tiny import until

STAND_IN = """
import json, sys
name = __name__ if __name__ != "__main__" else __spec__.name
open(sys.argv[sys.argv.index("--json") + 1], "w").write(json.dumps({"ran": name}))
sys.exit(3 if name.endswith("imagining") else 0)
"""

HANGING = """
import signal, subprocess, sys
from benchmarks.children import end_with_parent
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], preexec_fn=end_with_parent)
open({pid!r}, "w").write(str(child.pid))
signal.pause()
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with the entry point and its table, and a stand-in for every benchmark."""
    shutil.copytree(Path(benchmarks.__file__).parent, tmp_path / "benchmarks")
    for name in NAMES:
        (tmp_path / "benchmarks" / f"{name}.py").write_text(STAND_IN)
    (tmp_path / "session").symlink_to(Path(session.__file__).parent)
    return tmp_path


def run(folder, *arguments):
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_without_names_every_benchmark_runs(folder):
    process = run(folder)
    figures = json.loads((folder / "benchmarks.json").read_text())
    assert figures == {name: {"ran": f"benchmarks.{name}"} for name in NAMES}, process.stderr
    assert process.returncode == 3  # the highest one


def test_named_benchmarks_run_alone(folder):
    process = run(folder, "networks", "page_speed", "--json", "figures.json")
    assert process.returncode == 0, process.stderr
    assert list(json.loads((folder / "figures.json").read_text())) == ["networks", "page_speed"]


def test_one_that_does_not_end_is_ended_with_its_server_and_the_others_run(folder):
    main, pid = folder / "benchmarks" / "__main__.py", folder / "pid"
    main.write_text(main.read_text().replace("LIMIT_S = 600", "LIMIT_S = 2"))
    (folder / "benchmarks" / "networks.py").write_text(HANGING.format(pid=str(pid)))
    process = run(folder, "networks", "evaluating")
    assert process.returncode == 1 and "networks has not ended" in process.stdout, process.stderr
    assert json.loads((folder / "benchmarks.json").read_text())["evaluating"] == {"ran": "benchmarks.evaluating"}
    until(lambda: not Path(f"/proc/{pid.read_text()}/exe").exists())  # a process that nobody waits for has none


def test_an_unknown_name_is_refused_with_a_list_of_names(folder):
    process = run(folder, "nothing")
    assert process.returncode == 2 and "many_visitors" in process.stderr
