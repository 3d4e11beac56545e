"""Keys, the two roles they open, and patience with wrong ones. Knows no requests and no pages."""

import hashlib
import hmac
import ipaddress
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Role = Literal["look", "train"]
ROLES: tuple[Role, ...] = ("look", "train")
KEY_BYTES = 24
FREE_TRIES = 5
LONGEST_WAIT_S = 300.0
FORGET_AFTER_S = 3600.0
ADDRESSES_AT_MOST = 4096


class WrongKey(Exception):
    """A key that opens nothing."""


class TooManyWrongKeys(Exception):
    """Many wrong keys came from this address, and one more; `wait_s` seconds are left of the wait for those."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.0f} s")
        self.wait_s = wait_s


def new_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


@dataclass(frozen=True)
class AccessKeys:
    """One key to look and infer, one to train, load and save as well; new ones for each start of the server."""

    look: str = field(default_factory=new_key, repr=False)
    train: str = field(default_factory=new_key, repr=False)

    def of(self, role: Role) -> str:
        return self.look if role == "look" else self.train

    def role_of(self, key: str) -> Role | None:
        """What a key opens; None for a wrong one. Takes the same time for every wrong key."""
        return _matching({role: self.of(role) for role in ROLES}, key)

    def token(self, role: Role) -> str:
        """What a browser keeps instead of the key, which so stands in no cookie."""
        return hmac.new(self.of(role).encode(), b"session explorer", hashlib.sha256).hexdigest()

    def role_of_token(self, token: str) -> Role | None:
        return _matching({role: self.token(role) for role in ROLES}, token)


def _matching(secrets_of_roles: dict[Role, str], given: str) -> Role | None:
    offered = given.encode("utf-8", "replace")
    matching = [role for role, secret in secrets_of_roles.items() if hmac.compare_digest(secret.encode(), offered)]
    return matching[0] if matching else None


@dataclass(frozen=True)
class FailedAttempts:
    """Wrong keys of one address: how many there were in a row, and when the last."""

    count: int = 0
    at: float = 0.0

    @property
    def wait_s(self) -> float:
        return min(LONGEST_WAIT_S, 2.0 ** (self.count - FREE_TRIES)) if self.count >= FREE_TRIES else 0.0


class KeyThrottle:
    """After a few wrong keys each further one doubles the time in which wrong keys of that address are turned away.

    A right key opens always: nobody guesses one of 192 bits, and a stranger behind the same router must not be able to
    keep teammates out. The oldest addresses are forgotten beyond a limit.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, FailedAttempts] = OrderedDict()

    def try_key(self, keys: AccessKeys, address: str, key: str) -> Role:
        """The role that a key opens; raises WrongKey, or TooManyWrongKeys where the last wrong one was just now."""
        role = keys.role_of(key)
        if role is None and key:
            self._note_wrong(neighbourhood(address))
        if role is None:
            raise WrongKey
        return role

    def _note_wrong(self, neighbours: str) -> None:
        with self._lock:
            now, wrong = self._clock(), self._wrong.pop(neighbours, FailedAttempts())
            if now - wrong.at > FORGET_AFTER_S:
                wrong = FailedAttempts()
            wait_s = wrong.at + wrong.wait_s - now
            self._wrong[neighbours] = wrong if wait_s > 0 else FailedAttempts(wrong.count + 1, now)
            while len(self._wrong) > ADDRESSES_AT_MOST:
                self._wrong.popitem(last=False)
        if wait_s > 0:
            raise TooManyWrongKeys(wait_s)


def neighbourhood(address: str) -> str:
    """The address, or the /64 network of an IPv6 one: within it a visitor may choose any."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.IPv6Interface((parsed, 64)).network) if parsed.version == 6 else address
