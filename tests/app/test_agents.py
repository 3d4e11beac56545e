"""Agents ask by MCP, with a real client and without a browser."""

import asyncio
import io
import json
from base64 import b64decode
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from PIL import Image

from page.server.settings import Settings
from session import RecordedSession, load_session, record_demo
from tests.app.conftest import CHECK_SPOTS, serving, write_checkpoints
from training.evaluation.spot_check import SpotChecks

Use = Callable[..., Awaitable[tuple[dict, list[np.ndarray]]]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, RecordedSession]:
    data = tmp_path_factory.mktemp("agents")
    session_id = record_demo(data / "sessions", "jetbot_sim", 12, seed=1)
    write_checkpoints(data / "checkpoints" / "jetbot", action_channels=3)
    return data, session_id, load_session(data / "sessions" / session_id)


class Refused(Exception):
    pass


def ask(address: str, conversation: Callable[[Use], Awaitable[None]]) -> None:
    """Hold a conversation with the tools of a server, in a thread: Playwright's loop may run in this one."""

    async def talk() -> None:
        async with (
            streamable_http_client(f"{address}mcp") as (reading, writing, _),
            ClientSession(reading, writing) as client,
        ):
            await client.initialize()

            async def use(tool: str, **arguments: object) -> tuple[dict, list[np.ndarray]]:
                answer = await client.call_tool(tool, arguments)
                texts = [part.text for part in answer.content if part.type == "text"]
                if answer.isError:
                    raise Refused(texts[0])
                images = [part.data for part in answer.content if part.type == "image"]
                return json.loads(texts[0]), [pixels_of(one) for one in images]

            await conversation(use)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, talk()).result(120)


def pixels_of(data: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(b64decode(data))).convert("RGB"))


def test_which_frames_are_worst_and_which_action_would_have_been_better(world, monkeypatch):
    monkeypatch.setattr(SpotChecks, "begin", CHECK_SPOTS)
    data, session_id, recording = world

    async def conversation(use: Use) -> None:
        listed, _ = await use("list_sessions", text="jetbot")
        assert listed["found"] == 1 and listed["sessions"][0]["session"] == session_id
        about, _ = await use("describe_session", session=session_id)
        assert (about["frames"], about["robot"]) == (12, "JetBot") and len(about["actions_to_choose_from"]) == 2
        seen, (picture,) = await use("see_frame", session=session_id, frame=3)
        assert seen["frame"] == 3 and np.array_equal(picture, np.asarray(recording.picture(3)))
        progress, _ = await use("evaluate", session=session_id)
        while not progress["is_done"]:
            await asyncio.sleep(0.1)
            progress, _ = await use("evaluate", session=session_id)
        answer, _ = await use("worst_frames", session=session_id, count=3)
        errors = [one["mse"] for one in answer["worst"]]
        assert errors == sorted(errors, reverse=True) and answer["mean_mse"] == progress["prediction_mse"]
        frame = answer["worst"][0]["frame"]
        swept, pictures = await use("sweep_actions", session=session_id, frame=frame)
        (recorded,) = (one for one in swept["actions"] if one["is_recorded"])
        assert recorded["mse"] == pytest.approx(errors[0], rel=1e-3)
        assert recorded["name"] == answer["worst"][0]["action"]["name"] and len(pictures) == 3
        other = next(one for one in swept["actions"] if not one["is_recorded"])
        predicted, _ = await use("predict", session=session_id, frame=frame, action=other["values"])
        assert predicted["under_the_given_action"]["mse"] == pytest.approx(other["mse"], rel=1e-3)
        assert {"mse_of_the_mean_image", "mse_of_repeating_the_last_frame", "skill"} <= predicted.keys()
        _, (original, reconstruction) = await use("reconstruct", session=session_id, frame=frame)
        assert original.shape == reconstruction.shape == (224, 224, 3)
        judged, _ = await use("verdict", session=session_id)
        assert judged["predictor"]["verdict"] in ("untrained", "learns the mean")  # random weights

        for tool, arguments, told in (
            ("see_frame", dict(session="jetbot/none", frame=0), "list_sessions gives the ids"),
            ("see_frame", dict(session=session_id, frame=12), "from 0 to 11, not 12"),
            ("predict", dict(session=session_id, frame=5, action={"up": 1}), "a number for each channel"),
            ("worst_frames", dict(session=session_id, history_length=4), "call evaluate until it is done"),
            ("start_training", dict(session=session_id, network="both"), "Train one of"),
        ):
            with pytest.raises(Refused, match=told):
                await use(tool, **arguments)

    with serving(Settings(data=data, mcp=True)) as address:
        ask(address, conversation)


def test_an_agent_trains_and_stops_if_its_key_may(world):
    data, session_id, _ = world

    async def trains(use: Use) -> None:
        begun, _ = await use("start_training", session=session_id, network="autoencoder", steps=1_000_000)
        assert begun["status"] == "running" and begun["of"] == 1_000_000
        progress = begun
        while progress["step"] < 1:  # weights that have not learned are not saved
            await asyncio.sleep(0.1)
            progress, _ = await use("follow_training", session=session_id)
        await use("stop_training", session=session_id)
        while progress["status"] == "running":
            await asyncio.sleep(0.1)
            progress, _ = await use("follow_training", session=session_id)
        assert progress["status"] == "stopped"
        compared, pictures = await use("compare_checkpoints", session=session_id, frame=3, steps=2)
        errors, dream = compared["prediction"], compared["dream"]
        assert len(pictures) == 3 and [one["name"] for one in compared["versions"]] and len(dream["actions"]) == 2
        assert errors["mse_of_repeating_the_last_frame"] > 0 and dream["mse_of_repeating_the_start_frame"] > 0
        assert errors["mse_of_first"] != errors["mse_of_second"] and not compared["are_the_same_weights"]
        with pytest.raises(Refused, match="Checkpoints A: There is no version yesterday"):
            await use("compare_checkpoints", session=session_id, frame=3, first="yesterday")

    async def looks(use: Use) -> None:
        for tool in ("start_training", "stop_training"):
            with pytest.raises(Refused, match="read-only"):
                await use(tool, session=session_id)

    with serving(Settings(data=data, mcp=True)) as address:
        ask(address, trains)
        client = Client(address, verbose=False)  # the same tools, by the page's own API
        answer = client.predict(session_id, 2, api_name="/tool_see_frame")
        assert answer["frame"] == 2 and answer["pictures"]["Frame 2"].startswith("data:image/png;base64,")
    with serving(Settings(data=data, mcp=True, read_only=True)) as address:
        ask(address, looks)
