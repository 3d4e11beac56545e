"""Roles of requests, by their headers and sender."""

import pytest
from starlette.requests import HTTPConnection

from page.server.access_policy import AccessDenied, AccessPolicy, cookie_name, is_known_path
from page.server.settings import Settings
from tests.cases import every_case

HOST = ("host", "localhost:7860")
LAN, HERE = "192.168.1.7", "127.0.0.1"


def connection(*headers, client=LAN, path="/config"):
    raw = [(name.encode(), value.encode()) for name, value in headers]
    return HTTPConnection(
        dict(type="http", path=path, query_string=b"", headers=raw, client=(client, 5), server=("0.0.0.0", 7860))
    )


def make_policy(**settings):
    return AccessPolicy(Settings(**settings))


def role(policy, *headers, **sender):
    return policy.role_of(connection(HOST, *headers, **sender))


def test_on_this_machine_no_key_is_needed():
    assert role(make_policy(), client=HERE) == role(make_policy(), client="::1") == "train"


def test_from_other_machines_a_key_is_needed():
    with pytest.raises(AccessDenied) as denial:
        role(make_policy())
    assert denial.value.status == 401 and denial.value.needs_key


@every_case(
    "header",
    ["x-forwarded-for", "forwarded", "via", "x-real-ip", "X-Forwarded-Host", "x-forwarded-proto", "cf-connecting-ip"],
)
def test_a_visitor_through_a_proxy_on_this_machine_needs_a_key(header):
    with pytest.raises(AccessDenied):
        role(make_policy(), (header.lower(), "127.0.0.1"), client=HERE)


def test_with_a_public_link_every_visitor_needs_a_key():
    """Through the tunnel all visitors look local."""
    with pytest.raises(AccessDenied):
        role(make_policy(share=True), client=HERE)
    policy = make_policy()
    policy.begin("https://abc.gradio.live")
    with pytest.raises(AccessDenied):
        role(policy, client=HERE)


@pytest.mark.parametrize("expected", ["look", "train"])
def test_a_key_gives_its_role_as_a_cookie_or_a_bearer_token(expected):
    policy = make_policy()
    token, key = policy.keys.token(expected), policy.keys.of(expected)
    assert role(policy, ("cookie", f"session_explorer_7860={token}")) == expected
    assert role(policy, ("authorization", f"Bearer {key}")) == expected


def test_a_cookie_of_another_start_or_another_server_is_denied():
    policy, other = make_policy(), make_policy()
    for cookie in (
        f"session_explorer_7860={other.keys.token('train')}",
        f"session_explorer_7861={policy.keys.token('train')}",
    ):
        with pytest.raises(AccessDenied):
            role(policy, ("cookie", cookie))
    assert cookie_name(connection()) == "session_explorer_7860"


def test_wrong_bearer_tokens_are_counted():
    policy = make_policy()
    for _ in range(5):
        with pytest.raises(AccessDenied) as denial:
            role(policy, ("authorization", "Bearer wrong"))
        assert (denial.value.status, denial.value.wait_s) == (401, 0)
    with pytest.raises(AccessDenied) as denial:
        role(policy, ("authorization", "Bearer wrong"))
    assert denial.value.status == 429 and denial.value.wait_s >= 1
    assert role(policy, ("authorization", f"Bearer {policy.keys.train}")) == "train"


def test_on_an_open_server_every_visitor_may_train():
    assert role(make_policy(open=True)) == "train"
    assert make_policy(open=True).roles == ()


def test_on_a_read_only_server_no_visitor_may_train():
    policy = make_policy(read_only=True)
    assert role(policy, client=HERE) == "look"
    assert role(policy, ("authorization", f"Bearer {policy.keys.train}")) == "look"
    assert role(make_policy(read_only=True, open=True)) == "look"
    assert policy.roles == ("look",)


