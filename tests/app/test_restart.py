"""Training jobs when visitors leave, when a job is stopped, when the server ends, and when another job is active."""

import contextlib
import random
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from gradio_client.exceptions import AppError

from benchmarks.server import running_server
from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import api_client, own_port, serving
from tests.app.narrow import program
from tests.promises import IS_FULL, count
from training import train
from training.checkpoints.reader import read_checkpoint
from training.checkpoints.writer import FILES
from training.failures import OUT_OF_MEMORY
from training.steps import OBJECTIVES

ROOT = Path(__file__).parents[2]
LONG_S = 300.0
LARGE = dict(batch_size=64, history_length=8, train_on="Range of frames", first=8, last=9, held_out=0)
WHOLE = dict(train_on="Whole recording", held_out=0.5)
ENDLESS = 1_000_000
SLOW_STEP_S = 1.0  # a step of the autoencoder on a busy machine


@pytest.fixture
def settings(tmp_path):
    """A data folder of this test alone, with one recording."""
    (tmp_path / "id").write_text(record_demo(tmp_path / "sessions", "toroidal_dot", 40, seed=1))
    return Settings(data=tmp_path)


def until(condition):
    """Poll a condition with short pauses, which leave the processor to the training."""
    end, pause = time.monotonic() + LONG_S, threading.Event()
    while not condition():
        assert time.monotonic() < end, "the condition did not become true"
        pause.wait(0.2)


class Visit:
    """A visitor with frame 9 of the recording selected."""

    def __init__(self, address, settings):
        self.client = api_client(address)
        self.ask("load_session", (settings.data / "id").read_text())
        self.ask("show_frame", 9)

    def ask(self, name, *values, **named):
        return self.client.predict(*values, **named, api_name=f"/{name}")

    def status(self):
        return self.ask("training_status")

    def train(self, network="autoencoder", steps=ENDLESS, **form):
        return self.ask(f"train_{network}_steps", steps, **form)

    def refusal(self):
        """The error message after a press of Train."""
        with pytest.raises(AppError) as error:
            self.train()
        return str(error.value)

    def until_step(self, step):
        until(lambda: step_in(self.status()) >= step)

    def until_said(self, words):
        """Wait for these words in the training status; returns the status."""
        pages = []
        until(lambda: words in (pages.append(self.status()) or pages[-1]))
        return pages[-1]

    def leave(self):
        self.client.close()


def step_in(html):
    match = re.search(r"<b>Step</b> ([\d,]+) of", html)
    return int(match[1].replace(",", "")) if match else -1


def points_in(html):
    """Number of points of the longest curve."""
    return max((len(line.split()) for line in re.findall(r'<polyline points="([^"]*)"', html)), default=0)


def numbers_of(settings):
    """The lines of the newest run."""
    return max(folder_of(settings).glob("runs/*.jsonl")).read_text()


def folder_of(settings):
    return settings.data / "checkpoints" / "toroidal_dot"


def saved_step(settings, network):
    return read_checkpoint(folder_of(settings) / FILES[network]).step


