"""The app in a separate process, started like by a user."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import end_with_parent
from benchmarks.memory_use import ResourceUse

PORT = 18760
PROGRAM = "session_explorer_gradio.py"
# As in the shells of many institutes: nothing of it concerns the server.
PROXIES = {"http_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9", "all_proxy": "socks5://127.0.0.1:9"}
# What other programs leave in a shell; the backend is that of Jupyter, in a package that is not required here.
FOREIGN = {"SSL_CERT_FILE": "/no/cacert.pem", "GRADIO_DEBUG": "1", "MPLBACKEND": "module://no.backend"}
START_LIMIT_S, END_LIMIT_S = 60, 60


@dataclass(frozen=True)
class Server:
    """A running server. `started_s`: seconds until its page was served; `cache`: the folder to which Gradio copies the
    files that it serves."""

    address: str
    data: Path
    process: subprocess.Popen
    started_s: float
    cache: Path

    def resource_use(self) -> ResourceUse:
        return ResourceUse.of(self.process.pid, self.cache)


def seconds_until_served(address: str) -> float:
    began = time.perf_counter()
    while time.perf_counter() - began < START_LIMIT_S:
        try:
            urllib.request.urlopen(address, timeout=5).read()
            return time.perf_counter() - began
        except OSError:
            time.sleep(0.02)  # leaves the processor to the server
    raise TimeoutError("the server did not answer within a minute")


@contextmanager
def running_server(data: Path, port: int = PORT, program: Sequence[str] = (PROGRAM,)) -> Iterator[Server]:
    """Run a server with its own cache folder, in float32 like the references; it is ended as by Ctrl+C if it is still
    running. `program`: arguments of Python that start it."""
    options = ["--data", str(data), "--port", str(port), "--no-browser", "--precision", "float32"]
    command = [sys.executable, *program, *options]
    address, cache = f"http://127.0.0.1:{port}/", data / "gradio"
    silent = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent)
    environment = os.environ | PROXIES | FOREIGN | {"GRADIO_TEMP_DIR": str(cache)}
    with subprocess.Popen(command, env=environment, **silent) as process:
        try:
            yield Server(address, data, process, seconds_until_served(address), cache)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_LIMIT_S)
            finally:
                process.kill()
