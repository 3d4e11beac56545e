"""Access rules: the role of a request, decided from its headers and sender before anything else handles it.

The middleware in `access_middleware.py` answers denied requests. Role "look" may view everything and run the networks;
role "train" may also change what other visitors see.
"""

from starlette.requests import HTTPConnection

from page.server.access_keys import AccessKeys, KeyThrottle, Role, TooManyWrongKeys, WrongKey, new_key
from page.server.base_path import path_of
from page.server.hosts import is_loopback, is_same_origin, own_names, parse_ip, split_host
from page.server.key_page import KEY_PATH
from page.server.settings import Settings

MAX_BODY_BYTES = 1 << 16  # the largest request of the page is a form of a few hundred bytes
ROLE = "session_explorer.role"  # key of the role in the scope of a request

# Of Gradio's own server only what this page and programs use: no uploads, no files, no proxy, no editor, no heartbeat
# (see `blocks.py`).
APP_ID_PATH = "/gradio_api/app_id"
STARTUP_PATH = "/gradio_api/startup-events"
EXACT_PATHS = frozenset(
    {"/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/manifest.json", "/pwa_icon", "/login_check"}
    | {KEY_PATH, "/mcp", "/report.html"}
)
API_PATHS = frozenset(
    {
        *(f"/gradio_api/{name}" for name in ("info", "openapi.json", "theme.css", "user", "login_check")),
        *(f"/gradio_api/{name}" for name in ("queue/join", "queue/data", "reset", "cancel")),
        *(APP_ID_PATH, STARTUP_PATH),
    }
)
PATH_PREFIXES = (
    *("/assets/", "/static/", "/svelte/", "/pwa_icon/", "/recorded/", "/runs/"),
    *("/gradio_api/call/", "/gradio_api/run/"),
)
# A proxy on this machine, and the tunnel of a public link, add headers with these prefixes for the visitor behind them.
FORWARDING_HEADERS = (
    *("forwarded", "x-forwarded", "x-real-ip", "x-client-ip"),
    *("true-client-ip", "cf-connecting-ip", "via"),
)

UNKNOWN_HOST = "This server does not answer to that name. Use its address, or start it with --allow-host and the name."
FOREIGN_PAGE = "This request comes from a page of another site; open Session Explorer itself."
NO_KEY = "This server asks for a key; open the link that carries it."
GIVE_KEY = "Give the key first."
WRONG_KEY = "That key is not right. Keys change when the server restarts: ask for a new link."


class AccessDenied(Exception):
    """A request that is not served: HTTP status and message. `needs_key`: a right key would help, at once;
    `wait_s`: seconds until the next key is tried, 0 for no wait."""

    def __init__(self, status: int, message: str, needs_key: bool = False, wait_s: int = 0) -> None:
        super().__init__(message)
        self.status, self.message, self.needs_key, self.wait_s = status, message, needs_key, wait_s