@pytest.mark.promise("stop, reload, disconnect, SIGTERM")
def test_a_job_outlives_its_visitors_and_stops_saved(settings, figure):
    tries, slowest, lost, chance, total = count(2, 20), 0.0, [], random.Random(3), {"autoencoder": 0, "predictor": 0}
    with serving(settings) as address:
        watcher = Visit(address, settings)
        for number in range(tries):
            network, form = ("autoencoder", "predictor")[number % 2], ({}, WHOLE)[number // 2 % 2]
            starter = Visit(address, settings)
            starter.train(network, **form)
            watcher.until_step(chance.randrange(1, count(4, 12)))
            starter.leave()
            watcher.ask("pause_training")
            paused = watcher.until_said(" paused</b>")
            again = Visit(address, settings)  # for the server a reload is a new visitor
            if again.status() != paused or points_in(paused) < step_in(paused):
                lost.append(f"{number}: after a reload the page differs")
            again.ask("resume_training")
            again.until_step(step_in(paused) + 1)
            again.leave()
            rate = re.search(r"<b>Speed</b> ([\d.]+)", watcher.status())
            began = time.monotonic()
            watcher.ask("stop_training")
            stopped = watcher.until_said("Stopped after")
            slowest = max(slowest, time.monotonic() - began - 2 / float(rate[1]))
            for name in OBJECTIVES[network].trained:
                total[name] += step_in(stopped)
                if saved_step(settings, name) != total[name]:
                    lost.append(f"{number}: {total[name]} steps of the {name}, saved {saved_step(settings, name)}")
    figure(
        f"{tries} jobs left, reloaded and stopped at random steps: {len(lost)} lost anything; saved and idle at most "
        f"{slowest:.1f} s and a step after Stop"
    )
    assert lost == [] and (slowest <= 2 or not IS_FULL)  # seconds, on a machine without other work


@pytest.mark.promise("stop, reload, disconnect, SIGTERM")
def test_after_a_restart_the_page_says_at_which_step_a_job_was_interrupted(settings, figure):
    ends = (signal.SIGHUP, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
    tries, wrong, slowest, chance = count(1, 18), [], 0.0, random.Random(4)
    for number in range(tries):
        how = ends[number % len(ends)]
        with running_server(settings.data, own_port(19860), program("session_explorer_gradio")) as server:
            starter = Visit(server.address, settings)
            starter.train()
            starter.until_step(chance.randrange(1, count(6, 40)))
            requested_at = time.time()
            server.process.send_signal(how)
            server.process.wait(60)
        last = numbers_of(settings).count("grad_norm")
        is_saved = how != signal.SIGKILL
        if is_saved:
            slowest = max(slowest, (folder_of(settings) / "autoencoder.pth").stat().st_mtime - requested_at)
        with serving(settings) as address:
            visitor = Visit(address, settings)
            page = visitor.status()
            expected = f"Autoencoder training on frame 9 of {(settings.data / 'id').read_text().split('/')[-1]} "
            expected += f"was interrupted at step {last} (started by a visitor at 127.0.0.1, "
            words = "load it under Models to continue." if is_saved else "Nothing was saved."
            if expected not in page or words not in page or points_in(page) < last:
                wrong.append(f"{number}, {how.name}: {page}")
            if is_saved and saved_step(settings, "autoencoder") != last:
                wrong.append(f"{number}: {last} steps, saved {saved_step(settings, 'autoencoder')}")
            if httpx.get(f"{address}runs/toroidal_dot").text != numbers_of(settings):
                wrong.append(f"{number}: its numbers are not offered")
            visitor.train(steps=1)
            if "interrupted" in visitor.until_said("Done after 1 step"):
                wrong.append(f"{number}: the note did not go")
    figure(
        f"{tries} servers ended at random steps: {len(wrong)} times the next one did not tell the step, the curve or "
        f"what is saved; saved at most {slowest:.1f} s after the request"
    )
    assert wrong == [] and (slowest <= 2 + SLOW_STEP_S or not IS_FULL)


@pytest.fixture
def own_signals():
    """Restore the signal handlers that a command sets in this process."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def arguments_of(settings, steps):
    session_id = (settings.data / "id").read_text()
    return [
        "--data",
        str(settings.data),
        "--session",
        session_id,
        "--model",
        "autoencoder",
        "--frame",
        "12",
        "--steps",
        steps,
    ]


@contextlib.contextmanager
def command_line(settings):
    """Run training from the command line, in a process of its own."""
    command = [sys.executable, *program("training.train"), *arguments_of(settings, str(ENDLESS))]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.promise("two press Train")
def test_a_server_and_a_command_line_never_train_at_once(settings, figure, capsys, own_signals):
    rounds, wrong = count(1, 5), []
    with serving(settings) as address, serving(settings) as second:
        here, there = Visit(address, settings), Visit(second, settings)
        for _ in range(rounds):
            with command_line(settings) as process:
                until(lambda: "Another program is training the autoencoder" in here.status())
                until(lambda: step_in(here.status()) >= 1)
                words = r"Another program is training .*\(the command line: autoencoder on frame 12 of .*, step \d+ / "
                wrong += [message for message in (here.refusal(), there.refusal()) if not re.search(words, message)]
                process.kill()
                process.wait(30)
            page = here.until_said("was interrupted at step")
            if "started by the command line" not in page:
                wrong.append(page)
            here.train()
            here.until_step(1)
            words = r"Another program is training .*\(a visitor at 127.0.0.1: autoencoder on frame 9 of .*, step \d+ / "
            wrong += [message for message in (there.refusal(),) if not re.search(words, message)]
            if train.main(arguments_of(settings, "5")) != train.NOT_DONE:
                wrong.append("the command line says it has trained")
            wrong += [message for message in (capsys.readouterr().err,) if not re.search(words, message)]
            if "Another program is training the autoencoder" not in there.status():
                wrong.append(there.status())
            here.ask("stop_training")
            here.until_said("Stopped after")
    figure(f"{rounds} times a server, a command line and another server: {len(wrong)} not told who, what and step")
    assert wrong == []


@pytest.mark.promise("two press Train")
def test_visitors_who_press_train_at_once_get_exactly_one_job(settings, figure):
    rounds, presses, jobs, wrong = count(2, 50), 0, 0, []
    with serving(settings) as address:
        visitors = [Visit(address, settings) for _ in range(count(4, 8))]
        for number in range(rounds):
            several = visitors[: 2 + number % (len(visitors) - 1)]
            barrier, answers = threading.Barrier(len(several)), []

            def press(visitor, barrier=barrier, answers=answers):
                barrier.wait()
                try:
                    answers.append(visitor.train())
                except AppError as problem:
                    answers.append(problem)

            threads = [threading.Thread(target=press, args=(visitor,)) for visitor in several]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            refusals = [str(answer) for answer in answers if isinstance(answer, AppError)]
            words = r"running \(autoencoder on frame 9 of .*, step \d+ / 1,000,000, started by a visitor at 127.0.0.1\)"
            wrong += [message for message in refusals if not re.search(words, message)]
            presses, jobs = presses + len(answers), jobs + len(answers) - len(refusals)
            visitors[0].until_step(1)
            visitors[0].ask("stop_training")
            visitors[0].until_said("Stopped after")
        runs = len(list(folder_of(settings).glob("runs/*.jsonl")))
    figure(
        f"{rounds} times 2 to {len(visitors)} visitors at once, {presses} in all: {jobs} jobs, {len(wrong)} not told so"
    )
    assert jobs == rounds == runs and wrong == []


def size_of(process):
    """Size of a process's address space in bytes."""
    (line,) = re.findall(r"VmSize:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return 1024 * int(line)


@pytest.mark.promise("out of memory")
def test_a_server_whose_memory_runs_out_stays_and_trains_again(settings, figure):
    runs, survived, reports = count(1, 10), 0, 0
    with running_server(settings.data, own_port(19860)) as server:
        visitor, process = Visit(server.address, settings), server.process
        visitor.train(steps=2)
        visitor.until_said("Done after 2 steps")
        before, files = visitor.ask("run_autoencoder"), (folder_of(settings) / "autoencoder.pth").read_bytes()
        for number in range(runs):
            network = ("autoencoder", "predictor")[number % 2]
            resource.prlimit(process.pid, resource.RLIMIT_AS, (size_of(process) + (100 << 20), -1))
            visitor.train(network, **LARGE)
            reports += OUT_OF_MEMORY.split(";")[0] in visitor.until_said(f"{network.capitalize()} failed")
            same = visitor.ask("run_autoencoder") == before
            same &= (folder_of(settings) / "autoencoder.pth").read_bytes() == files
            resource.prlimit(process.pid, resource.RLIMIT_AS, (-1, -1))
            visitor.train(network, steps=1)
            visitor.until_said("Done after 1 step")
            before, files = visitor.ask("run_autoencoder"), (folder_of(settings) / "autoencoder.pth").read_bytes()
            survived += same and process.poll() is None
    figure(
        f"RLIMIT_AS, {runs} runs: {reports} named the memory, the page, the weights and the files survived {survived}"
    )
    assert reports == survived == runs
