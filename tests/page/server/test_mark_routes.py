"""Routes of marks, behind the access rules: who may change them, and what is answered."""

from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from page.server.access_middleware import AccessMiddleware
from page.server.access_policy import AccessPolicy
from page.server.mark_routes import mark_routes
from page.server.settings import Settings
from session import SessionCache, SessionMarks
from tests.cases import every_case
from tests.session.session_files import events_of, write_session

ADDRESS = "/recorded/marks/jetbot/session_1"
FLAG = {"do": "flag", "first": 2, "last": 3, "note": "bumped"}


@pytest.fixture(scope="module")
def sessions(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    write_session(folder / "jetbot" / "session_1", events_of("oaoaoao"))
    return SessionCache(folder)


@pytest.fixture
def open_server(tmp_path, sessions):
    """A function that makes a server over the recording; called with its settings, it returns a client of a role."""

    def make(role="train", **settings):
        policy = AccessPolicy(Settings(**settings))
        backend = SimpleNamespace(marks=SessionMarks(tmp_path), sessions=sessions, is_read_only=policy.is_read_only)
        app = Starlette(routes=mark_routes(backend), middleware=[Middleware(AccessMiddleware, policy=policy)])
        headers = {"authorization": f"Bearer {policy.keys.of(role)}"}
        return TestClient(app, "http://192.168.1.5:7860", client=("192.168.1.7", 5), headers=headers)

    return make


def test_a_flag_is_made_seen_removed_and_put_back(open_server):
    client = open_server()
    assert client.get(ADDRESS).json()["marks"] == []
    answer = client.post(ADDRESS, json=FLAG).json()
    (mark,) = answer["marks"]
    assert (mark["first"], mark["last"], mark["note"], mark["is_whole"]) == (2, 3, "bumped", False)
    assert client.get(ADDRESS, params={"known": answer["version"]}).json() == {"version": answer["version"]}
    assert client.post(ADDRESS, json={"do": "remove", "key": mark["key"]}).json()["marks"] == []
    assert client.get(ADDRESS, params={"known": answer["version"]}).json()["marks"] == []
    assert client.post(ADDRESS, json={"do": "restore", "key": mark["key"]}).json()["marks"] == [mark]


@every_case(("role", "is_read_only", "words"), [("look", False, "view-only"), ("train", True, "read-only")])
def test_who_may_only_look_sees_flags_and_makes_none(open_server, role, is_read_only, words):
    open_server().post(ADDRESS, json=FLAG)
    client = open_server(role if not is_read_only else "look", read_only=is_read_only)
    refusal = client.post(ADDRESS, json=FLAG)
    assert refusal.status_code == 403 and words in refusal.json()["error"]
    seen = client.get(ADDRESS).json()
    assert seen["marks"] and words in seen["refusal"]


@every_case("body", [b"{", b"[]", b'{"do": "paint"}', b'{"do": "flag", "first": 99}', b'{"do": "remove", "key": []}'])
def test_what_is_no_change_is_refused_in_words(open_server, body):
    answer = open_server().post(ADDRESS, content=body)
    assert answer.status_code == 400 and answer.json()["error"].endswith((".", "removed it."))


def test_pages_of_other_sites_flag_nothing_and_a_damaged_file_is_told(open_server, tmp_path):
    client = open_server()
    assert client.post(ADDRESS, json=FLAG, headers={"origin": "http://elsewhere.example"}).status_code == 403
    assert client.get("/recorded/marks/jetbot/none").status_code == 404
    (tmp_path / "marks.json").write_text("{")
    answer = client.get(ADDRESS).json()
    assert answer["marks"] == [] and "cannot be used" in answer["problem"]
    assert client.post(ADDRESS, json=FLAG).status_code == 400
