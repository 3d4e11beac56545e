"""Variables of the shell that are meant for other programs: proxies, certificates, and settings of Gradio.

Gradio asks its own server whether it has started, and would ask through the proxy; with a SOCKS proxy, or certificates
that are not there, it cannot even be imported. Imports nothing, so that it can be used before Gradio is.
"""

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator

EXEMPT = ("no_proxy", "NO_PROXY")  # both are read; "*" exempts every host
LOCAL_HOSTS = "localhost,127.0.0.1,::1"
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
GRADIO = "GRADIO_"
# Of Gradio's variables only these: with others it would never return from its start, or needs further packages.
HEEDED = ("GRADIO_TEMP_DIR", "GRADIO_SHARE_SERVER_ADDRESS", "GRADIO_ANALYTICS_ENABLED")

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def without_foreign_settings() -> Iterator[None]:
    """Within the block use no proxy, and none of the settings that are meant for other programs."""
    with _changed({**_foreign_settings(), **dict.fromkeys(EXEMPT, "*")}):
        yield


@contextlib.contextmanager
def settings_for_public_link(host: str) -> Iterator[None]:
    """The same, but with proxies for other hosts, except those that need a missing package."""
    exempt = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), LOCAL_HOSTS, host]))
    unusable = [] if importlib.util.find_spec("socksio") else _socks_variables()
    if unusable:
        logger.warning(
            "%s names a SOCKS proxy, which needs the package httpx[socks]: the public link is requested without it.",
            unusable[0],
        )
    with _changed({**_foreign_settings(), **dict.fromkeys(EXEMPT, exempt), **dict.fromkeys(unusable, None)}):
        yield


def _foreign_settings() -> dict[str, None]:
    """Settings of Gradio that the page does not heed, and certificates that are not there."""
    gradio = [name for name in os.environ if name.startswith(GRADIO) and name not in HEEDED]
    missing = [name for name in CERTIFICATES if not os.path.exists(os.environ.get(name, os.curdir))]
    return dict.fromkeys([*gradio, *missing])


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
