"""Settings of the server, and the command line that sets them."""

import argparse
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from models import PRECISIONS, Precision
from session import VERSION, data_option
from training import InvalidValue, whole_number

HOST, PORT = "0.0.0.0", 7860
OWN_KEY = re.compile(r"[A-Za-z0-9_-]{16,200}", re.ASCII)
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Settings:
    """Data folder, address, device and access of one server; `mcp`: with tools for agents.

    The keys are those that the environment sets, if any. `names` are further host names it accepts, `framed_by` origins
    of sites whose pages may show this one in a frame. `root` is the path or the whole address at which a proxy serves
    it.
    """

    data: Path = Path("saved")
    host: str = HOST
    port: int = PORT
    share: bool = False
    browser: bool = True
    read_only: bool = False
    device: str = "auto"
    precision: Precision = "auto"
    wandb_project: str | None = None
    open: bool = False
    mcp: bool = False
    names: tuple[str, ...] = ()
    framed_by: tuple[str, ...] = ()
    root: str = ""
    look_key: str = field(default="", repr=False)
    train_key: str = field(default="", repr=False)


def parse_command_line(arguments: list[str], wandb_project: str | None = None) -> Settings:
    """Settings from the command line; Gradio's own environment variables and `wandb_project` are defaults."""
    parser = _parser(wandb_project)
    options = parser.parse_args(arguments)
    if options.open and options.share:
        parser.error("--open and --share exclude each other: through a public link everybody needs a key.")
    host = options.host or os.environ.get("GRADIO_SERVER_NAME") or HOST
    if ":" in host:
        parser.error("IPv6 addresses are not served; give an IPv4 address or a name of this machine as --host.")
    port = options.port if options.port is not None else os.environ.get("GRADIO_SERVER_PORT") or PORT
    try:
        port = whole_number(int(port) if str(port).isdecimal() else str(port), "The port", 1, 65535)
    except InvalidValue as problem:
        parser.error(str(problem))
    keys = [_own_key(parser, f"SESSION_EXPLORER_{role}_KEY") for role in ("LOOK", "TRAIN")]
    if keys[0] and keys[0] == keys[1]:
        parser.error("The keys for looking and for training must differ; choose another one of them.")
    return Settings(
        options.data,
        host,
        port,
        share=options.share,
        browser=not options.no_browser,
        read_only=options.read_only,
        device=options.device,
        precision=options.precision,
        wandb_project=options.wandb_project,
        open=options.open,
        mcp=options.mcp,
        names=tuple(options.allow_host),
        framed_by=tuple(options.allow_frame),
        root=os.environ.get("GRADIO_ROOT_PATH", ""),
        look_key=keys[0],
        train_key=keys[1],
    )


def _origin(text: str) -> str:
    """The origin of a site, such as https://huggingface.co; raises ArgumentTypeError."""
    if not ORIGIN.fullmatch(text):
        raise argparse.ArgumentTypeError("give a site as https://NAME, without a path")
    return text.lower()


def _own_key(parser: argparse.ArgumentParser, variable: str) -> str:
    """An access key that the environment sets, "" for none; ends the program with a sentence if it is easy to guess."""
    key = os.environ.get(variable, "")
    if key and not OWN_KEY.fullmatch(key):
        parser.error(f"{variable} must have 16 to 200 letters, digits, - and _; choose a longer key")
    return key


def _parser(wandb_project: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Explore recorded robot sessions in the browser.")
    parser.add_argument("--version", action="version", version=f"Session Explorer {VERSION}")
    parser.add_argument("--data", type=data_option, default="saved", help="folder with sessions/ and checkpoints/")
    parser.add_argument("--host", help=f"address to listen on; 127.0.0.1 for this machine alone (default {HOST})")
    parser.add_argument("--port", help=f"port to listen on; the next free one if it is taken (default {PORT})")
    parser.add_argument("--share", action="store_true", help="also a public link; then everybody needs a key")
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--read-only", action="store_true", help="nobody trains, loads, records or saves")
    parser.add_argument("--open", action="store_true", help="a trusted network: nobody needs a key")
    parser.add_argument("--mcp", action="store_true", help="also serve tools for agents at /mcp, behind the same keys")
    parser.add_argument("--allow-host", action="append", default=[], metavar="NAME", help="a name of this server")
    help_text = "a site whose pages may show this one in a frame, as https://NAME"
    parser.add_argument("--allow-frame", type=_origin, action="append", default=[], metavar="SITE", help=help_text)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the networks run")
    text = "of imagined frames; auto (default): bfloat16 where that is faster"
    parser.add_argument("--precision", choices=PRECISIONS, default="auto", help=text)
    parser.add_argument("--wandb-project", default=wandb_project, help="send the numbers of training runs to wandb")
    return parser
