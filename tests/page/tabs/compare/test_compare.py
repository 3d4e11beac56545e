"""The Compare tab without a browser: what it says of two pairs of checkpoints, and what it refuses."""

import re
from types import SimpleNamespace

import pytest

from page.backend import PageBackend
from page.components import FramePosition
from page.handlers import PageError
from page.tabs.compare.comparison import CHOSEN, IN_USE, NOTHING_PRESSED, PRESSED
from page.tabs.compare.fields import compare_checkpoints, compare_choices
from page.visitor import Visitor
from session import record_demo
from tests.app.narrow import NarrowWorldModels
from tests.cases import every_case
from training import EvaluationRequest, FixedSteps, FrameSelection, InvalidValue, TrainingRequest, apply_command

SILENT = SimpleNamespace(tqdm=lambda steps, **_: steps)
CHECKPOINTS = "saved/checkpoints"
PATHS = {
    "autoencoder_path": f"{CHECKPOINTS}/jetbot/autoencoder.pth",
    "predictor_path": f"{CHECKPOINTS}/jetbot/predictor_0.pth",
}
OUTSIDE = PATHS | {"autoencoder_path": "../../etc/passwd"}
WRONG_NETWORK = PATHS | {"predictor_path": PATHS["autoencoder_path"]}


class World:
    """A data folder with two robots; the JetBot's networks were trained twice."""

    def __init__(self, folder):
        self.backend = PageBackend(folder, "cpu")
        self.backend._world_models = NarrowWorldModels(self.backend.device)
        self.jetbot = record_demo(folder / "sessions", "jetbot_sim", 9, seed=1)
        self.dot = record_demo(folder / "sessions", "toroidal_dot", 9, seed=1)
        self.recording = self.backend.sessions.get(self.jetbot)
        self.manager = self.backend.loaded_manager(self.recording.profile)
        for _ in range(2):
            frames = FrameSelection(0, 8, history_length=2)
            assert self.manager.train(TrainingRequest("predictor", self.recording, frames, FixedSteps(2))).wait(60)

    def visitor(self, session_id, frame):
        visitor = Visitor()
        visitor.go_to_session(session_id, self.backend.sessions.get(session_id).profile, frame)
        return visitor

    def compare(self, frame=4, visitor=None, **options):
        visitor = visitor or self.visitor(self.jetbot, frame)
        options = dict(first=IN_USE, second=self.version, steps=3) | options
        position = FramePosition(None, frame)
        return compare_checkpoints(self.backend, visitor, position, progress=SILENT, **options)

    @property
    def version(self):
        return self.manager.versions()[0].name


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("compare") / "saved")


def test_at_first_the_weights_in_use_are_compared_with_the_newest_version(world):
    answer = compare_choices(world.backend, world.visitor(world.jetbot, 4), IN_USE, CHOSEN)
    assert (answer["compare.first"].value, answer["compare.second"].value) == (IN_USE, world.version)
    assert [value for _, value in answer["compare.first"].choices] == [IN_USE, CHOSEN, world.version]
    kept = compare_choices(world.backend, world.visitor(world.jetbot, 4), world.version, IN_USE)
    assert (kept["compare.first"].value, kept["compare.second"].value) == (world.version, IN_USE)
    other = compare_choices(world.backend, world.visitor(world.dot, 4), world.version, world.version)
    assert (other["compare.first"].value, other["compare.second"].value) == (IN_USE, CHOSEN)


def test_errors_stand_beside_those_of_trivial_answers_and_pictures_beside_the_actual_ones(world):
    html = world.compare()
    assert len(re.findall(r"<b>[AB] is better</b>|equally good", html)) == 2  # on the frame and in the dream
    rows = re.findall(r'<tr><th scope="row">(.*?)</tr>', html.split('id="comparison-errors"')[1].split("</table>")[0])
    assert [re.sub("<.*", "", row.replace("<b>", "")) for row in rows] == ["A", "B", "Repeating a frame", "Mean image"]
    assert all(len(re.findall(r'class="number">[\d.e-]+', row)) == 2 for row in rows)
    assert "Loaded: autoencoder jetbot/autoencoder.pth, step 4" in rows[0] and "predictor step 2" in rows[1]
    assert html.count('data-level="') == 2 and html.count('class="wipe"') == 2
    dream = html.split('class="dreams"')[1].split("</table>")[0]
    assert dream.count("<img") == 9 and dream.count("<small>") == 6 and "1 · " in dream
    assert "repeating the start frame" in html and "Download CSV" in html and "evaluate the recording" in html


