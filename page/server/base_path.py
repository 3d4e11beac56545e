"""The path below which visitors reach the server, if a proxy serves it below a path of another site.

The proxy is expected to remove the path from its requests; one that does not is served too.
"""

import re
from urllib.parse import urlsplit

from starlette.types import Scope

BASE_PATH = "session_explorer.base_path"  # key of the path in the scope of a request
FORWARDED_PREFIX = b"x-forwarded-prefix"
MAX_LENGTH = 200
PATH = re.compile(r"(/[\w.~@:+-]+)+", re.ASCII)


def path_of(root: str) -> str:
    """The path of GRADIO_ROOT_PATH, which is a path or a whole address: "/explorer", or "" for the root of the host."""
    path = urlsplit(root).path.rstrip("/")
    return path if len(path) <= MAX_LENGTH and PATH.fullmatch(path) else ""


def below_base(scope: Scope, configured: str) -> Scope:
    """The scope of a request with its base path, and with `path` below it.

    The base path is the configured one, or that of the proxy's header, or "" if it is not known.
    """
    base = configured or _forwarded(scope)
    path = scope["path"]
    if base and (path == base or path.startswith(f"{base}/")):
        path = path.removeprefix(base)
    # Gradio builds its own addresses from the root path of the scope, unless it is configured.
    return {**scope, "path": path, BASE_PATH: base, **({"root_path": base} if base else {})}


def address_below(base: str, address: str) -> str:
    """An address of this server, such as "/?frame=3", for a visitor of a page directly below the base path.

    If that path is not known, the address is relative to the page.
    """
    return f"{base}{address}" if base else f".{address}"


def _forwarded(scope: Scope) -> str:
    value = dict(scope["headers"]).get(FORWARDED_PREFIX, b"").decode("latin-1").partition(",")[0].strip()
    return path_of(value) if value.startswith("/") and not value.startswith("//") else ""
