"""Reading logs of runs: cut short, long, strange, hostile."""

import json
import os
from dataclasses import asdict, replace

import pytest

from tests.cases import every_case
from tests.training.jobs.test_previous_run import BEGUN, INFO, NAME, newest, put_lines, put_run
from tests.training.tiny import make_manager, train
from training.jobs.run_reader import MAX_WHOLE, log_path, read_curves, read_run

HEAD = {"run": asdict(INFO), "config": {"a": 1}}


def head_with(**changes):
    return {"run": asdict(INFO) | changes, "config": {}}


def test_a_run_reads_back_as_it_was_written(tmp_path):
    put_lines(
        tmp_path,
        [
            HEAD,
            BEGUN | {"threshold": 0.5},
            {"step": 0, "evaluated/loss": 0.5},
            {"step": 3, "grad_norm": 1.0, "seconds": 2.5},
            {"saving": 3},
            {"saved": 3},
            {"step": 4, "grad_norm": 1.0, "seconds": 3.5, "saved": 3},
        ],
    )
    run = newest(tmp_path)
    assert (run.info, run.config, run.network, run.phase) == (INFO, {"a": 1}, "predictor", "")
    assert (run.offset, run.threshold, run.step, run.seconds) == (40, 0.5, 4, 3.5)
    assert (run.saved_step, run.saving_step, run.status, run.has_ended) == (3, 3, None, False)


def test_a_run_is_in_the_phase_that_began_last_and_has_its_curves_alone(tmp_path):
    first = [{"step": step, "training/loss": 1.0, "grad_norm": 1.0} for step in range(1, 5)]
    second = [{"step": step, "training/total": 0.5, "grad_norm": 1.0} for step in range(5, 8)]
    begun = {"phase": "predict", "network": "predictor", "offset": -4, "step": 4, "threshold": None}
    put_lines(tmp_path, [HEAD, BEGUN | {"phase": "reconstruct", "network": "autoencoder"}, *first, begun, *second])
    run = newest(tmp_path)
    assert (run.phase, run.network, run.offset, run.step) == ("predict", "predictor", -4, 7)
    curves = read_curves(tmp_path, NAME).curves
    assert list(curves) == ["training total"] and len(curves["training total"].points()) == 3


HOSTILE = [
    b"",
    b"{",
    b"null",
    b"[]",
    b"\xff\xfe\x00",
    b"[" * 100_000,
    b'"' + b"x" * 20_000 + b'"',
    *(
        json.dumps(head).encode()
        for head in (
            {"config": {}},
            {"run": asdict(INFO)},
            {"run": [], "config": {}},
            {"run": asdict(INFO), "config": "all"},
            head_with(max_steps=0),
            head_with(max_steps=10**9),
            head_with(max_steps=1.5),
            head_with(max_steps=True),
            head_with(label=None),
            head_with(subject=5),
            head_with(began="yesterday"),
            head_with(began=5),
            head_with(started_by=["Ada"]),
        )
    ),
]


@every_case("content", HOSTILE)
def test_what_is_no_log_of_a_run_is_ignored(manager, content):
    put_lines(manager.directory, [content])
    assert newest(manager.directory) is None
    assert manager.last_run() is None and manager.run_file is None


def test_values_that_we_cannot_have_written_change_nothing(tmp_path):
    strange = [
        *({"step": step, "grad_norm": 1.0} for step in (-1, 1.5, True, "7", 10**30)),
        *({"seconds": seconds} for seconds in (float("inf"), None, "long", -1.0)),
        *({"saved": step} for step in (-3, 0.5, True)),
        {"saving": None},
    ]
    put_run(tmp_path)
    plain = newest(tmp_path)
    for line in strange:
        put_run(tmp_path, line)
        assert newest(tmp_path) == plain, line
    for change in ({"phase": 5}, {"network": "brain"}, {"network": ["predictor"]}, {"offset": None}):
        put_run(tmp_path, BEGUN | change)
        assert (newest(tmp_path).network, newest(tmp_path).offset) == ("autoencoder", 0)
    put_run(tmp_path, {"step": 900, "grad_norm": 1.0})
    assert newest(tmp_path).step == INFO.max_steps
    put_run(tmp_path, {"ended": "x", "status": "alive"})
    assert newest(tmp_path).has_ended


