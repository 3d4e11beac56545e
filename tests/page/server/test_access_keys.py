import pytest

from page.server.access_keys import (
    ADDRESSES_AT_MOST,
    FORGET_AFTER_S,
    LONGEST_WAIT_S,
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
def back_off(clock):
    return KeyThrottle(clock)


KEYS = AccessKeys("look-key", "train-key")


def fail(back_off, times, address="192.168.1.7"):
    for _ in range(times):
        with pytest.raises(WrongKey):
            back_off.try_key(KEYS, address, "wrong")


def test_each_key_opens_its_role_and_nothing_else_does():
    assert (KEYS.role_of("look-key"), KEYS.role_of("train-key")) == ("look", "train")
    for wrong in ("", "look", "look-key ", "LOOK-KEY", KEYS.token("train"), "\ud800"):
        assert KEYS.role_of(wrong) is None


def test_every_start_has_new_keys_that_nobody_guesses():
    first, second = AccessKeys(), AccessKeys()
    assert len({first.look, first.train, second.look, second.train}) == 4
    assert len(first.train) >= 32
    assert first.train not in repr(first)


def test_what_a_browser_keeps_opens_its_role_and_is_not_the_key():
    assert KEYS.role_of_token(KEYS.token("look")) == "look"
    assert KEYS.role_of_token("train-key") is None
    assert AccessKeys().role_of_token(KEYS.token("train")) is None


def test_after_a_few_wrong_keys_each_doubles_the_wait(back_off, clock):
    fail(back_off, 5)
    for wait_s in (1, 2, 4, 8):
        with pytest.raises(TooManyWrongKeys) as told:
            back_off.try_key(KEYS, "192.168.1.7", "wrong")
        assert told.value.wait_s == wait_s
        clock.now += wait_s
        fail(back_off, 1)


def test_a_right_key_opens_always(back_off):
    """A stranger behind the same router must not keep teammates out."""
    fail(back_off, 5)
    with pytest.raises(TooManyWrongKeys):
        back_off.try_key(KEYS, "192.168.1.7", "wrong")
    assert back_off.try_key(KEYS, "192.168.1.7", "train-key") == "train"


def test_no_key_is_no_guess(back_off):
    for _ in range(20):
        with pytest.raises(WrongKey):
            back_off.try_key(KEYS, "192.168.1.7", "")


def test_the_wait_has_an_end(back_off, clock):
    for _ in range(40):
        fail(back_off, 1)
        clock.now += LONGEST_WAIT_S
    fail(back_off, 1)
    with pytest.raises(TooManyWrongKeys) as told:
        back_off.try_key(KEYS, "192.168.1.7", "wrong")
    assert told.value.wait_s == LONGEST_WAIT_S


def test_wrong_keys_of_long_ago_are_forgotten(back_off, clock):
    fail(back_off, 5)
    clock.now += FORGET_AFTER_S + 1
    fail(back_off, 5)


def test_others_do_not_wait(back_off):
    fail(back_off, 5)
    fail(back_off, 5, "192.168.1.8")


def test_a_whole_network_of_one_visitor_waits(back_off):
    fail(back_off, 5, "2001:db8::1")
    with pytest.raises(TooManyWrongKeys):
        back_off.try_key(KEYS, "2001:db8::ffff", "wrong")
    fail(back_off, 1, "2001:db8:0:1::1")


def test_many_addresses_take_a_bounded_place(back_off):
    for number in range(ADDRESSES_AT_MOST + 10):
        fail(back_off, 1, f"visitor {number}")
    assert len(back_off._wrong) == ADDRESSES_AT_MOST
