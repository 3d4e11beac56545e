"""Variables of the shell for other programs. Servers of tests that run in a process of their own have them set."""

import os

import httpx
import pytest

from page.server.shell import settings_for_public_link, without_foreign_settings
from tests.cases import every_case

SOCKS, HTTP = "socks5://127.0.0.1:9", "http://127.0.0.1:9"


@pytest.fixture
def environment(monkeypatch):
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    return monkeypatch.setenv


@every_case("name", ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("proxy", [SOCKS, HTTP])
def test_without_a_public_link_no_variable_is_heeded(environment, name, proxy):
    environment(name, proxy)
    environment("no_proxy", "example.com")
    before = dict(os.environ)
    with without_foreign_settings(), httpx.Client() as client:
        assert client._mounts == {}
    assert dict(os.environ) == before


def test_for_a_public_link_proxies_are_for_other_hosts_and_socks_is_left_out_with_a_word(environment, caplog):
    environment("https_proxy", HTTP)
    environment("ALL_PROXY", SOCKS)
    environment("NO_PROXY", "example.com")
    before = dict(os.environ)
    with settings_for_public_link("10.0.0.2"), httpx.Client() as client:
        proxies = {pattern.pattern: transport for pattern, transport in client._mounts.items()}
        assert proxies["https://"] is not None
        for host in ("example.com", "localhost", "127.0.0.1", "10.0.0.2"):
            assert [kept for pattern, kept in proxies.items() if pattern.endswith(host)] == [None]
    assert dict(os.environ) == before
    assert [one.message.partition(" names")[0] for one in caplog.records] == ["ALL_PROXY"]


@every_case("name, value", [("SSL_CERT_FILE", "/no/cacert.pem"), ("SSL_CERT_DIR", "/no"), ("GRADIO_SERVER_PORT", "")])
@pytest.mark.parametrize("settings", [without_foreign_settings, lambda: settings_for_public_link("10.0.0.2")])
def test_settings_for_other_programs_are_put_aside(environment, settings, name, value):
    environment(name, value)
    environment("GRADIO_DEBUG", "1")
    environment("GRADIO_TEMP_DIR", "/tmp")
    with settings(), httpx.Client():
        assert not {name, "GRADIO_DEBUG"} & os.environ.keys() and "GRADIO_TEMP_DIR" in os.environ
    assert os.environ[name] == value


def test_certificates_that_are_there_stay_in_use(environment, tmp_path):
    environment("SSL_CERT_DIR", str(tmp_path))
    with without_foreign_settings():
        assert os.environ["SSL_CERT_DIR"] == str(tmp_path)
