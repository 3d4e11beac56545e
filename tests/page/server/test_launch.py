"""What the terminal says at start."""

import pytest

from page.server import launch as serving
from page.server.access_policy import AccessPolicy
from page.server.launch import Settings, announcement, own_link


@pytest.fixture(autouse=True)
def network(monkeypatch):
    monkeypatch.setattr(serving, "lan_address", lambda: "192.168.1.5")


def told(host="0.0.0.0", public_url=None, **settings):
    entrance = AccessPolicy(Settings(**settings))
    entrance.begin(public_url)
    return entrance, "\n".join(announcement(host, 7860, entrance, public_url))


def test_teammates_get_two_links_with_keys_and_this_machine_needs_none():
    entrance, text = told()
    assert "http://localhost:7860/\n" in text
    assert f"http://192.168.1.5:7860/?key={entrance.keys.look}" in text
    assert f"http://192.168.1.5:7860/?key={entrance.keys.train}" in text
    assert "Whoever has a link sees all recordings" in text and "write checkpoints" in text


def test_with_a_public_link_even_this_machine_gets_a_key():
    entrance, text = told(public_url="https://abc.gradio.live/", share=True)
    for address in ("http://localhost:7860/", "http://192.168.1.5:7860/", "https://abc.gradio.live/"):
        assert f"{address}?key={entrance.keys.train}" in text


def test_on_a_read_only_server_no_link_for_training_is_given_out():
    entrance, text = told(read_only=True)
    assert entrance.keys.look in text and entrance.keys.train not in text
    assert "Read-only" in text


def test_without_keys_it_is_said_loudly():
    text = told(open=True)[1]
    assert "OPEN WITHOUT A KEY" in text and "train, load and save" in text
    assert "?key=" not in text and "http://192.168.1.5:7860/" in text
    assert "change nothing" in told(open=True, read_only=True)[1]


def test_a_server_for_this_machine_alone_says_so_and_gives_no_keys():
    text = told(host="127.0.0.1")[1]
    assert "Only this machine" in text and "?key=" not in text


def test_one_address_of_the_network_is_named_as_it_is():
    entrance, text = told(host="10.0.0.2")
    assert f"http://10.0.0.2:7860/?key={entrance.keys.look}" in text and "192.168.1.5" not in text
    assert own_link("10.0.0.2", 7860, entrance) == f"http://10.0.0.2:7860/?key={entrance.keys.train}"
    assert own_link("127.0.0.1", 7860, entrance) == "http://localhost:7860/"


def test_without_a_network_there_is_no_link_for_others(monkeypatch):
    monkeypatch.setattr(serving, "lan_address", lambda: None)
    assert "Only this machine" in told()[1]
