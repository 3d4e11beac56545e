"""Values that no field of the page would send, in every field of every event, through the raw HTTP API."""

import io
import json
import math
import random
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from pathlib import Path

import pytest
import torch

import session_explorer_gradio as script
import training
from models import SharedWorldModel
from page.server.settings import Settings
from session import record_demo
from tests.app.bad_values import BODIES, ROADS, VALUES
from tests.app.conftest import running
from tests.app.hostile import CHECKOUT, Answer, Event, Hostile
from tests.promises import count

PROMISE = "bad numbers, bad moments"
TAKEN = (  # with the valid values
    *("run_autoencoder", "run_predictor", "look_at_attention", "diagnose_actions", "make_clip", "describe_session"),
    *("refresh_sessions", "show_frame", "imagine", "roll_out", "train_predictor_steps"),
)
CHANGING = re.compile(
    r"train_|load_models|save_models|name_run|restore_|adopt_|release_|start_|record_demos|pause_|resume_|stop_|flag_"
    r"|remove_"
)

Sent = tuple[Event, list[str]]  # an event and a value for each of its fields


@contextmanager
def recorded_requests() -> Iterator[list[training.TrainingRequest]]:
    """All requests for training meanwhile; they are trained all the same."""
    requests, train = [], training.TrainingManager.train

    def record(manager: training.TrainingManager, request: training.TrainingRequest) -> object:
        requests.append(request)
        return train(manager, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training.TrainingManager, "train", record)
        yield requests


def is_sensible(request: training.TrainingRequest) -> bool:
    """Judged by rules of the test's own, not by those that let the request through."""
    config, goal, selection = dict(vars(request.config)), vars(request.condition), request.selection
    assert config.pop("clip_norm") is None and config.pop("precision") == "float32"  # no field of the page sets them
    numbers = (*config.values(), *goal.values(), selection.batch_size, selection.held_out)
    if not all(type(number) in (int, float) and math.isfinite(number) for number in numbers):
        return False
    return all(
        (
            type(goal["max_steps"]) is int and 1 <= goal["max_steps"] <= 1_000_000,
            0 < config["autoencoder_lr"] <= 1 and 0 < config["predictor_lr"] <= 1,
            0 <= config["mask_ratio_low"] <= config["mask_ratio_high"] < 1,
            1 <= selection.batch_size <= 64 and 0 <= selection.held_out < 1,
            0 <= selection.first <= selection.last < request.recording.frame_count,
        )
    )


def with_values(event: Event, bad: dict[int, str]) -> Sent:
    """The event with bad values at some places and valid ones at the others."""
    return event, [bad.get(place, json.dumps(value)) for place, value in enumerate(event.values)]


def one_at_a_time(events: Sequence[Event], chance: random.Random) -> Iterator[Sent]:
    """In full every value in every field; else one drawn for each. What stands for the visitor is the server's own."""
    for event in events:
        for place, name in enumerate(event.fields):
            for value in chance.sample(VALUES, count(1, len(VALUES))) if name != "visitor" else ():
                yield with_values(event, {place: value})


def together(events: Sequence[Event], chance: random.Random, tries: int) -> Iterator[Sent]:
    """Several fields at once; now and then too few of them, or too many."""
    several = [event for event in events if len(event.fields) > 2]
    for _ in range(tries):
        event = chance.choice(several)
        places = chance.sample(range(len(event.fields)), chance.randint(2, len(event.fields)))
        _, values = with_values(event, {place: chance.choice(VALUES) for place in places})
        yield event, chance.choice((values, values, values[:-1], values[:1], [*values, *values]))


def complaints(answer: Answer, sent: Sent, data: Path) -> list[str]:
    event, values = sent
    found = [f"{event.name} {values}: tells of {trace}" for trace in answer.leaks(data)]
    # Too few values are refused by Gradio itself, in no words at all.
    if answer.is_done or answer.status != 200 or len(values) < len(event.fields):
        return found
    return found if answer.is_plain() else [*found, f"{event.name} {values}: refused with {answer.refusal}"]


def own_tracebacks(log: str) -> list[str]:
    """Those in which code of ours was at work, other than what every request and every value passes."""
    ours = re.compile(
        rf'File "{re.escape(str(CHECKOUT))}/(?!page/server/(access_middleware|blocks))(session_explorer|[a-z]+/)'
    )
    return [block for block in log.split("Traceback (most recent call last)")[1:] if ours.search(block)]


