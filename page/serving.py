"""How the server is started: what the command line decides, a free port, and whether there is a screen."""

import argparse
import logging
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from page.numbers import BadNumber, whole_number

HOST, PORT = "127.0.0.1", 7860


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


def parse_command_line(arguments: list[str], wandb_project: str | None = None) -> Settings:
    """Settings from the command line; Gradio's own environment variables and `wandb_project` are defaults."""
    parser = argparse.ArgumentParser(description="Explore recorded robot sessions in the browser.")
    parser.add_argument("--data", type=Path, default=Path("saved"), help="folder with sessions/ and checkpoints/")
    parser.add_argument("--host", help=f"address to listen on; 0.0.0.0 lets the whole network in (default {HOST})")
    parser.add_argument("--port", help=f"port to listen on; the next free one if it is taken (default {PORT})")
    parser.add_argument("--share", action="store_true", help="also open a public link through Gradio's tunnel")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--read-only", action="store_true", help="nobody trains, loads, records or saves")
    parser.add_argument("--open", action="store_true", help="a trusted network: listen on 0.0.0.0 without keys")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    parser.add_argument("--wandb-project", default=wandb_project, help="send the numbers of training runs to wandb")
    typed = parser.parse_args(arguments)
    if typed.data.exists() and not typed.data.is_dir():
        parser.error("--data names a file; give the folder that holds sessions/ and checkpoints/.")
    host = typed.host or ("0.0.0.0" if typed.open else os.environ.get("GRADIO_SERVER_NAME") or HOST)
    port = typed.port if typed.port is not None else os.environ.get("GRADIO_SERVER_PORT") or PORT
    try:
        port = whole_number(int(port) if str(port).isdecimal() else str(port), "The port", 1, 65535)
    except BadNumber as problem:
        parser.error(str(problem))
    given = (typed.share, not typed.no_browser, typed.read_only, typed.device, typed.wandb_project)
    return Settings(typed.data, host, port, *given)


def free_port(host: str, port: int) -> int:
    """The first port from `port` on that nobody listens on; ends the program where a hundred are taken."""
    for candidate in range(port, min(port + 100, 65536)):
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
        return candidate
    raise SystemExit(f"No port from {port} on is free at {host}; choose another host or port.")


def has_screen() -> bool:
    """Whether a browser can be opened here: on a server without a screen, one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def announce(settings: Settings, port: int, logger: logging.Logger) -> None:
    """Say where the server listens, and what others may do."""
    if port != settings.port:
        logger.warning("Port %d is in use; using %d.", settings.port, port)
    shown_host = "localhost" if settings.host == "0.0.0.0" else settings.host
    logger.info("Session Explorer: http://%s:%d (Ctrl-C ends it)", shown_host, port)
    if settings.share or settings.host not in ("127.0.0.1", "localhost", "::1"):
        powers = "look and run the networks" if settings.read_only else "look, run the networks, train and load weights"
        logger.warning("OPEN TO OTHERS WITHOUT A KEY: whoever reaches this server may %s.", powers)
