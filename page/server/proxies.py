"""The shell's proxy variables (http_proxy, https_proxy, all_proxy), which concern a server only for its public link.

Gradio asks its own server whether it has started, and would ask through the proxy; with a SOCKS proxy it cannot even be
imported. Imports nothing, so that it can be used before Gradio is.
"""

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator

EXEMPT = ("no_proxy", "NO_PROXY")  # both are read; "*" exempts every host
LOCAL_HOSTS = "localhost,127.0.0.1,::1"

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def without_proxies() -> Iterator[None]:
    """Use no proxy within the block."""
    with _changed(dict.fromkeys(EXEMPT, "*")):
        yield


@contextlib.contextmanager
def proxies_for_public_link(host: str) -> Iterator[None]:
    """Within the block use proxies for other hosts only, and none that needs a missing package."""
    exempt = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOCAL_HOSTS, host]))
    unusable = [] if importlib.util.find_spec("socksio") else _socks_variables()
    if unusable:
        logger.warning(
            "%s names a SOCKS proxy, which needs the package httpx[socks]: the public link is requested without it.",
            unusable[0],
        )
    with _changed({**dict.fromkeys(EXEMPT, exempt), **dict.fromkeys(unusable, None)}):
        yield


def _socks_variables() -> list[str]:
    variables = os.environ.items()
    return [name for name, value in variables if name.lower().endswith("_proxy") and value.lower().startswith("socks")]


@contextlib.contextmanager
def _changed(values: dict[str, str | None]) -> Iterator[None]:
    """Set variables of the environment, remove those whose value is None, and restore all in the end."""
    before = {name: os.environ.get(name) for name in values}
    try:
        _set(values)
        yield
    finally:
        _set(before)


def _set(values: dict[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
