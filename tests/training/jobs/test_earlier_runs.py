"""Runs that have ended, and the names that visitors give to runs."""

import json
import os

import pytest

from page.versions import version_list
from tests.app.harmful_names import HARMFUL
from tests.cases import every_case
from tests.training.jobs.test_previous_run import NAME, put_lines, put_run
from tests.training.tiny import make_manager, request, train, until
from training import FixedSteps, RunNotNamed, RunTitle, typed_title
from training.jobs.earlier_runs import MAX_NAME, MAX_NOTE, NO_TITLE, RunTitles
from training.jobs.lock import FolderLock

NAMED = RunTitle("dot, lr 1e-3", "the small batch")
ENDED = {"ended": "Done.", "status": "finished"}


def test_a_run_has_its_name_wherever_it_is_listed_and_its_log_stays_as_it_was(manager, recording):
    job = train(manager, recording, condition=FixedSteps(3))
    log, before = manager.run_file, manager.run_file.read_bytes()
    manager.name_run(NAMED)
    assert manager.last_run().title == NAMED and job.title == NO_TITLE and log.read_bytes() == before
    ((label, name),) = manager.earlier_runs()
    assert label.startswith("dot, lr 1e-3 · ") and label.endswith(", autoencoder, 3 steps") and name == log.name
    assert list(manager.earlier_losses([name])) == [label]
    assert make_manager(manager.directory).title_of(name) == NAMED  # another program, or after a restart
    train(manager, recording, condition=FixedSteps(1))
    assert manager.last_run().title == NO_TITLE
    manager.name_run(RunTitle("first"), name)  # an earlier one
    assert {label.partition(" · ")[0] for label, _ in manager.earlier_runs()} >= {"first"}
    assert manager.last_run().title == NO_TITLE
    assert [choice.split(" · ")[1] for choice, _ in version_list(manager).choices] == ["first"]
    manager.name_run(RunTitle(), name)
    assert not log.with_suffix(".json").exists() and "first" not in str(manager.earlier_runs())


def test_a_run_in_progress_is_named_here_and_in_another_program(manager, recording):
    job = manager.train(request(recording, condition=FixedSteps(1_000_000)))
    until(lambda: job.snapshot().step >= 1)
    manager.name_run(RunTitle("mine"))
    manager.stop()
    assert job.wait(20) and manager.last_run().title.name == "mine"
    path = put_run(manager.directory, name="29991123_140211_predictor.jsonl")
    other, before = FolderLock(manager.directory), path.read_bytes()
    assert other.take("Ada: predictor on frame 12 of demo") is None
    until(lambda: manager.last_run().status == "elsewhere")
    manager.name_run(NAMED)
    assert manager.last_run().title == NAMED and path.read_bytes() == before
    other.release()


def test_the_run_of_a_live_loop_is_an_earlier_run_with_the_loss_of_its_predictions(tmp_path):
    steps = [{"step": step, "prediction/loss": 0.1, "reconstruction/loss": 0.2} for step in range(3)]
    head = {"run": vars_of_run(), "config": {"live": {}}}
    name = NAME.replace("predictor", "live")
    put_lines(tmp_path, [head, *steps, ENDED], name)
    manager = make_manager(tmp_path)
    ((label, listed),) = manager.earlier_runs()
    assert listed == name and label.endswith(", live loop, 2 steps")
    assert manager.earlier_losses([name]) == {label: ((0, 0.1), (1, 0.1), (2, 0.1))}


def vars_of_run():
    text = dict.fromkeys(("label", "subject", "started_by"), "the live loop")
    return {**text, "began": "2025-11-23T14:02:11", "max_steps": 9}


def test_typed_titles_are_short_printable_lines():
    for text in (*HARMFUL, "a\nb\0c\x1b[31m\u202e", "x" * 5000, "\ud800", "\u2067שלום"):
        title = typed_title(text, text)
        assert title.name.isprintable() and title.note.isprintable()
        assert len(title.name) <= MAX_NAME and len(title.note) <= MAX_NOTE
    assert typed_title(" a \n b ", None) == RunTitle("a b", "")
    assert typed_title("größer als lr 1e-3 · 猫", "") == RunTitle("größer als lr 1e-3 · 猫")


@every_case(
    "log", ["", "x", "../" + NAME, NAME.replace("predictor", "brain"), NAME + "/..", NAME, "a\0b", "/etc/passwd"]
)
def test_what_is_no_run_gets_no_name(tmp_path, log):
    manager = make_manager(tmp_path)
    with pytest.raises(RunNotNamed, match=r"There is no (such )?run"):
        manager.name_run(NAMED, log)
    assert manager.title_of(log) == NO_TITLE and not list(tmp_path.rglob("*.json"))


def put_title(folder, kind):
    """Something in place of the file with the title of a run."""
    path = (folder / "runs" / NAME).with_suffix(".json")
    outside = folder / "outside.json"
    outside.write_text(json.dumps({"name": "outside"}))
    make = {"link": lambda: path.symlink_to(outside), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}
    make.get(kind, lambda: path.write_text(kind))()


STRANGE = [
    *("", "{", "null", "[]", '{"name": 5}', '{"name": null, "note": ["a"]}', "[" * 100_000, "[" * 2_000),
    *('{"name": "' + "x" * 20_000 + '"}', "link", "pipe", "folder"),
]


@every_case("kind", STRANGE)
def test_a_strange_file_in_place_of_a_title_is_none(tmp_path, kind):
    put_run(tmp_path, ENDED)
    put_title(tmp_path, kind)
    assert RunTitles(tmp_path).of(NAME) == NO_TITLE
    ((label, _),) = make_manager(tmp_path).earlier_runs()
    assert label == "23 Nov 14:02:11, predictor, 7 steps"


def test_a_name_that_cannot_be_saved_is_reported(tmp_path):
    put_run(tmp_path, ENDED)
    put_title(tmp_path, "folder")
    with pytest.raises(RunNotNamed, match="The name was not saved"):
        RunTitles(tmp_path).set(NAME, NAMED)
    titles = RunTitles(tmp_path)
    (tmp_path / "runs" / NAME).with_suffix(".json").rmdir()
    titles.set(NAME, RunTitle("<b>", "\u202e"))
    assert titles.of(NAME) == RunTitle("<b>", "?")  # read as carefully as typed
