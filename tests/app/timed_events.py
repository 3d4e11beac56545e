"""Moments at which a button is pressed too early, too late or in vain: how each comes about, and what is then said."""

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import session_explorer_gradio as script
from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import running, write_checkpoints
from tests.app.hostile import Hostile

ROBOT, FRAMES, MANY = "toroidal_dot", 8, 100_000
STEPS = {f"{network}-{kind}": 1 for network in ("autoencoder", "predictor") for kind in ("steps", "max-steps")}
PATHS = {"autoencoder-path": f"{ROBOT}/autoencoder.pth", "predictor-path": f"{ROBOT}/predictor_0.pth"}
GONE, BUSY, NO_FRAMES = (
    "was deleted or moved. .* choose another",
    r"Training is running \(autoencoder on .* stop it first",
    "has no frames; ",
)
LOOKS = ("run_autoencoder", "run_predictor", "look_at_attention", "diagnose_actions", "make_clip")


@dataclass(frozen=True)
class World:
    """A running server over a folder of its own, and a visitor who has opened its recording, if any, at frame 4."""

    data: Path
    session_id: str
    explorer: script.Explorer
    address: str
    visitor: Hostile

    @property
    def recording(self) -> Path:
        return self.data / "sessions" / self.session_id


@dataclass(frozen=True)
class Moment:
    """`prepare` brings it about; `said`: for some events what must be told, a regular expression."""

    name: str
    prepare: Callable[[World], None]
    said: Mapping[str, str]
    is_read_only: bool = False
    has_checkpoints: bool = False
    is_empty: bool = False
    frames: int = FRAMES


@contextmanager
def world(folder: Path, moment: Moment) -> Iterator[World]:
    """A server just before a moment."""
    session_id = "" if moment.is_empty else record_demo(folder / "sessions", ROBOT, moment.frames, seed=1)
    if moment.has_checkpoints:
        write_checkpoints(folder / "checkpoints" / ROBOT, action_channels=1)
    usual = {"session-picker": session_id, "player": 4, "clip-last": 2, "diagnosed-frames": 1, **STEPS, **PATHS}
    with running(Settings(data=folder, read_only=moment.is_read_only)) as (explorer, demo):
        visitor = Hostile(demo.local_url, usual)
        if session_id:
            assert visitor.ask("load_session").is_done and visitor.ask("show_frame").is_done
        yield World(folder, session_id, explorer, demo.local_url, visitor)
        visitor.close()
        explorer.evaluator.close(timeout_s=60)
        explorer.close(timeout_s=60)


def in_place_of_a_folder(folder: Path) -> None:
    """Nothing can be written there, whoever runs the server."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.write_text("")


def await_that(condition: Callable[[], bool], timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def train(at: World, steps: int = MANY) -> None:
    assert at.visitor.ask("train_autoencoder_steps", autoencoder_steps=steps).is_done


def pause(at: World) -> None:
    """With each button pressed twice: a second press of the same is no other wish."""
    train(at)
    for command in ("pause_training", "pause_training", "resume_training", "resume_training", "pause_training"):
        assert at.visitor.ask(command).is_done
    assert [job.is_active for _, job in at.explorer.active_jobs()] == [True]


def stop(at: World) -> None:
    train(at)
    assert at.visitor.ask("stop_training").is_done
    await_that(lambda: not at.explorer.active_jobs())


def learn_where_nothing_can_be_written(at: World) -> None:
    in_place_of_a_folder(at.data / "checkpoints")
    in_place_of_a_folder(at.data / "evaluations")
    train(at, steps=1)
    await_that(lambda: not at.explorer.active_jobs())


def evaluate(at: World) -> None:
    assert at.visitor.ask("evaluate_recording").is_done


def empty_frames(at: World) -> None:
    for frame in (at.recording / "frames").iterdir():
        frame.write_bytes(b"")


def replace_by_another_robots(at: World) -> None:
    shutil.rmtree(at.recording)
    other = at.data / "sessions" / record_demo(at.data / "sessions", "jetbot_sim", FRAMES, seed=2)
    other.rename(at.recording)


def delete_checkpoints(at: World) -> None:
    for file in (at.data / "checkpoints" / ROBOT).glob("*.pth"):
        file.unlink()


def each(events: tuple[str, ...], words: str) -> dict[str, str]:
    return dict.fromkeys(events, words)


TRAINS = tuple(f"train_{network}_{goal}" for network in ("autoencoder", "predictor") for goal in ("threshold", "steps"))
COMMANDS = ("pause_training", "resume_training", "stop_training")
ADOPTIONS = ("adopt_recording", "release_recording")
MARKS = ("flag_frames", "remove_mark", "restore_mark")
CHANGES = (
    *(*TRAINS, *COMMANDS, *ADOPTIONS, *MARKS),
    *("load_models", "save_models", "name_run", "restore_checkpoint", "record_demos"),
)
IDLE = each(COMMANDS, "No training is in progress")
UNOPENED = "No session is open: choose one"
MOMENTS = (  # the first ones are tried in every run of the tests
    Moment("a job is paused", pause, each((*TRAINS, "load_models", "restore_checkpoint"), BUSY), has_checkpoints=True),
    Moment("the session was replaced by another robot's", replace_by_another_robots, {
        **each((*LOOKS, *TRAINS, "show_frame", "describe_session", "evaluate_recording"), "replaced .* Load Session"),
    }),
    Moment("an empty folder", lambda at: None, {
        **each((*LOOKS, *TRAINS, *COMMANDS, *ADOPTIONS, "load_models", "save_models", "show_frame"), UNOPENED),
        "checkpoint_history": UNOPENED,
        "load_session": "Choose a session",
    }, is_empty=True),
    Moment("nothing can be written", learn_where_nothing_can_be_written, {
        "save_models": "not saved", "load_models": "There is no checkpoint at",
    }),
    Moment("a read-only server", lambda at: None, each(CHANGES, "server is read-only"), is_read_only=True,
           has_checkpoints=True),
    Moment("nothing trained, nothing saved", lambda at: None, {
        "load_models": "There is no checkpoint at", "save_models": "nothing to save yet", **IDLE,
        "cancel_evaluation": "No evaluation is in progress", "restore_checkpoint": "There is no version without a name",
    }),
    Moment("a job runs", train, each((*TRAINS, "load_models", "restore_checkpoint"), BUSY), has_checkpoints=True),
    Moment("a job was stopped", stop, IDLE),
    Moment("an evaluation runs", evaluate, {"evaluate_recording": "evaluates .* press Cancel"}, frames=400),
    Moment("the session was deleted", lambda at: shutil.rmtree(at.recording), {
        **each((*LOOKS, *TRAINS, "show_frame", "describe_session", "evaluate_recording"), GONE),
        "load_session": "There is no session of that name; press Refresh",
    }),
    Moment("its frames were deleted", lambda at: shutil.rmtree(at.recording / "frames"), {
        **each((*LOOKS, *TRAINS, "show_frame", "evaluate_recording"), NO_FRAMES),
    }),
    Moment("its frames were emptied", empty_frames, {
        **each(("run_autoencoder", "run_predictor", "look_at_attention", "show_frame"), "cannot be read: .* choose"),
    }),
    Moment("its checkpoints were deleted", delete_checkpoints, {"load_models": "There is no checkpoint at"},
           has_checkpoints=True),
    Moment("no folder of sessions", lambda at: in_place_of_a_folder(at.data / "sessions"), {
        **each((*LOOKS, *TRAINS), GONE), "record_demos": "sessions folder cannot be written",
    }),
)  # fmt: skip