def test_gradios_startup_check_needs_no_key_until_the_server_has_begun():
    policy = make_policy(share=True)
    assert role(policy, client=HERE, path="/gradio_api/startup-events") == "look"
    for sender in (dict(client=HERE, path="/config"), dict(path="/gradio_api/startup-events")):
        with pytest.raises(AccessDenied):
            role(policy, **sender)
    policy.begin("https://abc.gradio.live")
    with pytest.raises(AccessDenied):
        role(policy, client=HERE, path="/gradio_api/startup-events")


@every_case("host", ["localhost", "127.0.0.1:7860", "[::1]:7860", "192.168.1.5:7860", "LOCALHOST:1"])
def test_own_names_and_addresses_are_accepted_as_hosts(host):
    make_policy().check_source(connection(("host", host)))


@every_case("host", ["evil.example", "localhost.evil.example:7860", "", "abc.gradio.live", "a b", "x@localhost"])
def test_other_hosts_are_denied(host):
    with pytest.raises(AccessDenied) as denial:
        make_policy().check_source(connection(("host", host)))
    assert denial.value.status == 403 and "evil" not in denial.value.message


def test_names_of_the_command_line_and_of_the_public_link_are_accepted():
    policy = make_policy(names=("Lab.Example",))
    policy.begin("https://abc.gradio.live")
    policy.check_source(connection(("host", "lab.example:7860"), ("origin", "http://lab.example:7860")))
    policy.check_source(connection(("host", "abc.gradio.live"), ("origin", "https://abc.gradio.live")))
    policy.check_source(connection(HOST, ("origin", "https://lab.example")))  # behind a proxy that changes the name
    with pytest.raises(AccessDenied):
        policy.check_source(connection(HOST, ("origin", "https://abc.gradio.live")))


@every_case("origin", ["null", "http://evil.example", "http://localhost:3000", "file://", "", "chrome-extension://a"])
def test_requests_from_pages_of_other_sites_are_denied(origin):
    with pytest.raises(AccessDenied) as denial:
        make_policy().check_source(connection(HOST, ("origin", origin)))
    assert denial.value.status == 403


def fetch_headers(site, mode, dest):
    return (("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest))


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize(
    "mode, dest", [("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "script")]
)
def test_pictures_frames_and_scripts_for_other_sites_are_denied(site, mode, dest):
    with pytest.raises(AccessDenied):
        make_policy().check_source(connection(HOST, *fetch_headers(site, mode, dest)))


def test_only_a_frame_is_opened_for_other_sites_if_one_may_show_it():
    policy = make_policy(framed_by=("https://huggingface.co",))
    policy.check_source(connection(HOST, *fetch_headers("cross-site", "navigate", "iframe")))
    for mode, dest in (("no-cors", "image"), ("navigate", "embed"), ("cors", "empty"), ("no-cors", "iframe")):
        with pytest.raises(AccessDenied):
            policy.check_source(connection(HOST, *fetch_headers("cross-site", mode, dest)))
    with pytest.raises(AccessDenied):  # the site around is not trusted with requests of its own
        policy.check_source(connection(HOST, ("origin", "https://huggingface.co")))


@pytest.mark.parametrize(
    "fetch",
    [("cross-site", "navigate", "document"), ("none", "navigate", "document"), ("same-origin", "cors", "empty")],
)
def test_a_link_from_another_site_may_be_followed(fetch):
    make_policy().check_source(connection(HOST, *fetch_headers(*fetch)))


@every_case(
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
def test_paths_of_the_page_are_known(path):
    assert is_known_path(path)


@every_case(
    "path",
    [
        "/gradio_api/upload", "/gradio_api/file=/etc/passwd", "/gradio_api/proxy=http://x", "/monitoring", "//",
        "/gradio_api/process_recording", "/gradio_api/file/x", "/docs", "/assets", "/gradio_api/api/load_session",
        "/gradio_api/vibe-edit", "/login",
    ],
)  # fmt: skip
def test_other_paths_of_gradio_are_not_known(path):
    assert not is_known_path(path)
