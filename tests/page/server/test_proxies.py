"""The shell's proxy variables. Servers of tests that run in a process of their own have all of them set."""

import os

import httpx
import pytest

from page.server.proxies import proxies_for_public_link, without_proxies
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
    with without_proxies(), httpx.Client() as client:
        assert client._mounts == {}
    assert dict(os.environ) == before


def test_for_a_public_link_proxies_are_for_other_hosts_and_socks_is_left_out_with_a_word(environment, caplog):
    environment("https_proxy", HTTP)
    environment("ALL_PROXY", SOCKS)
    environment("NO_PROXY", "example.com")
    before = dict(os.environ)
    with proxies_for_public_link("10.0.0.2"), httpx.Client() as client:
        proxies = {pattern.pattern: transport for pattern, transport in client._mounts.items()}
        assert proxies["https://"] is not None
        for host in ("example.com", "localhost", "127.0.0.1", "10.0.0.2"):
            assert [kept for pattern, kept in proxies.items() if pattern.endswith(host)] == [None]
    assert dict(os.environ) == before
    assert [one.message.partition(" names")[0] for one in caplog.records] == ["ALL_PROXY"]
