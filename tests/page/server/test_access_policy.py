"""Who may come in, by the headers and the sender of a request."""

import pytest
from starlette.requests import HTTPConnection

from page.server.access_keys import TooManyWrongKeys, WrongKey
from page.server.access_policy import AccessDenied, AccessPolicy, cookie_name, is_known_path
from page.server.launch import Settings

HOST = ("host", "localhost:7860")
LAN, HERE = "192.168.1.7", "127.0.0.1"


def connection(*headers, client=LAN, path="/config"):
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection(
        dict(type="http", path=path, query_string=b"", headers=raw, client=(client, 5), server=("0.0.0.0", 7860))
    )


def entrance(**settings):
    return AccessPolicy(Settings(**settings))


def role(made, *headers, **where):
    return made.role_of(connection(HOST, *headers, **where))


def test_on_this_machine_nobody_needs_a_key():
    assert role(entrance(), client=HERE) == role(entrance(), client="::1") == "train"


def test_from_elsewhere_a_key_is_needed():
    with pytest.raises(AccessDenied) as refusal:
        role(entrance())
    assert refusal.value.status == 401 and refusal.value.asks_key


@pytest.mark.parametrize(
    "header",
    ["x-forwarded-for", "forwarded", "via", "x-real-ip", "X-Forwarded-Host", "x-forwarded-proto", "cf-connecting-ip"],
)
def test_who_comes_through_a_proxy_on_this_machine_is_somewhere_else(header):
    with pytest.raises(AccessDenied):
        role(entrance(), (header.lower(), "127.0.0.1"), client=HERE)


def test_with_a_public_link_everybody_needs_a_key():
    """Through the tunnel all visitors look local."""
    with pytest.raises(AccessDenied):
        role(entrance(share=True), client=HERE)
    turned_public = entrance()
    turned_public.begin("https://abc.gradio.live")
    with pytest.raises(AccessDenied):
        role(turned_public, client=HERE)


@pytest.mark.parametrize("wanted", ["look", "train"])
def test_a_key_opens_its_role_as_a_cookie_or_for_programs(wanted):
    made = entrance()
    token, key = made.keys.token(wanted), made.keys.of(wanted)
    assert role(made, ("cookie", f"session_explorer_7860={token}")) == wanted
    assert role(made, ("authorization", f"Bearer {key}")) == wanted


def test_a_cookie_of_another_start_or_another_server_asks_for_the_key_again():
    made, other = entrance(), entrance()
    for cookie in (
        f"session_explorer_7860={other.keys.token('train')}",
        f"session_explorer_7861={made.keys.token('train')}",
    ):
        with pytest.raises(AccessDenied):
            role(made, ("cookie", cookie))
    assert cookie_name(connection()) == "session_explorer_7860"


def test_wrong_keys_of_programs_are_counted():
    made = entrance()
    for _ in range(5):
        with pytest.raises(WrongKey):
            role(made, ("authorization", "Bearer wrong"))
    with pytest.raises(TooManyWrongKeys):
        role(made, ("authorization", "Bearer wrong"))
    assert role(made, ("authorization", f"Bearer {made.keys.train}")) == "train"


def test_without_keys_everybody_may_train():
    assert role(entrance(open=True)) == "train"
    assert entrance(open=True).roles == ()


def test_on_a_read_only_server_nobody_may_train():
    made = entrance(read_only=True)
    assert role(made, client=HERE) == "look"
    assert role(made, ("authorization", f"Bearer {made.keys.train}")) == "look"
    assert role(entrance(read_only=True, open=True)) == "look"
    assert made.roles == ("look",)


def test_gradios_own_first_question_is_answered_until_the_server_has_begun():
    made = entrance(share=True)
    assert role(made, client=HERE, path="/gradio_api/startup-events") == "look"
    for where in (dict(client=HERE, path="/config"), dict(path="/gradio_api/startup-events")):
        with pytest.raises(AccessDenied):
            role(made, **where)
    made.begin("https://abc.gradio.live")
    with pytest.raises(AccessDenied):
        role(made, client=HERE, path="/gradio_api/startup-events")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "192.168.1.5:7860", "LOCALHOST:1"])
def test_the_server_answers_to_its_names_and_addresses(host):
    entrance().check_place(connection(("host", host)))


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:7860", "", "abc.gradio.live", "a b", "x@localhost"]
)
def test_it_does_not_answer_to_others(host):
    with pytest.raises(AccessDenied) as refusal:
        entrance().check_place(connection(("host", host)))
    assert refusal.value.status == 403 and "evil" not in refusal.value.sentence


def test_it_answers_to_a_name_that_it_was_given_and_to_its_public_link():
    made = entrance(names=("Lab.Example",))
    made.begin("https://abc.gradio.live")
    made.check_place(connection(("host", "lab.example:7860"), ("origin", "http://lab.example:7860")))
    made.check_place(connection(("host", "abc.gradio.live"), ("origin", "https://abc.gradio.live")))
    made.check_place(connection(HOST, ("origin", "https://lab.example")))  # behind a proxy that changes the name
    with pytest.raises(AccessDenied):
        made.check_place(connection(HOST, ("origin", "https://abc.gradio.live")))


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://localhost:3000", "file://", "", "chrome-extension://a"]
)
def test_what_a_page_of_another_site_asks_is_refused(origin):
    with pytest.raises(AccessDenied) as refusal:
        entrance().check_place(connection(HOST, ("origin", origin)))
    assert refusal.value.status == 403


def fetched(site, mode, dest):
    return (("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "mode, dest", [("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "script")]
)
def test_pictures_frames_and_scripts_for_other_sites_are_refused(site, mode, dest):
    with pytest.raises(AccessDenied):
        entrance().check_place(connection(HOST, *fetched(site, mode, dest)))


@pytest.mark.parametrize(
    "how", [("cross-site", "navigate", "document"), ("none", "navigate", "document"), ("same-origin", "cors", "empty")]
)
def test_a_link_from_elsewhere_may_be_followed(how):
    entrance().check_place(connection(HOST, *fetched(*how)))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/gradio_api/queue/join",
        "/gradio_api/call/load_session",
        "/recorded/frame/0/a/b",
        "/assets/x.js",
    ],
)
def test_what_the_page_needs_is_there(path):
    assert is_known_path(path)


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x", "/monitoring", "//",
        "/gradio_api/process_recording", "/gradio_api/file/x", "/docs", "/assets", "/gradio_api/api/load_session",
        "/gradio_api/vibe-edit", "/login",
    ],
)  # fmt: skip
def test_the_rest_of_gradios_server_is_not(path):
    assert not is_known_path(path)
