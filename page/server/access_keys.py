"""Access keys of the two roles, and a throttle for wrong keys. Independent of requests and pages."""

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

from page.server.hosts import parse_ip

Role = Literal["look", "train"]
ROLES: tuple[Role, ...] = ("look", "train")
KEY_BYTES = 24
FREE_TRIES = 5
LONGEST_WAIT_S = 300.0
FORGET_AFTER_S = 3600.0
MAX_ADDRESSES = 4096


class WrongKey(Exception):
    """A key that gives no role."""


class TooManyWrongKeys(Exception):
    """One more wrong key after many from the same address; `wait_s` seconds of the wait remain."""

    def __init__(self, wait_s: float) -> None:
        super().__init__(f"{wait_s:.0f} s")
        self.wait_s = wait_s


def new_key() -> str:
    return secrets.token_urlsafe(KEY_BYTES)


@dataclass(frozen=True)
class AccessKeys:
    """One key for viewing and inference, one for training, loading and saving too; new at each start of the server."""

    look: str = field(default_factory=new_key, repr=False)
    train: str = field(default_factory=new_key, repr=False)

    def of(self, role: Role) -> str:
        return self.look if role == "look" else self.train

    def role_of(self, key: str) -> Role | None:
        """Role of a key, or None if the key is wrong. Takes the same time for every wrong key."""
        return _role_of_match({role: self.of(role) for role in ROLES}, key)

    def token(self, role: Role) -> str:
        """Value of the cookie of a role: derived from the key, so that no cookie holds the key itself."""
        return hmac.new(self.of(role).encode(), b"session explorer", hashlib.sha256).hexdigest()

    def role_of_token(self, token: str) -> Role | None:
        return _role_of_match({role: self.token(role) for role in ROLES}, token)


def _role_of_match(secret_of: dict[Role, str], text: str) -> Role | None:
    candidate = text.encode("utf-8", "replace")
    matches = [role for role, secret in secret_of.items() if hmac.compare_digest(secret.encode(), candidate)]
    return matches[0] if matches else None


@dataclass(frozen=True)
class FailedAttempts:
    """Wrong keys of one address: the count in a row, and the time of the last one."""

    count: int = 0
    at: float = 0.0

    @property
    def wait_s(self) -> float:
        return min(LONGEST_WAIT_S, 2.0 ** (self.count - FREE_TRIES)) if self.count >= FREE_TRIES else 0.0


class KeyThrottle:
    """Growing waits after wrong keys: after a few, each further one doubles the wait of its address.

    A right key always works: keys of 192 bits cannot be guessed, and a stranger behind the same router must not be able
    to lock teammates out. Beyond a limit the oldest addresses are dropped.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, FailedAttempts] = OrderedDict()

    def try_key(self, keys: AccessKeys, address: str, key: str) -> Role:
        """Role of a key; raises WrongKey, or TooManyWrongKeys during the wait. A missing key ("") is not counted."""
        role = keys.role_of(key)
        if role is None and key:
            self._record_failure(network_of(address))
        if role is None:
            raise WrongKey
        return role

    def _record_failure(self, network: str) -> None:
        with self._lock:
            now, failed = self._clock(), self._failed.pop(network, FailedAttempts())
            if now - failed.at > FORGET_AFTER_S:
                failed = FailedAttempts()
            wait_s = failed.at + failed.wait_s - now
            self._failed[network] = failed if wait_s > 0 else FailedAttempts(failed.count + 1, now)
            while len(self._failed) > MAX_ADDRESSES:
                self._failed.popitem(last=False)
        if wait_s > 0:
            raise TooManyWrongKeys(wait_s)


def network_of(address: str) -> str:
    """The address, or the /64 network of an IPv6 address, within which a visitor can choose any address."""
    parsed = parse_ip(address)
    if parsed is None or parsed.version == 4:
        return address
    return str(ipaddress.IPv6Interface((parsed, 64)).network)
