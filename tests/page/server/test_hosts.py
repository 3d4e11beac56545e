import socket

import pytest

from page.server.hosts import is_loopback, is_same_origin, lan_address, own_names, parse_ip, split_host
from tests.cases import every_case


@every_case("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_addresses_are_recognized(address):
    assert is_loopback(address)


@every_case("address", ["192.168.1.7", "0.0.0.0", "::ffff:192.168.1.7", "fe80::1", "localhost", "", "x"])
def test_other_addresses_are_not_loopback(address):
    assert not is_loopback(address)


@every_case(
    "host, parts",
    [
        ("localhost:7860", ("localhost", 7860)),
        ("LOCALHOST", ("localhost", 80)),
        ("[::1]:7860", ("::1", 7860)),
        ("lab.example.", ("lab.example", 80)),
    ],
)
def test_name_and_port_are_split(host, parts):
    assert split_host(host) == parts


@every_case("host", ["", ":7860", "a:b", "a:99999", "a/b", "user@localhost", "a?b", "a#b", "[::1"])
def test_malformed_hosts_are_rejected(host):
    assert split_host(host) is None


def test_own_names_hold_the_host_name_and_no_other():
    names = own_names()
    assert {"localhost", socket.gethostname().lower()} <= names
    assert "evil.example" not in names


def test_addresses_are_distinguished_from_names():
    assert parse_ip("192.168.1.7") and parse_ip("::1")
    assert parse_ip("192.168.1.7.evil.example") is None and parse_ip("localhost") is None


@pytest.mark.parametrize(
    "origin, host",
    [
        ("http://localhost:7860", "localhost:7860"),
        ("https://x.gradio.live", "x.gradio.live"),
        ("http://LAB", "lab:80"),
    ],
)
def test_a_page_of_this_server_has_the_same_origin(origin, host):
    assert is_same_origin(origin, host)


@every_case(
    "origin", ["null", "", "http://localhost", "http://localhost:7861", "http://evil.example:7860", "file://", "x://localhost:7860"]
)  # fmt: skip
def test_pages_of_other_servers_do_not(origin):
    assert not is_same_origin(origin, "localhost:7860")


def test_the_lan_address_is_never_loopback():
    address = lan_address()
    assert address is None or (parse_ip(address) and not is_loopback(address))