@pytest.fixture
def valid(tmp_path: Path) -> dict[str, object]:
    """Values that are taken, and soon done with."""
    session_id = record_demo(tmp_path / "sessions", "toroidal_dot", 6, seed=1)
    steps = {f"{network}-{kind}": 1 for network in ("autoencoder", "predictor") for kind in ("steps", "max-steps")}
    paths = {"autoencoder-path": "", "predictor-path": ""}
    return {
        "session-picker": session_id,
        "clip-last": 2,
        "diagnosed-frames": 1,
        "player": 4,
        "rollout-steps": 1,
        **steps,
        **paths,
    }


@pytest.mark.promise(PROMISE)
def test_no_value_in_any_field_of_any_event_does_harm(tmp_path, valid, figure):
    log = io.StringIO()
    with (
        redirect_stderr(log),
        recorded_requests() as orders,
        running(Settings(data=tmp_path)) as (explorer, demo),
    ):
        newcomer, hostile = Hostile(demo.local_url, valid), Hostile(demo.local_url, valid)
        shared = open_and_try(explorer, hostile)
        sent, found = send_all(newcomer, hostile, lambda: dict(shared.digests()), tmp_path)
        check_quiet(explorer, hostile)
        newcomer.close()
        assert all(torch.isfinite(weight).all() for weight in shared.model.parameters())
    assert len(orders) > 1 and [order for order in orders if not is_sensible(order)] == []
    told = "answered with a trace, a path or words that are not ours"
    figure(f"{sent} events with bad values: {len(found)} {told}; {len(orders)} orders to train, all within the limits")
    assert not found, "\n".join(map(str, found))
    assert own_tracebacks(log.getvalue()) == []


def open_and_try(explorer: script.Explorer, hostile: Hostile) -> SharedWorldModel:
    """Open the recording; the valid values are valid, or all that follows would be refused for them."""
    assert hostile.ask("load_session").is_done
    assert [name for name in TAKEN if not hostile.ask(name).is_done] == []
    session_id = hostile.event("load_session").values[1]
    manager = explorer.loaded_manager(explorer.sessions.get(session_id).profile)
    assert manager.wait(60)
    return manager.shared


def send_all(
    newcomer: Hostile, hostile: Hostile, digests: Callable[[], dict[str, str]], data: Path
) -> tuple[int, list[str]]:
    """First what only looks, which must leave the weights as they are; the newcomer has opened nothing."""
    chance, number, found = random.Random(5), 0, []
    looking = [event for event in hostile.events if not CHANGING.match(event.name)]
    changing = [event for event in hostile.events if CHANGING.match(event.name)]
    before = digests()
    for events in (looking, changing):
        tries = [(hostile, sent) for sent in one_at_a_time(events, chance)]
        tries += [(hostile, sent) for sent in together(events, chance, count(8, 1000))]
        tries += [(newcomer, sent) for sent in together(events, chance, count(8, 500))]
        for client, sent in tries:
            road = chance.choice((client.join, client.join, client.run, client.call))
            found += complaints(road(*sent), sent, data)
            number += 1
        assert events is changing or digests() == before
    return number, found


def check_quiet(explorer: script.Explorer, hostile: Hostile) -> None:
    """The server lives; nothing is left that runs."""
    assert hostile.ask("load_session").is_done and hostile.ask("run_autoencoder").is_done
    explorer.evaluator.close(timeout_s=60)
    explorer.close(timeout_s=60)
    assert explorer.active_jobs() == []
    now = explorer.evaluator.snapshot()
    assert now is None or not now.is_active
    hostile.close()


@pytest.mark.promise(PROMISE)
def test_no_body_at_any_road_is_answered_with_a_trace(tmp_path, valid, figure):
    pairs = [(road, body) for road in ROADS for body in BODIES]
    tried = random.Random(6).sample(pairs, count(100, len(pairs)))
    log, found = io.StringIO(), []
    with redirect_stderr(log), running(Settings(data=tmp_path)) as (_, demo):
        hostile = Hostile(demo.local_url, valid)
        for road, body in tried:
            answer = hostile.knock(road, body)
            found += [(road, body, trace) for trace in answer.leaks(tmp_path)]
        assert hostile.ask("load_session").is_done
        hostile.close()
    figure(f"{len(tried)} malformed requests: {len(found)} answered with a trace or a path")
    assert not found, "\n".join(map(str, found))
    assert own_tracebacks(log.getvalue()) == []