def test_an_evaluated_recording_has_a_column_of_its_own(world):
    version = world.manager.versions()[0]
    for files in ({}, {name: version.path(world.manager.directory, name) for name in ("autoencoder", "predictor")}):
        request = EvaluationRequest(world.jetbot, world.recording, 3, files=files)
        world.backend.evaluator.start(world.manager.served, request)
        assert world.backend.evaluator.wait(60)
    html = world.compare()
    assert "8 frames</th>" in html and "over 8 frames of the recording" in html and "evaluate the recording" not in html
    assert "evaluate the recording" in world.compare(history_length=2)  # evaluated with another history


def test_the_same_weights_are_said_to_be_the_same(world):
    html = world.compare(first=IN_USE, second=CHOSEN, **PATHS)
    assert "A and B are the same weights." in html and "is better" not in html


def test_without_a_history_or_without_actions_the_rest_is_compared(world):
    first = world.compare(0)
    assert "choose frame 1" in first and 'class="dreams"' in first and 'id="compared-frame"' not in first
    last = world.compare(8)
    assert "choose an earlier frame" in last and 'class="dreams"' not in last and 'id="compared-frame"' in last
    assert "Only 2 of 3 steps" in world.compare(6)
    with pytest.raises(PageError, match=r"choose frame 1.* Nothing was pressed"):
        world.compare(0, actions=PRESSED)


def test_a_dream_repeats_what_the_visitor_has_pressed(world):
    visitor = world.visitor(world.jetbot, 5)
    assert NOTHING_PRESSED in world.compare(5, visitor, actions=PRESSED)
    for action in (1, 0, 1):
        visitor.imagination = apply_command(
            world.manager.served, world.recording, visitor.imagination, 3, action, "latents", 3
        )
    html = world.compare(5, visitor, actions=PRESSED, steps=2)
    assert "Dream from frame 3" in html and "2 steps, fed back as latents" in html and "1 more were pressed" in html
    pressed = visitor.imagination.steps[1]
    shown = html.split('<th scope="row">A</th>')[1].split("</tr>")[0]
    assert f"{pressed.mse:.3g}"[:4] in shown


def test_untrained_networks_are_called_so(world):
    html = world.compare(visitor=world.visitor(world.dot, 4), second=IN_USE)
    assert html.count("Untrained autoencoder and predictor") == 2 and html.count('data-level="untrained"') == 2


@every_case(
    "options, message",
    [
        (dict(second="20010101_000000"), "Checkpoints B: There is no version 20010101_000000 in the"),
        (dict(second=[1]), "Checkpoints B: Choose a version"),
        (dict(first=CHOSEN), "Checkpoints A: .* no checkpoint"),
        (dict(first=CHOSEN, **OUTSIDE), "Checkpoints A: There is no checkpoint"),
        (dict(steps=0), "The number of steps must be a whole number from 1 to 50"),
        (dict(steps=float("nan")), "The number of steps must be"),
        (dict(way="dreams"), "Feed back one of"),
        (dict(history_length=9), "The history length must be"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(world, options, message):
    with pytest.raises((PageError, InvalidValue), match=message):
        world.compare(**options)


def test_checkpoints_of_another_robot_are_refused(world):
    manager = world.backend.loaded_manager(world.backend.sessions.get(world.dot).profile)
    with manager.exclusive_trainer("a test", manager.trainer.state.config) as trainer:
        trainer.save(("predictor",))
    paths = PATHS | dict(predictor_path=f"{CHECKPOINTS}/toroidal_dot/predictor_0.pth")
    with pytest.raises(PageError, match=r"Checkpoints A: predictor_0\.pth .*action"):
        world.compare(first=CHOSEN, **paths)


def test_a_version_of_one_network_is_compared_with_the_other_one_as_loaded(world):
    path = world.manager.versions()[0].path(world.manager.directory, "predictor")
    kept = path.read_bytes()
    path.unlink()
    try:
        html = world.compare()
    finally:
        path.write_bytes(kept)
    assert "autoencoder step 2 · predictor as loaded" in html
