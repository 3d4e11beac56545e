"""Keys, their roles, and the throttle for wrong keys."""

import pytest

from page.server.access_keys import (
    FORGET_AFTER_S,
    LONGEST_WAIT_S,
    MAX_ADDRESSES,
    AccessKeys,
    KeyThrottle,
    TooManyWrongKeys,
    WrongKey,
)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def throttle(clock):
    return KeyThrottle(clock)


KEYS = AccessKeys("look-key", "train-key")


def fail(throttle, times, address="192.168.1.7"):
    for _ in range(times):
        with pytest.raises(WrongKey):
            throttle.try_key(KEYS, address, "wrong")


def test_each_key_gives_its_role_and_no_other_text_does():
    assert (KEYS.role_of("look-key"), KEYS.role_of("train-key")) == ("look", "train")
    for wrong in ("", "look", "look-key ", "LOOK-KEY", KEYS.token("train"), "\ud800"):
        assert KEYS.role_of(wrong) is None


def test_each_start_creates_new_keys_too_long_to_guess():
    first, second = AccessKeys(), AccessKeys()
    assert len({first.look, first.train, second.look, second.train}) == 4
    assert len(first.train) >= 32
    assert first.train not in repr(first)


def test_a_token_gives_its_role_and_is_not_the_key():
    assert KEYS.role_of_token(KEYS.token("look")) == "look"
    assert KEYS.role_of_token("train-key") is None
    assert AccessKeys().role_of_token(KEYS.token("train")) is None


def test_after_a_few_wrong_keys_each_doubles_the_wait(throttle, clock):
    fail(throttle, 5)
    for wait_s in (1, 2, 4, 8):
        with pytest.raises(TooManyWrongKeys) as error:
            throttle.try_key(KEYS, "192.168.1.7", "wrong")
        assert error.value.wait_s == wait_s
        clock.now += wait_s
        fail(throttle, 1)


def test_a_right_key_always_works(throttle):
    """A stranger behind the same router must not lock teammates out."""
    fail(throttle, 5)
    with pytest.raises(TooManyWrongKeys):
        throttle.try_key(KEYS, "192.168.1.7", "wrong")
    assert throttle.try_key(KEYS, "192.168.1.7", "train-key") == "train"


def test_a_missing_key_is_not_counted_as_wrong(throttle):
    for _ in range(20):
        with pytest.raises(WrongKey):
            throttle.try_key(KEYS, "192.168.1.7", "")


def test_the_wait_is_bounded(throttle, clock):
    for _ in range(40):
        fail(throttle, 1)
        clock.now += LONGEST_WAIT_S
    fail(throttle, 1)
    with pytest.raises(TooManyWrongKeys) as error:
        throttle.try_key(KEYS, "192.168.1.7", "wrong")
    assert error.value.wait_s == LONGEST_WAIT_S


def test_old_failures_are_dropped(throttle, clock):
    fail(throttle, 5)
    clock.now += FORGET_AFTER_S + 1
    fail(throttle, 5)


def test_other_addresses_do_not_wait(throttle):
    fail(throttle, 5)
    fail(throttle, 5, "192.168.1.8")


def test_addresses_of_one_ipv6_network_share_a_wait(throttle):
    fail(throttle, 5, "2001:db8::1")
    with pytest.raises(TooManyWrongKeys):
        throttle.try_key(KEYS, "2001:db8::ffff", "wrong")
    fail(throttle, 1, "2001:db8:0:1::1")


def test_the_number_of_stored_addresses_is_bounded(throttle):
    for number in range(MAX_ADDRESSES + 10):
        fail(throttle, 1, f"visitor {number}")
    assert len(throttle._failed) == MAX_ADDRESSES
