"""The access rules: which role a request has, decided from its headers and sender before anything else sees it.

How a denial is answered is in `access_middleware.py`. Roles are "look" (see everything, run the networks) and "train"
(change what others see as well).
"""

from typing import Protocol

from starlette.requests import HTTPConnection

from page.server.access_keys import AccessKeys, KeyThrottle, Role
from page.server.hosts import is_literal, is_loopback, is_same_place, own_names, split_place

MAX_BODY_BYTES = 1 << 16  # the largest thing a page sends is a form of a few hundred bytes
ROLE = "session_explorer.role"  # where the role of a request stands in its scope

# Of Gradio's own server only what this page and programs use: no uploads, no files, no proxy, no editor.
EXACT_PATHS = frozenset(
    {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/pwa_icon", "/login_check", "/key"}
)
API_PATHS = frozenset(
    f"/gradio_api/{name}"
    for name in (
        *("info", "openapi.json", "app_id", "theme.css", "user", "login_check", "startup-events"),
        *("queue/join", "queue/data", "reset", "cancel"),
    )
)
BELOW = (
    *("/assets/", "/static/", "/svelte/", "/pwa_icon/", "/recorded/", "/runs/"),
    *("/gradio_api/call/", "/gradio_api/run/", "/gradio_api/heartbeat/"),
)
# A proxy on this machine, and the tunnel of a public link, say with headers that begin so that somebody is behind them.
FORWARDED = ("forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip", "via")

UNKNOWN_HOST = "This server does not answer to that name. Use its address, or start it with --allow-host and the name."
FOREIGN_PAGE = "This request comes from a page of another site; open Session Explorer itself."


class EntranceSettings(Protocol):
    """What the command line decides about visitors."""

    share: bool
    open: bool
    read_only: bool
    names: tuple[str, ...]


class AccessDenied(Exception):
    """A request that goes no further: HTTP status and a sentence; `asks_key`: with a key it could, after `wait_s`."""

    def __init__(self, status: int, sentence: str, asks_key: bool = False, wait_s: int = 0) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.asks_key, self.wait_s = status, sentence, asks_key, wait_s


class AccessPolicy:
    """The rules of one server. Until `begin`, Gradio's own question whether it has started is let through."""

    def __init__(self, settings: EntranceSettings) -> None:
        self.keys, self.back_off = AccessKeys(), KeyThrottle()
        self._is_open, self.is_read_only = settings.open, settings.read_only
        self.is_public = settings.share  # then even a visitor on this machine cannot be told from others
        self._extra_names = frozenset(name.lower() for name in settings.names)
        self._names = own_names() | self._extra_names
        self._has_begun = False

    def begin(self, public_url: str | None) -> None:
        """The server runs; with a public link it answers to that name too, and everybody needs a key."""
        self._has_begun = True
        place = split_place(public_url.partition("://")[2].rstrip("/")) if public_url else None
        if place is not None:
            self.is_public = True
            self._names |= {place[0]}

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles for which keys are given out."""
        if self._is_open:
            return ()
        return ("look",) if self.is_read_only else ("look", "train")

    def check_place(self, connection: HTTPConnection) -> None:
        """Refuse what comes from another site's page, or asks for a server of another name."""
        headers = connection.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._answers_to(host):
            raise AccessDenied(403, UNKNOWN_HOST)
        is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        is_elsewhere = headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_visit
        if is_elsewhere or (origin is not None and not self._is_own_origin(origin, host)):
            raise AccessDenied(403, FOREIGN_PAGE)

    def _answers_to(self, host: str) -> bool:
        place = split_place(host)
        return place is not None and (place[0] in self._names or is_literal(place[0]))

    def _is_own_origin(self, origin: str, host: str) -> bool:
        if is_same_place(origin, host):
            return True
        # Behind a proxy that calls this server by another name than visitors do.
        place = split_place(origin.partition("://")[2])
        return place is not None and place[0] in self._extra_names

    def role_of(self, connection: HTTPConnection) -> Role:
        """The role of a request; raises a Refusal where it needs a key and has none that is right."""
        role = self.role_without_key(connection) or self._role_by_key(connection)
        return "look" if self.is_read_only else role

    def role_without_key(self, connection: HTTPConnection) -> Role | None:
        """The role of those who need no key; None for others."""
        if self._is_open or self._is_on_this_machine(connection):
            return "train"
        is_starting = not self._has_begun and connection.scope["path"] == "/gradio_api/startup-events"
        return "look" if is_starting and _is_from_loopback(connection) else None

    def _is_on_this_machine(self, connection: HTTPConnection) -> bool:
        is_forwarded = any(name.startswith(FORWARDED) for name in connection.headers)
        return not self.is_public and not is_forwarded and _is_from_loopback(connection)

    def _role_by_key(self, connection: HTTPConnection) -> Role:
        kept = connection.cookies.get(cookie_name(connection), "")
        role = self.keys.role_of_token(kept)
        if role is not None:
            return role
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self.back_off.try_key(self.keys, address_of(connection), key.strip())
        raise AccessDenied(401, "This server asks for a key; open the link that carries it.", asks_key=True)


def is_known_path(path: str) -> bool:
    """Whether this page has anything at `path`."""
    return path in EXACT_PATHS or path.removesuffix("/") in API_PATHS or path.startswith(BELOW)


def cookie_name(connection: HTTPConnection) -> str:
    """Cookies do not know ports: two servers on one machine must not overwrite each other's."""
    server = connection.scope.get("server")
    return f"session_explorer_{server[1] if server else 0}"


def address_of(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else "unknown"


def _is_from_loopback(connection: HTTPConnection) -> bool:
    return connection.client is not None and is_loopback(connection.client.host)