class AccessPolicy:
    """Access rules of one server. Before `begin`, Gradio's own check that the server has started needs no key."""

    def __init__(self, settings: Settings) -> None:
        self.keys = AccessKeys(settings.look_key or new_key(), settings.train_key or new_key())
        self.is_read_only = settings.read_only
        self.framed_by = settings.framed_by
        self.is_public = settings.share  # through the tunnel, all visitors look local: everybody needs a key
        self._throttle = KeyThrottle()
        self._is_open = settings.open
        self.root, self.base_path = settings.root, path_of(settings.root)
        proxy = split_host(settings.root.partition("://")[2].partition("/")[0])
        self._extra_names = frozenset(name.lower() for name in (*settings.names, *(proxy or ())[:1]))
        self._names = own_names() | self._extra_names
        self._has_begun = False

    def begin(self, public_url: str | None) -> None:
        """Mark the server as started. With a public link its name is accepted too, and everybody needs a key."""
        self._has_begun = True
        public_host = split_host(public_url.partition("://")[2].rstrip("/")) if public_url else None
        if public_host is not None:
            self.is_public = True
            self._names |= {public_host[0]}

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles that keys are issued for, the most powerful last; empty on an open server."""
        if self._is_open:
            return ()
        return ("look",) if self.is_read_only else ("look", "train")

    def check_source(self, connection: HTTPConnection) -> None:
        """Raise AccessDenied if the request is for another host name, or comes from a page of another site."""
        headers = connection.headers
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._is_own_host(host):
            raise AccessDenied(403, UNKNOWN_HOST)
        # A browser shows a page in a frame only if `framed_by`, which it is told with the page, names the site around.
        visited = ("document", "iframe") if self.framed_by else ("document",)
        is_visit = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") in visited
        is_foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site") and not is_visit
        if is_foreign or (origin is not None and not self._is_own_origin(origin, host)):
            raise AccessDenied(403, FOREIGN_PAGE)

    def _is_own_host(self, host: str) -> bool:
        parts = split_host(host)
        # An IP address is always accepted: a browser on another site's page sends that site's name, never an address.
        return parts is not None and (parts[0] in self._names or parse_ip(parts[0]) is not None)

    def _is_own_origin(self, origin: str, host: str) -> bool:
        if is_same_origin(origin, host):
            return True
        # Behind a proxy that sends this server another host name than the one visitors use.
        parts = split_host(origin.partition("://")[2])
        return parts is not None and parts[0] in self._extra_names

    def role_of(self, connection: HTTPConnection) -> Role:
        """The role of a request; raises AccessDenied if it needs a key and has no right one."""
        role = self.role_without_key(connection) or self._role_by_key(connection)
        return "look" if self.is_read_only else role

    def role_without_key(self, connection: HTTPConnection) -> Role | None:
        """The role of a request that needs no key, or None if it needs one."""
        if self._is_open or self._is_on_this_machine(connection):
            return "train"
        is_starting = not self._has_begun and connection.scope["path"] == STARTUP_PATH
        return "look" if is_starting and _is_from_loopback(connection) else None

    def _is_on_this_machine(self, connection: HTTPConnection) -> bool:
        is_forwarded = any(name.startswith(FORWARDING_HEADERS) for name in connection.headers)
        return not self.is_public and not is_forwarded and _is_from_loopback(connection)

    def _role_by_key(self, connection: HTTPConnection) -> Role:
        token = connection.cookies.get(cookie_name(connection), "")
        role = self.keys.role_of_token(token)
        if role is not None:
            return role
        scheme, _, key = connection.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and key:
            return self.try_key(connection, key.strip())
        raise AccessDenied(401, NO_KEY, needs_key=True)

    def try_key(self, connection: HTTPConnection, key: str) -> Role:
        """The role of a key; raises AccessDenied if it is wrong, with a wait if many wrong ones came before."""
        address = connection.client.host if connection.client else "unknown"
        try:
            return self._throttle.try_key(self.keys, address, key)
        except WrongKey:
            raise AccessDenied(401, WRONG_KEY if key else GIVE_KEY, needs_key=True) from None
        except TooManyWrongKeys as problem:
            wait_s = max(1, round(problem.wait_s))
            message = f"Too many wrong keys came from your address. Check the key, or wait {wait_s} s."
            raise AccessDenied(429, message, needs_key=True, wait_s=wait_s) from None


def is_known_path(path: str) -> bool:
    """True if this page serves anything at `path`."""
    return path in EXACT_PATHS or path.removesuffix("/") in API_PATHS or path.startswith(PATH_PREFIXES)


def cookie_name(connection: HTTPConnection) -> str:
    """Cookie name with the server's port: cookies ignore ports, and servers on one machine must not share a cookie."""
    server = connection.scope.get("server")
    return f"session_explorer_{server[1] if server else 0}"


def _is_from_loopback(connection: HTTPConnection) -> bool:
    return connection.client is not None and is_loopback(connection.client.host)
