"""The announcement in the terminal at start."""

import pytest

from page.server import launch
from page.server.access_policy import AccessPolicy
from page.server.launch import announcement, own_link
from page.server.settings import Settings


@pytest.fixture(autouse=True)
def network(monkeypatch):
    monkeypatch.setattr(launch, "lan_address", lambda: "192.168.1.5")


def announce(host="0.0.0.0", public_url=None, **settings):
    policy = AccessPolicy(Settings(**settings))
    policy.begin(public_url)
    return policy, "\n".join(announcement(host, 7860, policy, public_url))


def test_the_network_gets_two_links_with_keys_and_this_machine_one_without():
    policy, text = announce()
    assert "http://localhost:7860/\n" in text
    assert f"http://192.168.1.5:7860/?key={policy.keys.look}" in text
    assert f"http://192.168.1.5:7860/?key={policy.keys.train}" in text
    assert "Anyone with a link can view all recordings" in text and "write checkpoints" in text


def test_with_a_public_link_every_link_has_a_key():
    policy, text = announce(public_url="https://abc.gradio.live/", share=True)
    for address in ("http://localhost:7860/", "http://192.168.1.5:7860/", "https://abc.gradio.live/"):
        assert f"{address}?key={policy.keys.train}" in text


def test_a_read_only_server_announces_no_link_for_training():
    policy, text = announce(read_only=True)
    assert policy.keys.look in text and policy.keys.train not in text
    assert "Read-only" in text


def test_an_open_server_is_announced_with_a_warning():
    text = announce(open=True)[1]
    assert "OPEN WITHOUT A KEY" in text and "train, load and save" in text
    assert "?key=" not in text and "http://192.168.1.5:7860/" in text
    assert "change nothing" in announce(open=True, read_only=True)[1]


def test_a_server_for_this_machine_alone_announces_no_keys():
    text = announce(host="127.0.0.1")[1]
    assert "Only this machine" in text and "?key=" not in text


def test_a_single_address_of_the_network_is_used_in_the_links():
    policy, text = announce(host="10.0.0.2")
    assert f"http://10.0.0.2:7860/?key={policy.keys.look}" in text and "192.168.1.5" not in text
    assert own_link("10.0.0.2", 7860, policy) == f"http://10.0.0.2:7860/?key={policy.keys.train}"
    assert own_link("127.0.0.1", 7860, policy) == "http://localhost:7860/"


def test_without_a_network_only_this_machine_gets_a_link(monkeypatch):
    monkeypatch.setattr(launch, "lan_address", lambda: None)
    assert "Only this machine" in announce()[1]
