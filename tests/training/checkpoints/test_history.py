"""The history of checkpoints: what is kept of a run, for how long, and how it comes back."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from session import code_version
from tests.cases import every_case
from tests.promises import count
from tests.training.checkpoints.test_disk import Disk, Killed, generation_of
from tests.training.tiny import ENDLESS, FAST, are_equal, make_manager, request, small_manager, tensors_of, train
from training import CheckpointDamaged, CheckpointNotFound, CheckpointNotSaved, FixedSteps, JobRunning
from training.checkpoints.history import MAX_VERSIONS
from training.checkpoints.manifest import STATE_FILE, MeasuredLoss, file_digest, read_state, saved_origin
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.versions import HISTORY_FOLDER, VERSION_FILE
from training.checkpoints.writer import FILES

AUTOENCODER, PREDICTOR = FILES.values()


@pytest.fixture
def manager(tmp_path):
    return small_manager(tmp_path / "robot")


def save_run(manager, *losses, networks=tuple(FILES), purpose="a run"):
    """A run of one save, or one for each held-out loss of the predictor, each of other weights."""
    manager.trainer.begin_run(purpose)
    for loss in losses or (None,):
        for network in networks:
            for parameter in manager.shared.model.network(network).parameters():
                parameter.grad = torch.ones_like(parameter)
            manager.trainer.state.of(network).step()
        known = {} if loss is None else {"predictor": MeasuredLoss(loss, True, "predict")}
        saved = manager.trainer.save(networks, known)
    return saved


def ship(manager):
    """Put files there that no save has written; returns their digests."""
    source = small_manager(manager.directory.parent / "elsewhere")
    save_run(source)
    manager.directory.mkdir()
    for name in FILES.values():
        shutil.copy(source.directory / name, manager.directory / name)
    manager.load_defaults()
    return digests_in(manager.directory)


def digests_in(folder):
    return {network: file_digest(folder / name) for network, name in FILES.items() if (folder / name).exists()}


def kept_digests(manager):
    """The digests of the files of each version, as they are on disk."""
    return [
        {network: file_digest(one.path(manager.directory, network)) for network in one.files}
        for one in manager.versions()
    ]


def test_a_run_of_many_saves_keeps_one_version_with_steps_loss_and_what_made_it(tmp_path, recording):
    manager = make_manager(tmp_path / "robot")
    train(manager, recording, "predictor")
    assert manager.versions() == []
    before = digests_in(manager.directory)
    now = train(manager, recording, condition=FixedSteps(4), config=replace(FAST, save_every=1))
    assert now.saved == "autoencoder.pth (step 6)"
    (version,) = manager.versions()
    assert kept_digests(manager) == [version.digests] == [before]
    assert {network: one.origin.step for network, one in version.files.items()} == dict.fromkeys(FILES, 2)
    subject = f"frames 9 to 11 of {recording.name}"
    assert version.newest.origin.made_by == f"training the predictor on {subject}"
    assert version.reason == f"before training the autoencoder on {subject}"[:79] + "…" * (len(subject) > 46)
    assert version.measured.loss.value == pytest.approx(now.curves["evaluated"][0][1], rel=10) and not version.is_best
    assert version.size == sum(one.size for one in version.files.values()) and not version.is_permanent


def test_a_checkpoint_keeps_its_run_recordings_and_code_wherever_it_goes(tmp_path, recording):
    manager = make_manager(tmp_path / "robot")
    assert manager.origins() == {}
    first = train(manager, recording, "predictor")
    made = manager.origins()["predictor"]
    assert (
        made.recordings == (f"toroidal_dot/{recording.name}",)
        and made.recording_count == 1
        and made.code == code_version()
    )
    assert made.log == first.log and made.made_by.startswith("training the predictor on frames 9 to 11 of ")
    train(manager, recording, "predictor")
    assert manager.origins()["predictor"].run != made.run
    later = make_manager(tmp_path / "robot")
    for path in (
        tmp_path / "robot" / "predictor_0_backup.pth",
        manager.versions()[0].path(manager.directory, "predictor"),
    ):
        later.load("predictor", path)
        assert later.origins() == {"predictor": made}
    later.save()
    saved = later.origins()["predictor"]
    assert saved == replace(made, digest=file_digest(tmp_path / "robot" / PREDICTOR))
    assert saved_origin(tmp_path / "robot" / PREDICTOR, saved.digest) == saved


def test_files_of_earlier_versions_have_origins_without_recordings_and_code(manager):
    save_run(manager)
    state = read_state(manager.directory)
    for origin in state["files"].values():
        for name in ("recordings", "recording_count", "code"):
            del origin[name]
    (manager.directory / STATE_FILE).write_text(json.dumps(state))
    later = small_manager(manager.directory)
    later.load_defaults()
    origin = later.origins()["predictor"]
    assert (origin.made_by, origin.recordings, origin.recording_count, origin.code) == ("a run", (), 0, "")
    state["files"][PREDICTOR]["recordings"] = "all"
    (manager.directory / STATE_FILE).write_text(json.dumps(state))
    later.load("predictor", manager.directory / PREDICTOR)
    assert later.origins()["predictor"].made_by == ""


def test_weights_whose_save_failed_keep_their_run_in_a_later_save(tmp_path, recording, monkeypatch):
    manager = make_manager(tmp_path / "robot")

    def fail(*arguments):
        raise CheckpointNotSaved("The disk is full.")

    with monkeypatch.context() as full:
        full.setattr("training.jobs.trainer.write_contents", fail)
        train(manager, recording, "autoencoder")
    assert manager.trainer.has_unsaved_steps and manager.origins() == {}
    manager.save()
    origin = manager.origins()["autoencoder"]
    assert origin.made_by.startswith("training the autoencoder on ")
    assert origin.recordings == (f"toroidal_dot/{recording.name}",)


def test_shipped_files_are_never_removed_and_of_others_the_newest_are_kept(manager):
    shipped = ship(manager)
    runs = []
    for _ in range(MAX_VERSIONS + 3):
        save_run(manager)
        runs.append(digests_in(manager.directory))
    kept = kept_digests(manager)
    assert kept == [*runs[-2 : -2 - MAX_VERSIONS : -1], shipped]
    assert [one.is_permanent for one in manager.versions()] == [False] * MAX_VERSIONS + [True]
    assert shipped not in [digests_in(manager.directory), *runs]
    assert not list(manager.directory.glob("*/*.unfinished"))


def test_saving_the_same_again_keeps_no_version(manager):
    save_run(manager)
    for _ in range(2):
        manager.trainer.begin_run("Save Models")
        manager.trainer.save(tuple(FILES))
    assert manager.versions() == []


def test_a_version_comes_back_with_its_steps_and_what_was_there_becomes_one(tmp_path, recording):
    manager = make_manager(tmp_path / "robot")
    states, tensors = [], []
    for _ in range(2):
        train(manager, recording, "predictor")
        states.append((digests_in(manager.directory), read_state(manager.directory)["random_state"]))
        tensors.append(tensors_of(manager.shared.model))
    (first,) = manager.versions()
    loaded = manager.restore(first.name)
    assert {network: info.step for network, info in loaded.items()} == dict.fromkeys(FILES, 2)
    assert are_equal(tensors_of(manager.shared.model), tensors[0])
    assert (digests_in(manager.directory), read_state(manager.directory)["random_state"]) == states[0]
    assert manager.shared.weights["predictor"].describe() == "robot/predictor_0.pth, step 2"
    newest, oldest = manager.versions()
    assert [newest.digests, oldest.digests] == [states[1][0], states[0][0]] == kept_digests(manager)
    assert oldest.is_in_use(manager.directory) and not newest.is_in_use(manager.directory)
    assert newest.reason.startswith("before restoring the version of 20")

    train(manager, recording, "predictor")  # the count of steps goes on from the version, and so do the numbers
    assert read_checkpoint(manager.directory / PREDICTOR).step == 4
    assert are_equal(tensors_of(manager.shared.model), tensors[1])
    assert [one.digests for one in manager.versions()] == [
        states[0][0],
        states[1][0],
    ]  # what was replaced last is first


def test_of_a_run_the_best_by_held_out_loss_is_kept_as_well(manager):
    save_run(manager)
    save_run(manager, 0.5, 0.3, 0.4, 0.35, 0.2, 0.6, 0.25, 0.3, purpose="the recipe")
    best, before = manager.versions()
    assert best.is_best and best.measured.loss.value == 0.2 and best.reason == "the best so far of the recipe"
    assert not before.is_best and before.reason == "before the recipe"
    for number in range(MAX_VERSIONS + 1):
        save_run(manager, purpose=str(number))
    assert sum(one.is_best for one in manager.versions()) == 1 and len(manager.versions()) == MAX_VERSIONS + 1
    save_run(manager, 0.9, 0.95)  # the newest best takes its place
    assert [one.measured.loss.value for one in manager.versions() if one.is_best] == [0.9]


def test_writing_into_a_checkpoint_in_place_leaves_its_versions(manager):
    save_run(manager)
    save_run(manager, networks=["autoencoder"])  # the version holds the predictor as well
    manager.restore(manager.versions()[0].name)
    before = [one.digests for one in manager.versions()]
    for name in FILES.values():
        (manager.directory / name).write_bytes(b"another program's")
    assert kept_digests(manager) == before


def no_version(manager):
    return "20990101_000000"


def outside(manager):
    return f"../{HISTORY_FOLDER}/{manager.versions()[0].name}"


def damaged(manager):
    (version,) = manager.versions()
    path = version.path(manager.directory, "predictor")
    path.write_bytes(path.read_bytes()[:-9])
    return version.name


def exchanged(manager):
    (version,) = manager.versions()
    shutil.copy(manager.directory / PREDICTOR, version.path(manager.directory, "predictor"))
    return version.name


def linked(manager):
    (version,) = manager.versions()
    for network in FILES:
        version.path(manager.directory, network).unlink()
        version.path(manager.directory, network).symlink_to(manager.directory / FILES[network])
    return version.name


def undescribed(manager):
    (version,) = manager.versions()
    path = manager.directory / HISTORY_FOLDER / version.name / VERSION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | {"files": {"predictor": [1]}}))
    return version.name


def unsaved(manager):
    manager.trainer._unsaved.add("predictor")
    return manager.versions()[0].name


@every_case(
    "choose, error, words",
    [
        (no_version, CheckpointNotFound, "There is no version 20990101_000000 in the checkpoint history; choose one"),
        (lambda manager: "", CheckpointNotFound, "Choose a version in the list"),
        (outside, CheckpointNotFound, "There is no version ../history/20"),
        (damaged, CheckpointDamaged, "predictor_0.pth is damaged or not a checkpoint"),
        (exchanged, CheckpointDamaged, "The predictor of this version is not the file that was kept"),
        (linked, CheckpointNotFound, "There is no version 20"),
        (undescribed, CheckpointNotFound, "There is no version 20"),
        (unsaved, CheckpointNotSaved, "The weights in use are not saved; press Save Models"),
    ],
)
def test_what_cannot_be_restored_is_refused_and_changes_nothing(tmp_path, choose, error, words):
    manager = small_manager(tmp_path / "robot")
    save_run(manager)
    save_run(manager)
    name = choose(manager)
    before, weights = generation_of(manager.directory), tensors_of(manager.shared.model)
    with pytest.raises(error, match=words):
        manager.restore(name)
    assert generation_of(manager.directory) == before and are_equal(tensors_of(manager.shared.model), weights)


def test_nothing_is_restored_while_a_job_of_the_robot_runs(tmp_path, recording):
    manager = make_manager(tmp_path / "robot")
    for _ in range(2):
        train(manager, recording)
    (version,) = manager.versions()
    job = manager.train(request(recording, condition=ENDLESS))
    with pytest.raises(JobRunning, match=r"\(autoencoder on frames 9 to 11 .*started by Ada"):
        manager.restore(version.name)
    with pytest.raises(JobRunning, match="Another program is training these networks"):
        make_manager(manager.directory).restore(version.name)
    job.stop()
    assert job.wait(30)


def a_file_is_there(manager, monkeypatch):
    (manager.directory / HISTORY_FOLDER).write_text("mine")


def no_folder_can_be_made(manager, monkeypatch):
    def refuse(path, **options):
        if not path.exists():
            raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)


@every_case("spoil, words", [(a_file_is_there, "Not a directory"), (no_folder_can_be_made, "Permission denied")])
def test_a_history_that_fails_is_told_and_prevents_no_save(tmp_path, spoil, words):
    manager = small_manager(tmp_path / "robot")
    shipped = ship(manager)
    with pytest.MonkeyPatch.context() as patch:
        spoil(manager, patch)
        saved = save_run(manager).describe()
        note = f"what was there before could not be added to the checkpoint history ({words})"
        assert saved == f"autoencoder.pth (step 2), predictor_0.pth (step 2); {note}"
        once = digests_in(manager.directory)
        assert set(once.values()).isdisjoint(shipped.values())
        save_run(manager)
    files = {file_digest(path) for path in manager.directory.glob("*.pth")}
    assert {*shipped.values(), *once.values()} <= files  # under names with the date, and as backups
    assert set(shipped.values()) <= {
        file_digest(manager.directory / one.name) for one in manager.versions() if one.name.endswith(".pth")
    }


def refuse_links(*_):
    raise OSError(errno.EPERM, "Operation not permitted")


def test_on_a_disk_without_links_versions_are_copies_and_listed_once(manager, monkeypatch):
    monkeypatch.setattr(os, "link", refuse_links)
    shipped = ship(manager)
    save_run(manager)
    assert kept_digests(manager) == [shipped]  # the backups are copies of the same files
    manager.restore(manager.versions()[0].name)
    assert digests_in(manager.directory) == shipped and len(manager.versions()) == 2


def test_files_that_older_programs_have_kept_are_listed_and_restored(manager):
    save_run(manager)
    folder, names = manager.directory, ("autoencoder_20251014_090000", "autoencoder_original", "predictor_0_backup")
    (folder / "autoencoder_mine.pth").write_bytes(b"not ours")
    olds = {}
    other = small_manager(folder.parent / "other")
    for name in names:
        save_run(other)
        save_run(other)
        kind = "predictor" if name.startswith("predictor") else "autoencoder"
        olds[f"{name}.pth"] = (kind, shutil.copy(other.directory / FILES[kind], folder / f"{name}.pth"))
    assert [one.name for one in manager.versions()] == list(olds)
    for name, (kind, path) in olds.items():
        digest = file_digest(path)
        assert set(manager.restore(name)) == {kind} and digests_in(folder)[kind] == digest
    assert manager.shared.weights["predictor"].describe() == "robot/predictor_0.pth, step 6"


def test_a_backup_of_an_older_program_is_kept_before_it_is_replaced(manager):
    for _ in range(2):
        save_run(manager)
    shutil.rmtree(manager.directory / HISTORY_FOLDER)
    (manager.directory / STATE_FILE).unlink()
    backups = {network: file_digest(manager.directory / f"{name[:-4]}_backup.pth") for network, name in FILES.items()}
    states = []
    for network in FILES:
        states.append(digests_in(manager.directory))
        save_run(manager, networks=[network])
    kept = kept_digests(manager)
    assert sorted(map(str, kept)) == sorted(map(str, [*states, *({one: backups[one]} for one in FILES)]))


@pytest.mark.promise("a kill never costs a checkpoint")
def test_a_kill_at_every_step_of_restoring_leaves_one_generation_and_every_version(tmp_path, monkeypatch, figure):
    made = small_manager(tmp_path / "made")
    for _ in range(2):
        save_run(made)
    (version,) = made.versions()
    ends = [digests_in(made.directory), version.digests]

    def restore(folder, disk):
        manager = small_manager(shutil.copytree(made.directory, folder))
        with monkeypatch.context() as patch:
            disk.put_under(patch)
            manager.restore(version.name)

    restore(tmp_path / "counted", counted := Disk())
    where = [(kind, number) for kind, times in counted.calls.items() for number in range(1, times + 1)]
    tried = dict.fromkeys([*where[:: count(9, 1)], *counted.calls.items()])  # among them the last of each kind
    left, bad = [0, 0], []
    for number, (kind, nth) in enumerate(tried):
        folder = tmp_path / str(number)
        with pytest.raises(Killed):
            restore(folder, Disk(kind, nth, Killed(), "everything"))
        manager = small_manager(folder)  # the next start
        state = digests_in(folder)
        litter = [*folder.glob("*.unfinished"), *folder.glob("*/*.unfinished")]
        is_whole = version.digests in kept_digests(manager) and all(
            one.digests == kept for one, kept in zip(manager.versions(), kept_digests(manager), strict=True)
        )
        is_lost = ends[0] not in [state, *kept_digests(manager)]
        if state in ends and is_whole and not litter and not is_lost:
            left[ends.index(state)] += 1
        else:
            bad.append((kind, nth, state, is_whole, litter, is_lost))
        shutil.rmtree(folder)
    figure(
        f"killed before {len(tried)} of {len(where)} calls of restoring a version: {left[0]} left the checkpoints from "
        f"before, {left[1]} the version, {len(bad)} anything else, a version less, or litter after the next start"
    )
    assert bad == [] and all(left)
