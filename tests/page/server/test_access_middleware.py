"""How refusals, keys and limits travel, before an application that tells what reached it."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from page.server.access_middleware import AccessMiddleware, safe_next
from page.server.access_policy import MAX_BODY_BYTES, ROLE, AccessPolicy
from page.server.launch import Settings


async def echo(request: Request):
    return JSONResponse({"role": request.scope[ROLE], "bytes": len(await request.body())})


async def index(request: Request):
    return HTMLResponse("<p>the page</p>")


@pytest.fixture
def entrance():
    return AccessPolicy(Settings())


@pytest.fixture
def visitor(entrance):
    """A browser on the network."""
    routes = [Route("/", index), Route("/config", echo, methods=["GET", "POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(AccessMiddleware, entrance=entrance)])
    return TestClient(app, base_url="http://192.168.1.5:7860", client=("192.168.1.7", 5), follow_redirects=False)


def test_without_a_key_there_is_only_the_page_that_asks_for_it(visitor):
    asked = visitor.get("/?session=a&frame=3")
    assert asked.status_code == 401 and 'name="key"' in asked.text and "the page" not in asked.text
    assert 'value="/?session=a&amp;frame=3"' in asked.text
    assert "default-src 'none'" in asked.headers["content-security-policy"]
    told = visitor.get("/config")
    assert (told.status_code, set(told.json())) == (401, {"error"})


@pytest.mark.parametrize("role", ["look", "train"])
def test_a_link_lets_in_and_its_key_leaves_the_address(visitor, entrance, role):
    answer = visitor.get(f"/?key={entrance.keys.of(role)}&session=a&frame=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?session=a&frame=3")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and entrance.keys.of(role).lower() not in cookie
    assert visitor.get("/config").json()["role"] == role


def test_a_later_link_changes_the_role(visitor, entrance):
    for role in ("look", "train", "look"):
        visitor.get(f"/?key={entrance.keys.of(role)}")
        assert visitor.get("/config").json()["role"] == role


def test_through_https_the_cookie_is_kept_to_https(visitor, entrance):
    answer = visitor.get(f"/?key={entrance.keys.look}", headers={"x-forwarded-proto": "https"})
    assert "secure" in answer.headers["set-cookie"].lower()


def test_the_form_takes_a_key_or_a_whole_link(visitor, entrance):
    for typed in (
        entrance.keys.look,
        f" http://x:7860/?key={entrance.keys.look} ",
        f"http://x/?frame=1&key={entrance.keys.look}",
    ):
        answer = visitor.post("/key", data={"key": typed, "next": "/?frame=3"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/?frame=3"), typed


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/x", ""]
)
def test_nobody_is_sent_elsewhere_after_giving_a_key(visitor, entrance, following):
    answer = visitor.post("/key", data={"key": entrance.keys.look, "next": following})
    assert answer.headers["location"] == "/"
    assert safe_next("/?key=x&a=%0d%0ab") == "/?a=%0D%0Ab"


def test_a_wrong_key_is_told_and_many_have_to_wait(visitor, entrance):
    codes = [visitor.get("/?key=wrong").status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2
    told = visitor.post("/key", data={"key": "wrong"})
    assert told.status_code == 429 and int(told.headers["retry-after"]) >= 1 and "or wait" in told.text
    assert visitor.get("/config", headers={"authorization": "Bearer wrong"}).status_code == 429
    assert visitor.get(f"/?key={entrance.keys.train}").status_code == 303


def test_after_a_typo_the_place_is_still_known(visitor):
    told = visitor.post("/key", data={"key": "wrong", "next": "/?session=a&frame=3"})
    assert told.status_code == 401 and 'value="/?session=a&amp;frame=3"' in told.text and "not right" in told.text


def test_the_form_itself_can_be_asked_for(visitor):
    assert [visitor.get("/key").status_code for _ in range(9)] == [401] * 9


def test_a_tab_of_before_a_restart_is_made_to_reload(visitor, entrance):
    """Gradio's page asks for this until it is answered with another number than it knows."""
    assert visitor.get("/gradio_api/app_id").json() == {"app_id": 0}
    assert visitor.get("/gradio_api/app_id", headers={"origin": "http://evil.example"}).status_code == 403


def test_where_nobody_needs_a_key_an_old_link_opens_all_the_same():
    app = Starlette(
        routes=[Route("/", index)],
        middleware=[Middleware(AccessMiddleware, entrance=AccessPolicy(Settings(open=True)))],
    )
    visitor = TestClient(app, base_url="http://192.168.1.5:7860", client=("192.168.1.7", 5), follow_redirects=False)
    answer = visitor.get("/?key=old&frame=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?frame=3")


def test_html_in_a_key_or_an_address_is_words(visitor):
    for answer in (visitor.get('/?key="><script>x</script>'), visitor.get('/?a="><script>x</script>')):
        assert "<script" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_evil_is_refused_even_with_a_key(visitor, entrance, method):
    visitor.get(f"/?key={entrance.keys.train}")
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        answer = visitor.request(method, "/config", headers=headers)
        assert (answer.status_code, set(answer.json())) == (403, {"error"})
        assert visitor.get(f"/?key={entrance.keys.train}", headers=headers).status_code == 403


def test_a_body_may_be_so_large_and_no_larger(visitor, entrance):
    visitor.get(f"/?key={entrance.keys.look}")
    assert visitor.post("/config", content=b"x" * MAX_BODY_BYTES).json()["bytes"] == MAX_BODY_BYTES
    assert visitor.post("/config", content=b"x" * (MAX_BODY_BYTES + 1)).status_code == 413
    pieces = (b"x" * 65536 for _ in range(3))  # of no told length
    assert visitor.post("/config", content=pieces).status_code == 413


@pytest.mark.parametrize("told", ["-1", "1e3", "x", "9" * 30, "٣"])
def test_a_length_that_is_no_number_is_refused(visitor, told):
    assert visitor.post("/config", headers={"content-length": told.encode()}, content=b"").status_code == 413


def test_a_form_for_a_key_is_short(visitor):
    assert visitor.post("/key", content=b"key=" + b"x" * 10_000).status_code == 413


def test_pages_are_told_to_ask_no_other_host_and_to_stay_out_of_frames(visitor, entrance):
    visitor.get(f"/?key={entrance.keys.look}")
    headers = visitor.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")


def test_what_gradio_has_beside_is_not_there(visitor, entrance):
    visitor.get(f"/?key={entrance.keys.train}")
    assert visitor.post("/gradio_api/upload", files={"files": b"x"}).status_code == 404


@pytest.mark.parametrize(
    "path", ["/%3F/../gradio_api/upload", "/config%3Fx", "/%23", "/gradio_api/queue/join%2f..%2fupload"]
)
def test_what_decides_is_the_path_that_the_routes_see(visitor, entrance, path):
    visitor.get(f"/?key={entrance.keys.train}")
    assert visitor.get(path).status_code == 404


def test_another_way_of_asking_is_closed(visitor):
    with pytest.raises(WebSocketDisconnect) as closed, visitor.websocket_connect("/config"):
        pass
    assert closed.value.code == 1008
