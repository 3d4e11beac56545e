"""Serving below a path of another site: with a configured path, with a proxy's header, and without either."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from page.server.access_middleware import AccessMiddleware
from page.server.access_policy import AccessPolicy
from page.server.base_path import path_of
from page.server.settings import Settings, parse_command_line
from tests.cases import every_case

AWAY = {"x-forwarded-for": "192.0.2.9"}
PREFIXED = AWAY | {"x-forwarded-prefix": "/explorer"}


def visit(root: str, headers: dict[str, str]) -> tuple[TestClient, AccessPolicy]:
    policy = AccessPolicy(Settings(root=root))
    policy.begin(None)

    async def config(request: Request) -> PlainTextResponse:
        return PlainTextResponse(str(request.scope["root_path"]))

    app = AccessMiddleware(Starlette(routes=[Route("/config", config)]), policy)
    return TestClient(app, "http://localhost:7860", follow_redirects=False, headers=headers), policy


@every_case(
    "root, headers, base",
    [
        ("/explorer", AWAY, "/explorer"),
        ("/explorer/", AWAY, "/explorer"),
        ("https://lab.example/a/explorer", AWAY, "/a/explorer"),
        ("", PREFIXED, "/explorer"),
        ("", AWAY | {"x-forwarded-prefix": "/a/explorer/, /b"}, "/a/explorer"),
        ("", AWAY, ""),
        ("", AWAY | {"x-forwarded-prefix": "//evil.example/x"}, ""),
        ("", AWAY | {"x-forwarded-prefix": "https://evil.example/x"}, ""),
        ("", AWAY | {"x-forwarded-prefix": "/a;b\\c"}, ""),
    ],
)
def test_links_form_and_cookie_stay_below_the_path(root, headers, base):
    visitor, policy = visit(root, headers)
    start = base or "."  # relative to the page, wherever that is
    page = visitor.get("/?frame=3")
    assert page.status_code == 401 and f'action="{start}/key"' in page.text
    answers = [
        visitor.get(f"/?key={policy.keys.look}&frame=3"),
        visitor.post("/key", data={"key": policy.keys.look, "next": "/?frame=3"}),
    ]
    for answer in answers:
        assert (answer.status_code, answer.headers["location"]) == (303, f"{start}/?frame=3")
        path = [part for part in answer.headers["set-cookie"].split("; ") if part.lower().startswith("path=")]
        assert path == ([f"Path={base}"] if base else [])  # without one it is that of the page's folder
    wrong = visitor.post("/key", data={"key": "wrong", "next": "/?frame=3"})
    assert wrong.status_code == 401 and f'action="{start}/key"' in wrong.text


def test_a_proxy_that_keeps_the_path_is_served_too():
    visitor, policy = visit("/explorer", AWAY)
    visitor.headers["authorization"] = f"Bearer {policy.keys.look}"
    assert visitor.get("/explorer/config").text == visitor.get("/config").text == "/explorer"
    assert visitor.get("/explorer?frame=3").headers["location"] == "/explorer/?frame=3"
    assert visitor.get("/explorers/config").status_code == 404
    assert visitor.get("/explorer/nowhere").status_code == 404


def test_the_address_of_the_proxy_is_accepted_and_comes_from_gradios_variable(monkeypatch):
    monkeypatch.setenv("GRADIO_ROOT_PATH", "https://Lab.example:8443/explorer")
    settings = parse_command_line([])
    assert settings.root == "https://Lab.example:8443/explorer"
    visitor = visit(settings.root, AWAY | {"authorization": "", "host": "lab.example"})[0]
    assert visitor.get("/").status_code == 401  # it asks for a key: the name is known
    assert visit("", AWAY | {"host": "lab.example"})[0].get("/").status_code == 403


@pytest.mark.parametrize("root", ["", "/", "explorer", "/" + 300 * "x", "/a b", "//x"])
def test_what_is_no_path_is_none(root):
    assert path_of(root) == ""
