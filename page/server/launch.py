"""Start and end of the server process: a free port, the announcement of the links, and an immediate exit."""

import logging
import os
import socket
import sys
import webbrowser
from typing import NoReturn

import gradio as gr
from gradio.tunneling import CURRENT_TUNNELS

from page.server.access_keys import Role
from page.server.access_policy import AccessPolicy
from page.server.hosts import LOCAL_NAMES, lan_address
from page.server.key_page import KEY_FIELD

try:
    import resource
except ImportError:  # Windows
    resource = None

logger = logging.getLogger(__name__)

MAX_OPEN_FILES = 8192
ALL_ADDRESSES = ("0.0.0.0", "")
PERMISSIONS = {"look": "look, run the networks", "train": "also train, load, save"}


def free_port(host: str, port: int) -> int:
    """The first free port from `port` on; raises SystemExit if a hundred ports are taken."""
    for candidate in range(port, min(port + 100, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
        if candidate != port:
            logger.warning("Port %d is in use; using %d.", port, candidate)
        return candidate
    raise SystemExit(
        f"No port from {port} on is free at {host}, or that is no address of this machine; choose another."
    )


def has_screen() -> bool:
    """True if a browser can be opened here: without a screen, a text browser would take over the terminal."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def announce(demo: gr.Blocks, policy: AccessPolicy, opens_browser: bool) -> None:
    """Log the links of a launched server with their permissions, and open the page in a browser of this machine."""
    allow_many_connections()
    policy.begin(demo.share_url)
    demo.share = False  # Gradio's shared page loads its scripts from another host; this server has them itself
    host, port = demo.server_name, demo.server_port
    logger.info("%s", "\n".join(announcement(host, port, policy, demo.share_url)))
    if opens_browser and has_screen():
        webbrowser.open(own_link(host, port, policy))


def allow_many_connections() -> None:
    """Raise the limit of open files: each visitor's page holds connections open, and some systems start with 256."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(MAX_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def exit_now() -> NoReturn:
    """End the process at once. In a normal exit of the interpreter, a thread that still computes would abort it."""
    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def own_link(host: str, port: int, policy: AccessPolicy) -> str:
    """Address for a browser on this machine, with a key if even this machine needs one."""
    name = "localhost" if host in ALL_ADDRESSES or host in LOCAL_NAMES else host
    address = f"http://{name}:{port}/"
    needs_key = policy.is_public or (name != "localhost" and policy.roles)
    return with_key(address, policy, policy.roles[-1]) if needs_key else address


def with_key(address: str, policy: AccessPolicy, role: Role) -> str:
    return f"{address.rstrip('/')}/?{KEY_FIELD}={policy.keys.of(role)}"


def announcement(host: str, port: int, policy: AccessPolicy, public_url: str | None) -> list[str]:
    """Lines for the terminal at start: the links, their permissions, and everything that they expose."""
    lines = ["Session Explorer", f"  {'this machine':<26}{own_link(host, port, policy)}"]
    lan_host = None if host in LOCAL_NAMES else lan_address() if host in ALL_ADDRESSES else host
    lan_url = f"http://{lan_host}:{port}/" if lan_host else None
    for visitors, address in (("teammates on this network", lan_url), ("everybody, through a tunnel", public_url)):
        if address and not policy.roles:
            lines.append(f"  {visitors:<26}{address}")
        elif address:
            lines.append(f"  {visitors}")
            lines += [f"    {PERMISSIONS[role]:<24}{with_key(address, policy, role)}" for role in policy.roles]
    if policy.root:
        lines.append(f"  Through the proxy the links begin with {policy.root.rstrip('/')}/ instead.")
    return [*lines, *_exposure(policy, is_reachable=bool(lan_url or public_url))]


def _exposure(policy: AccessPolicy, is_reachable: bool) -> list[str]:
    """Lines on everything that visitors with these links can view and change."""
    if not is_reachable:
        return ["  Only this machine can reach it. Ctrl-C ends it."]
    content = "all recordings in the data folder, the names of its checkpoints, and all model outputs"
    if not policy.roles:
        changes = "change nothing" if policy.is_read_only else "train, load and save"
        lines = [f"  OPEN WITHOUT A KEY: everybody sees {content},", f"  and may {changes}."]
    elif policy.is_read_only:
        lines = [f"  Anyone with a link can view {content}.", "  Read-only: nobody trains, loads or saves."]
    else:
        warning = "The links for training let others change everybody's weights, and write checkpoints."
        lines = [f"  Anyone with a link can view {content}.", f"  {warning}"]
    return [*lines, "  Connections are not encrypted, but for the public link. Ctrl-C ends the server."]
