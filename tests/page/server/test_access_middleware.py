"""Denials, keys and limits of the middleware, in front of an application that echoes each request."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from page.server.access_middleware import AccessMiddleware, safe_target
from page.server.access_policy import MAX_BODY_BYTES, ROLE, AccessPolicy
from page.server.settings import Settings
from tests.cases import every_case


async def echo(request: Request):
    return JSONResponse({"role": request.scope[ROLE], "bytes": len(await request.body())})


async def index(request: Request):
    return HTMLResponse("<p>the page</p>")


@pytest.fixture
def policy():
    return AccessPolicy(Settings())


@pytest.fixture
def visitor(policy):
    """A browser on the network."""
    return browser_of(policy)


def browser_of(policy):
    routes = [Route("/", index), Route("/config", echo, methods=["GET", "POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(AccessMiddleware, policy=policy)])
    return TestClient(app, base_url="http://192.168.1.5:7860", client=("192.168.1.7", 5), follow_redirects=False)


def test_without_a_key_only_the_key_page_is_served(visitor):
    answer = visitor.get("/?session=a&frame=3")
    assert answer.status_code == 401 and 'name="key"' in answer.text and "the page" not in answer.text
    assert 'value="/?session=a&amp;frame=3"' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    denial = visitor.get("/config")
    assert (denial.status_code, set(denial.json())) == (401, {"error"})


@pytest.mark.parametrize("role", ["look", "train"])
def test_a_link_sets_a_cookie_and_its_key_is_removed_from_the_address(visitor, policy, role):
    answer = visitor.get(f"/?key={policy.keys.of(role)}&session=a&frame=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?session=a&frame=3")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and policy.keys.of(role).lower() not in cookie
    assert visitor.get("/config").json()["role"] == role


def test_a_later_link_changes_the_role(visitor, policy):
    for role in ("look", "train", "look"):
        visitor.get(f"/?key={policy.keys.of(role)}")
        assert visitor.get("/config").json()["role"] == role


def test_through_https_the_cookie_is_secure(visitor, policy):
    answer = visitor.get(f"/?key={policy.keys.look}", headers={"x-forwarded-proto": "https"})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_the_form_accepts_a_key_or_a_whole_link(visitor, policy):
    for text in (
        policy.keys.look,
        f" http://x:7860/?key={policy.keys.look} ",
        f"http://x/?frame=1&key={policy.keys.look}",
    ):
        answer = visitor.post("/key", data={"key": text, "next": "/?frame=3"})
        assert (answer.status_code, answer.headers["location"]) == (303, "./?frame=3"), text


@every_case("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/x", ""])
def test_a_key_never_redirects_to_another_site(visitor, policy, target):
    answer = visitor.post("/key", data={"key": policy.keys.look, "next": target})
    assert answer.headers["location"] == "./"
    assert safe_target("/?key=x&a=%0d%0ab") == "/?a=%0D%0Ab"


def test_a_wrong_key_is_denied_and_many_cause_a_wait(visitor, policy):
    codes = [visitor.get("/?key=wrong").status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2
    denial = visitor.post("/key", data={"key": "wrong"})
    assert denial.status_code == 429 and int(denial.headers["retry-after"]) >= 1 and "or wait" in denial.text
    assert visitor.get("/config", headers={"authorization": "Bearer wrong"}).status_code == 429
    assert visitor.get(f"/?key={policy.keys.train}").status_code == 303


def test_after_a_wrong_key_the_form_keeps_the_target(visitor):
    denial = visitor.post("/key", data={"key": "wrong", "next": "/?session=a&frame=3"})
    assert denial.status_code == 401 and 'value="/?session=a&amp;frame=3"' in denial.text and "not right" in denial.text


def test_the_form_has_an_address_of_its_own(visitor):
    assert [visitor.get("/key").status_code for _ in range(9)] == [401] * 9


def test_a_tab_from_before_a_restart_reloads(visitor, policy):
    """Gradio's page requests the id of the application until it gets another one than its own."""
    assert visitor.get("/gradio_api/app_id").json() == {"app_id": 0}
    assert visitor.get("/gradio_api/app_id", headers={"origin": "http://evil.example"}).status_code == 403


def test_an_old_link_works_if_no_key_is_needed():
    app = Starlette(
        routes=[Route("/", index)],
        middleware=[Middleware(AccessMiddleware, policy=AccessPolicy(Settings(open=True)))],
    )
    visitor = TestClient(app, base_url="http://192.168.1.5:7860", client=("192.168.1.7", 5), follow_redirects=False)
    answer = visitor.get("/?key=old&frame=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "./?frame=3")


def test_html_in_a_key_or_an_address_is_escaped(visitor):
    for answer in (visitor.get('/?key="><script>x</script>'), visitor.get('/?a="><script>x</script>')):
        assert "<script" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_foreign_hosts_and_origins_are_denied_even_with_a_key(visitor, policy, method):
    visitor.get(f"/?key={policy.keys.train}")
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = visitor.request(method, "/config", headers=headers)
        assert (answer.status_code, set(answer.json())) == (403, {"error"})
        assert visitor.get(f"/?key={policy.keys.train}", headers=headers).status_code == 403


def test_bodies_are_limited_in_size(visitor, policy):
    visitor.get(f"/?key={policy.keys.look}")
    assert visitor.post("/config", content=b"x" * MAX_BODY_BYTES).json()["bytes"] == MAX_BODY_BYTES
    assert visitor.post("/config", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    pieces = (b"x" * 65536 for _ in range(3))  # without a declared length
    assert visitor.post("/config", content=pieces).status_code == 413


@every_case("length", ["-1", "1e3", "x", "9" * 30, "٣"])
def test_a_declared_length_must_be_a_number(visitor, length):
    assert visitor.post("/config", headers={"content-length": length.encode()}, content=b"").status_code == 413


def test_the_form_is_limited_in_size(visitor):
    assert visitor.post("/key", content=b"key=" + b"x" * 10_000).status_code == 413


def test_headers_forbid_other_hosts_and_frames(visitor, policy):
    visitor.get(f"/?key={policy.keys.look}")
    headers = visitor.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_a_site_that_is_named_may_show_the_page_in_a_frame_but_not_the_form_for_a_key():
    policy = AccessPolicy(Settings(framed_by=("https://huggingface.co",)))
    visitor, frame = browser_of(policy), {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    frame["sec-fetch-dest"] = "iframe"
    answer = visitor.get("/", headers=frame)
    assert answer.status_code == 401 and "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    visitor.get(f"/?key={policy.keys.look}")
    answer = visitor.get("/", headers=frame)
    assert answer.text == "<p>the page</p>"
    assert answer.headers["content-security-policy"].endswith("; frame-ancestors 'self' https://huggingface.co")
    assert browser_of(AccessPolicy(Settings(open=True))).get("/", headers=frame).status_code == 403


def test_other_routes_of_gradio_are_not_served(visitor, policy):
    visitor.get(f"/?key={policy.keys.train}")
    assert visitor.post("/gradio_api/upload", files={"files": b"x"}).status_code == 404


@every_case("path", ["/%3F/../gradio_api/upload", "/config%3Fx", "/%23", "/gradio_api/queue/join%2f..%2fupload"])
def test_the_decoded_path_is_checked(visitor, policy, path):
    visitor.get(f"/?key={policy.keys.train}")
    assert visitor.get(path).status_code == 404


def test_websockets_are_closed(visitor):
    with pytest.raises(WebSocketDisconnect) as closed, visitor.websocket_connect("/config"):
        pass
    assert closed.value.code == 1008
