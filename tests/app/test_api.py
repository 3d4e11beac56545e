"""Every named endpoint of the page, called through gradio_client."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from page.agents.tools import TOOLS
from page.server.settings import Settings
from tests.app.conftest import api_client, serving
from tests.cases import every_case

LOOKING = {"/refresh_sessions", "/load_session", "/show_frame", "/run_autoencoder", "/run_predictor"}
TRAINING = {
    "/train_autoencoder_threshold", "/train_autoencoder_steps", "/train_predictor_threshold", "/train_predictor_steps",
    "/train_world_model", "/pause_training", "/resume_training", "/stop_training", "/training_status",
    "/name_run",
}  # fmt: skip
INSIDE = {
    "/look_at_attention", "/look_at_weights", "/diagnose_actions", "/measure_skill", "/describe_session",
    "/evaluate_recording", "/cancel_evaluation", "/evaluation_status", "/make_clip",
}  # fmt: skip
NAMES = LOOKING | TRAINING | INSIDE | {"/imagine", "/roll_out", "/measure_truth", "/load_models", "/save_models"}
NAMES |= {"/checkpoint_history", "/restore_checkpoint", "/compare_checkpoints", "/show_dream"}
NAMES |= {"/list_marks", "/flag_frames", "/remove_mark", "/restore_mark", "/adopt_recording", "/release_recording"}
NAMES |= {f"/tool_{tool.__name__}" for tool in TOOLS}  # those of agents


def mse_in(html: str) -> float:
    return float(re.search(r"MSE <b>([\d.e-]+)</b>", html).group(1))


def test_every_promised_name_is_there_and_nothing_private_is_listed(client: Client):
    assert set(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == NAMES


def test_refresh_lists_recordings_of_both_robots(client: Client, session_ids):
    robots, sessions = client.predict(api_name="/refresh_sessions")
    assert [title for title, _ in robots["choices"]] == ["All robots", "JetBot", "Toroidal Dot"]
    assert {session_id for _, session_id in sessions["choices"]} == set(session_ids.values())
    _, jetbots = client.predict("JetBot", api_name="/refresh_sessions")
    assert [session_id for _, session_id in jetbots["choices"]] == [session_ids["jetbot"]]


def test_a_session_opens_and_its_frames_are_described(client: Client, session_ids):
    outputs = client.predict(session_ids["jetbot"], api_name="/load_session")
    assert "40 frames" in outputs[1]
    facts = client.predict(12, api_name="/show_frame")
    assert "Frame 12 / 39 · step 24" in facts
    assert "224 × 224" in facts


def test_a_client_that_loads_nothing_gets_advice(client: Client):
    assert "choose one in the list" in client.predict(api_name="/show_frame")
    for name in ("/run_autoencoder", "/run_predictor", "/load_models", "/save_models"):
        with pytest.raises(AppError, match="choose one in the list"):
            client.predict(api_name=name)


@every_case("session_id", ["../..", "/etc", "jetbot/../../x", "nowhere", "x\0y", "a" * 5000, "jetbot"])
def test_no_session_id_leads_outside(client: Client, session_id):
    with pytest.raises(AppError, match="There is no session of that name; press Refresh and pick one from the list"):
        client.predict(session_id, api_name="/load_session")


@every_case("frame", [-1, 40, 2.5, 1e300, "7", [1], True])
def test_a_frame_that_does_not_exist_is_refused_in_words(client: Client, session_ids, frame):
    client.predict(session_ids["jetbot"], api_name="/load_session")
    for name in ("/show_frame", "/run_autoencoder", "/run_predictor"):
        with pytest.raises(AppError, match="The frame number must be a whole number from 0 to 39"):
            client.predict(frame, api_name=name)


def test_the_autoencoder_reconstructs_the_frame_last_shown(client: Client, session_ids):
    client.predict(session_ids["dot"], api_name="/load_session")
    client.predict(5, api_name="/show_frame")
    html = client.predict(api_name="/run_autoencoder")
    assert "Frame 5:" in html
    assert mse_in(html) > 0
    assert mse_in(client.predict(5, api_name="/run_autoencoder")) == mse_in(html)


@pytest.fixture
def usual(data: Path) -> Iterator[Client]:
    """A client of a server with networks of the usual size, whose outputs differ between actions."""
    with serving(Settings(data=data), is_narrow=False) as address:
        yield api_client(address)


def test_the_predictor_sweeps_every_action_and_marks_the_recorded_one(usual: Client, session_ids):
    usual.predict(session_ids["jetbot"], api_name="/load_session")
    html = usual.predict(10, 4, api_name="/run_predictor")
    assert "frames 6, 7, 8, 9" in html
    sweep, changes = html.split('id="sweep-pictures"')[1].split('id="difference-maps"')
    assert sweep.count("<figure") == 2 and changes.count("<figure") == 1
    assert sweep.count(">recorded<") == 1
    # Untrained networks: the errors differ by less than 1 %, which is no reason for a badge.
    assert "lowest error<" not in sweep and "no action predicts better than another here" in html
    assert "repeating the last frame: " in html and "mean image: " in html
    assert "Predictor: <b>untrained</b>" in html
    recorded = re.search(r">recorded<.*?MSE ([\d.e-]+)", sweep).group(1)
    assert math.isclose(float(recorded), mse_in(html), rel_tol=1e-3)


def test_a_program_imagines_by_numbers_and_commands(client: Client, session_ids):
    client.predict(session_ids["dot"], api_name="/load_session")
    answers = [client.predict(press, 5, 3, "latents", api_name="/imagine") for press in ("begin", "1", "0", "undo")]
    begin, first, second, undo = answers
    assert [answer["steps"] for answer in answers] == [0, 1, 2, 1]
    assert begin["actions"][1]["name"] == "move" and first["summary"].startswith("1 step from frame 5")
    assert first["imagined"] == undo["imagined"] != second["imagined"]
    assert "from 0 to 1" in client.predict("2", 5, 3, "latents", api_name="/imagine")["problem"]
    html = client.predict(36, 30, 3, "pictures", api_name="/roll_out")
    assert "3 steps from frame 36" in html and "Only 3 steps of 30" in html
    for steps in (0, 51, 2.5):
        with pytest.raises(AppError, match="The number of steps must be a whole number from 1 to 50"):
            client.predict(30, steps, 3, "latents", api_name="/roll_out")
    with pytest.raises(AppError, match="choose an earlier frame"):
        client.predict(39, 5, 3, "latents", api_name="/roll_out")


def test_less_history_than_asked_is_used_and_said(client: Client, session_ids):
    client.predict(session_ids["dot"], api_name="/load_session")
    html = client.predict(2, 8, api_name="/run_predictor")
    assert "2 of 8 context frames" in html
    with pytest.raises(AppError, match="hoose frame 1"):
        client.predict(0, 8, api_name="/run_predictor")


def test_models_load_by_name_and_each_failure_has_its_own_message(client: Client, session_ids):
    client.predict(session_ids["jetbot"], api_name="/load_session")
    message, status = client.predict("jetbot/autoencoder.pth", "", api_name="/load_models")
    assert "autoencoder.pth, step 1,200" in message and "unchanged: no path" in message
    assert "autoencoder.pth, step 1,200" in status
    message, status = client.predict("jetbot/predictor_0.pth", "/etc/passwd", api_name="/load_models")
    assert "contains predictor weights" in message
    assert "There is no checkpoint at /etc/passwd" in message
    assert "autoencoder.pth, step 1,200" in status


def test_clients_keep_their_own_place(server: str, session_ids):
    first, second = api_client(server), api_client(server)
    first.predict(session_ids["jetbot"], api_name="/load_session")
    second.predict(session_ids["short"], api_name="/load_session")
    first.predict(30, api_name="/show_frame")
    assert "Frame 1 / 2 " in second.predict(1, api_name="/show_frame")
    assert "Frame 30:" in first.predict(api_name="/run_autoencoder")


def test_of_choices_in_a_row_the_last_one_counts(client: Client):
    """By default Gradio drops a choice in a list during the answer to the choice before; and the `input` event of a
    list is sent twice."""
    lists = {part["id"] for part in client.config["components"] if part["type"] == "dropdown"}
    dependencies = client.config["dependencies"]
    events = [(item, event) for item in dependencies for source, event in item["targets"] if source in lists]
    assert len(events) == 8
    for item, event in events:
        assert (event, item["trigger_mode"]) == ("select", "always_last")


def test_the_answer_to_a_choice_leaves_the_list_alone(client: Client):
    """The visitor may have made another choice in it meanwhile."""
    lists = {part["props"].get("elem_id"): part["id"] for part in client.config["components"]}
    for name in ("robot-filter", "shown-errors", "compared-errors"):
        (event,) = (one for one in client.config["dependencies"] if [lists[name], "select"] in one["targets"])
        assert lists[name] in event["inputs"] and lists[name] not in event["outputs"]
