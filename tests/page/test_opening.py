"""A recording that counts as another robot's, by the functions behind the page."""

from types import SimpleNamespace

import pytest

from page.backend import PageBackend
from page.handlers import PageError
from page.opening import adopt_recording, open_session, release_recording, robots_to_adopt
from page.tabs.recording import SCOPES
from page.visitor import Visitor
from session import NotAdopted
from tests.session.dataset_files import write_v2
from tests.session.session_files import events_of, meta_of, write_session

TRAINER = SimpleNamespace(username="train")


@pytest.fixture
def backend(tmp_path):
    for name, robot in (("lab/one", "My rover"), ("lab/two", "My rover"), ("mine", "JetBot")):
        write_session(tmp_path / "sessions" / name, events_of("oao"), meta=meta_of(robot_type=robot))
    return PageBackend(tmp_path, "cpu")


def test_a_robot_adopts_the_recordings_of_a_folder_and_gives_them_back(backend):
    visitor = Visitor()
    open_session(backend, visitor, "lab/one", 1)
    choice = robots_to_adopt(backend, visitor)
    assert ([value for _, value in choice.choices], choice.value) == (["JetBot", "My rover"], "My rover")
    answer = adopt_recording(backend, visitor, TRAINER, "jetbot", SCOPES[1])
    assert (visitor.profile.name, visitor.frame) == ("jetbot", 1)
    assert "JetBot adopted it" in answer["sessions.facts"]
    assert [name for _, name in answer["sessions.robot"].choices] == ["All robots", "JetBot"]
    assert set(backend.recordings_of(visitor.profile)) == {"lab/one", "lab/two", "mine"}
    answer = release_recording(backend, visitor, TRAINER)
    assert visitor.profile.title == "My rover" and "adopted" not in answer["sessions.facts"]


def test_an_adoption_that_cannot_be_is_refused(backend, tmp_path):
    visitor = Visitor()
    for scope, robot, error in (
        (SCOPES[1], "JetBot", "in no folder"),
        ("all", "JetBot", "one of"),
        (None, "", "one of"),
    ):
        open_session(backend, visitor, "mine", None)
        with pytest.raises(PageError, match=error):
            adopt_recording(backend, visitor, TRAINER, robot, scope)
    write_v2(tmp_path / "sessions" / "arm", lengths=(5,))
    open_session(backend, visitor, "arm/episode_000000@action=change", None)
    with pytest.raises(PageError, match="choose Action target above"):
        adopt_recording(backend, visitor, TRAINER, "JetBot")
    open_session(backend, visitor, "mine", None)
    with pytest.raises(NotAdopted, match="1 to 60 characters"):
        adopt_recording(backend, visitor, TRAINER, "")
    with pytest.raises(PageError, match="view-only"):
        adopt_recording(backend, visitor, SimpleNamespace(username="look"), "JetBot")
    with pytest.raises(PageError, match="No session is open"):
        release_recording(backend, Visitor(), TRAINER)