def test_long_and_strange_texts_are_cut(tmp_path):
    put_run(tmp_path, info=replace(INFO, subject="x" * 500 + "\x1b[31m", started_by="a\nb"))
    info = newest(tmp_path).info
    assert len(info.subject) <= 80 and info.started_by == "a?b"


@pytest.mark.parametrize("kind", ["pipe", "link", "folder", "device", "linked folder"])
def test_what_is_no_file_is_ignored_at_once_and_the_next_run_has_its_log(manager, recording, tmp_path, kind):
    outside = put_run(tmp_path / "outside")
    before, path = outside.read_bytes(), manager.directory / "runs" / NAME
    path.parent.parent.mkdir(parents=True)
    if kind == "linked folder":
        path.parent.symlink_to(outside.parent)
    else:
        path.parent.mkdir()
        make = {
            "pipe": lambda: os.mkfifo(path),
            "link": lambda: path.symlink_to(outside),
            "folder": path.mkdir,
            "device": lambda: path.symlink_to("/dev/zero"),
        }
        make[kind]()
    assert manager.last_run() is None and manager.run_file is None and log_path(manager.directory, NAME) is None
    assert read_curves(manager.directory, NAME).curves == {}
    assert train(manager, recording).status == "finished"
    assert outside.read_bytes() == before


@every_case(
    "name",
    ["", ".", "..", "../x.jsonl", "/etc/passwd", "a/b.jsonl", ".jsonl", "x.json", "x\0.jsonl", "é.jsonl", "zzz.jsonl"],
)
def test_a_name_that_is_none_of_ours_names_no_log(tmp_path, name):
    put_run(tmp_path)
    assert log_path(tmp_path, name) is None
    assert read_run(tmp_path, name) is None and read_curves(tmp_path, name).curves == {}


def test_lines_that_are_no_numbers_are_skipped(tmp_path):
    lines = [
        {"config": {"step": 4}},
        b"\n",
        b"\xff\xfe\n",
        b"[" * 10_000 + b"\n",
        b"[1, 2]\n",
        {"step": 0, "evaluated/loss": 0.9, "evaluated/explained_variance": 0.1},
        {
            "step": 1,
            "training/total": 0.5,
            "training/image": None,
            "training/latent": float("nan"),
            "lr/predictor": 1e-4,
        },
        {"step": "2", "training/total": 0.4},
        {"step": 2.0, "training/total": 0.4},
        {"step": 10**30, "training/total": 0.4},
        {"step": True, "training/total": 0.4},
        {"step": 2, "training/total": True, "training/<script>": 1.0, "evaluated/loss": "low"},
        {"step": 3, "training/total": float("inf"), "gradient_share/action": 0.25},
        {"step": 1, "training/total": 0.1},
        b'{"step": 4, "training/tot',
    ]
    put_lines(tmp_path, lines)
    curves = read_curves(tmp_path, NAME)
    assert {name: curve.points() for name, curve in curves.curves.items()} == {
        "evaluated": ((0, 0.9),),
        "training total": ((1, 0.5),),
    }
    assert (curves.first_loss, curves.loss, curves.evaluated_at) == (0.9, 0.9, 0)
    assert curves.shares.points() == ((3, 0.25),)


def test_a_long_log_is_read_in_samples_with_its_begin_and_its_end(tmp_path):
    info = replace(INFO, max_steps=60_000)
    lines = [{"step": step, "training/total": 1.0, "padding": "x" * 200} for step in range(60_000)]
    for step in range(0, 60_000, 10):
        lines[step]["evaluated/loss"] = step / 1e5
    lines[-1]["saved"] = 59_500
    path = put_run(tmp_path, info=info, steps=lines)
    assert path.stat().st_size > 2 * MAX_WHOLE
    run, curves = newest(tmp_path), read_curves(tmp_path, NAME)
    assert (run.step, run.saved_step, run.info.max_steps) == (59_999, 59_500, 60_000)
    assert curves.evaluated_at >= 59_980 and curves.first_loss <= 10 / 1e5
    points = curves.curves["evaluated"].points()
    assert len(points) > 200 and all(value == pytest.approx(step / 1e5) for step, value in points)
    assert make_manager(tmp_path).last_run().step == 59_999
