import socket

import pytest

from page.server.hosts import is_literal, is_loopback, is_same_place, lan_address, own_names, split_place


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_visitor_on_this_machine_is_known(address):
    assert is_loopback(address)


@pytest.mark.parametrize("address", ["192.168.1.7", "0.0.0.0", "::ffff:192.168.1.7", "fe80::1", "localhost", "", "x"])
def test_others_are_not_taken_for_one(address):
    assert not is_loopback(address)


@pytest.mark.parametrize(
    "place, parts",
    [
        ("localhost:7860", ("localhost", 7860)),
        ("LOCALHOST", ("localhost", 80)),
        ("[::1]:7860", ("::1", 7860)),
        ("lab.example.", ("lab.example", 80)),
    ],
)
def test_name_and_port_are_told_apart(place, parts):
    assert split_place(place) == parts


@pytest.mark.parametrize("place", ["", ":7860", "a:b", "a:99999", "a/b", "user@localhost", "a?b", "a#b", "[::1"])
def test_nonsense_is_no_place(place):
    assert split_place(place) is None


def test_this_machine_answers_to_its_own_name_and_no_other():
    names = own_names()
    assert {"localhost", socket.gethostname().lower()} <= names
    assert "evil.example" not in names


def test_an_address_is_told_from_a_name():
    assert is_literal("192.168.1.7") and is_literal("::1")
    assert not is_literal("192.168.1.7.evil.example") and not is_literal("localhost")


@pytest.mark.parametrize(
    "origin, host",
    [
        ("http://localhost:7860", "localhost:7860"),
        ("https://x.gradio.live", "x.gradio.live"),
        ("http://LAB", "lab:80"),
    ],
)
def test_a_page_of_this_server_comes_from_it(origin, host):
    assert is_same_place(origin, host)


@pytest.mark.parametrize(
    "origin", ["null", "", "http://localhost", "http://localhost:7861", "http://evil.example:7860", "file://", "x://localhost:7860"]
)  # fmt: skip
def test_pages_of_others_do_not(origin):
    assert not is_same_place(origin, "localhost:7860")


def test_the_address_for_neighbours_is_never_this_machines_own():
    address = lan_address()
    assert address is None or (is_literal(address) and not is_loopback(address))
