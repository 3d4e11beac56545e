"""How the server is started: what the command line decides, a free port, and what is told about who may come in."""

import argparse
import logging
import os
import resource
import socket
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import gradio as gr
from gradio.tunneling import CURRENT_TUNNELS

from page.server.access_keys import Role
from page.server.access_policy import AccessPolicy
from page.server.hosts import LOCAL_NAMES, lan_address
from training import InvalidValue, whole_number

logger = logging.getLogger(__name__)

HOST, PORT = "0.0.0.0", 7860
OPEN_FILES = 8192
EVERYWHERE = ("0.0.0.0", "")
POWERS = {"look": "look, run the networks", "train": "also train, load, save"}


@dataclass(frozen=True)
class Settings:
    """What the command line decides."""

    data: Path = Path("saved")
    host: str = HOST
    port: int = PORT
    share: bool = False
    browser: bool = True
    read_only: bool = False
    device: str = "auto"
    wandb_project: str | None = None
    open: bool = False
    names: tuple[str, ...] = ()


def parse_command_line(arguments: list[str], wandb_project: str | None = None) -> Settings:
    """Settings from the command line; Gradio's own environment variables and `wandb_project` are defaults."""
    parser = argparse.ArgumentParser(description="Explore recorded robot sessions in the browser.")
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder with sessions/ and checkpoints/")
    parser.add_argument("--host", help=f"address to listen on; 127.0.0.1 for this machine alone (default {HOST})")
    parser.add_argument("--port", help=f"port to listen on; the next free one if it is taken (default {PORT})")
    parser.add_argument("--share", action="store_true", help="also a public link; then everybody needs a key")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--read-only", action="store_true", help="nobody trains, loads, records or saves")
    parser.add_argument("--open", action="store_true", help="a trusted network: nobody needs a key")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="a name of this server")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    parser.add_argument("--wandb-project", default=wandb_project, help="send the numbers of training runs to wandb")
    typed = parser.parse_args(arguments)
    if typed.data.exists() and not typed.data.is_dir():
        parser.error("--data names a file; give the folder that holds sessions/ and checkpoints/.")
    if typed.open and typed.share:
        parser.error("--open and --share exclude each other: through a public link everybody needs a key.")
    host = typed.host or os.environ.get("GRADIO_SERVER_NAME") or HOST
    if ":" in host:
        parser.error("IPv6 addresses are not served; give an IPv4 address or a name of this machine as --host.")
    port = typed.port if typed.port is not None else os.environ.get("GRADIO_SERVER_PORT") or PORT
    try:
        port = whole_number(int(port) if str(port).isdecimal() else str(port), "The port", 1, 65535)
    except InvalidValue as problem:
        parser.error(str(problem))
    given = (typed.share, not typed.no_browser, typed.read_only, typed.device, typed.wandb_project)
    return Settings(typed.data, host, port, *given, typed.open, tuple(typed.allow_host))


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that nobody listens on; ends the program where a hundred are taken."""
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
    """Whether a browser can be opened here: on a server without a screen, one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def announce(demo: gr.Blocks, entrance: AccessPolicy, is_browser_wanted: bool) -> None:
    """Once launched: say who may come in, and open the page on this machine."""
    allow_many_connections()
    entrance.begin(demo.share_url)
    demo.share = False  # Gradio's shared page takes its scripts from another host; this server has them itself
    place = (demo.server_name, demo.server_port, entrance)
    logger.info("%s", "\n".join(announcement(*place, demo.share_url)))
    if is_browser_wanted and has_screen():
        webbrowser.open(own_link(*place))


def allow_many_connections() -> None:
    """Each visitor's page holds connections open, and some systems begin with 256 files for a process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def exit_now() -> NoReturn:
    """End the process at once. On the interpreter's own way out, a thread that still computes would abort it."""
    for tunnel in CURRENT_TUNNELS:
        tunnel.kill()
    logging.shutdown()
    sys.stdout.flush()
    os._exit(0)


def own_link(host: str, port: int, entrance: AccessPolicy) -> str:
    """The address for the browser on this machine; carries a key where even that one needs it."""
    name = "localhost" if host in EVERYWHERE or host in LOCAL_NAMES else host
    address = f"http://{name}:{port}/"
    needs_key = entrance.is_public or (name != "localhost" and entrance.roles)
    return with_key(address, entrance, entrance.roles[-1]) if needs_key else address


def with_key(address: str, entrance: AccessPolicy, role: Role) -> str:
    return f"{address.rstrip('/')}/?key={entrance.keys.of(role)}"


def announcement(host: str, port: int, entrance: AccessPolicy, public_url: str | None) -> list[str]:
    """What the terminal says at start, line by line: the links, whom they let in, and what is exposed by that."""
    lines = ["Session Explorer", f"  {'this machine':<26}{own_link(host, port, entrance)}"]
    network = None if host in LOCAL_NAMES else lan_address() if host in EVERYWHERE else host
    near = f"http://{network}:{port}/" if network else ""
    for who, address in (("teammates on this network", near), ("everybody, through a tunnel", public_url or "")):
        if address and not entrance.roles:
            lines.append(f"  {who:<26}{address}")
        elif address:
            lines += [f"  {who}"]
            lines += [f"    {POWERS[role]:<24}{with_key(address, entrance, role)}" for role in entrance.roles]
    return [*lines, *_exposed(entrance, is_reachable=bool(network or public_url))]


def _exposed(entrance: AccessPolicy, is_reachable: bool) -> list[str]:
    """What others get by those links."""
    if not is_reachable:
        return ["  Only this machine can reach it. Ctrl-C ends it."]
    seen = "all recordings in the data folder, the names of its checkpoints, and what the networks make of them"
    told = [f"  Whoever has a link sees {seen}." if entrance.roles else f"  OPEN WITHOUT A KEY: everybody sees {seen},"]
    if not entrance.roles:
        told.append(f"  and may {'change nothing' if entrance.is_read_only else 'train, load and save'}.")
    elif entrance.is_read_only:
        told.append("  Read-only: nobody trains, loads or saves.")
    else:
        told.append("  The links for training let others change everybody's weights, and write checkpoints.")
    return [*told, "  Connections are not encrypted, but for the public link. Ctrl-C ends the server."]
