"""No input or address of a visitor, and no name in a file, makes the server open anything outside its data folder.

Checked by Python's audit events, by the system's watch on files outside, and by the answers.
"""

import http.client
import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from page.tabs.errors import CHOSEN
from session import record_demo
from tests.app.jail import ABSENT, KNOWN, ROOT, Asker, Jail, first_line, interrupted_run, lay_links, lay_out_canaries
from tests.app.traversals import Canaries, traversals
from tests.promises import count

PROMISE = pytest.mark.promise("nobody leaves the data folder")
EVERY = count(8, 1)  # one of so many strings, different ones at each place
WHOLE = "jetbot/autoencoder.pth"


@pytest.fixture(scope="module")
def jail(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jail]:
    folder = tmp_path_factory.mktemp("jail")
    data, outside, canary = folder / "saved", folder / "outside", f"canary{secrets.token_hex(8)}"
    session_id = record_demo(data / "sessions", "jetbot_sim", 5, seed=1)
    (data / "checkpoints" / "jetbot").mkdir(parents=True)
    (data / "checkpoints" / "jetbot" / "autoencoder.pth").write_text("no checkpoint")
    (folder / "work").mkdir()
    lay_out_canaries(folder, outside, canary)
    lay_links(data, outside, session_id)
    watched = [folder / "saved_of_others", *folder.rglob("*secret*"), *(outside / KNOWN).rglob("*"), outside]
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(folder / "gradio"), "PYTHONPATH": str(ROOT), "MARK": canary}
    command = [sys.executable, "-m", "tests.app.watched_server", str(data), str(folder / "log")]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with subprocess.Popen(command, cwd=folder / "work", env=environment, **pipes) as process:
        with Canaries([path for path in watched if not path.is_symlink()]) as canaries:
            jail = Jail(data, outside, session_id, canary, folder / "log", canaries, process)
            jail.address = first_line(process)
            yield jail
        process.kill()


def same_words(answer: str) -> str:
    """An answer without the requested name, which it may contain."""
    text = answer.replace(ABSENT, KNOWN)
    text = re.sub(r"There is no checkpoint at .*?; choose", "There is no checkpoint at …; choose", text, flags=re.S)
    return re.sub(r'\\?"(visit|time_limit)\\?": ?\d+', "", text)


def checkpoint_strings(jail: Jail, name: str) -> list[str]:
    strings = traversals(f"../../outside/{name}.pth", str(jail.outside / f"{name}.pth"))
    beside = [f"../../saved_of_others/{name}.pth", f"saved/checkpoints/../../outside/{name}.pth"]
    return [*strings, *beside, "jetbot/linked.pth", f"linked_robot/{name}.pth"]


def session_strings(jail: Jail, name: str) -> list[str]:
    strings = traversals(f"../../outside/{name}", str(jail.outside / name))
    return [
        *strings,
        f"../../saved_of_others/{name}",
        "jetbot/linked",
        f"linked_robot/{name}",
        "jetbot/mixed/frames",
        "linked_robot",
        "..",
    ]


def frame_position(session_id: str) -> list[Any]:
    """A frame of a session, as the player sends it."""
    return [{"session": session_id, "frame": 0}]


# Inputs that take a name: strings to send, event, and its values.
TYPED: dict[str, tuple[Callable[[Jail, str], list[str]], str, Callable[[str], list[Any]]]] = {
    "load_session": (session_strings, "load_session", lambda text: [text]),
    "the robot of refresh_sessions": (session_strings, "refresh_sessions", lambda text: [text]),
    "the session of show_frame": (session_strings, "show_frame", frame_position),
    "the session of run_autoencoder": (session_strings, "run_autoencoder", frame_position),
    "load_models, autoencoder": (checkpoint_strings, "load_models", lambda text: [text, ""]),
    "load_models, predictor": (checkpoint_strings, "load_models", lambda text: ["", text]),
    "evaluate_recording, autoencoder": (checkpoint_strings, "evaluate_recording", lambda text: [3, CHOSEN, text, ""]),
    "evaluate_recording, predictor": (
        checkpoint_strings,
        "evaluate_recording",
        lambda text: [3, CHOSEN, WHOLE, text],
    ),
    "evaluation_status, shown": (session_strings, "evaluation_status", lambda text: [text, ""]),
    "evaluation_status, compared": (session_strings, "evaluation_status", lambda text: ["", text]),
}


@pytest.fixture(scope="module")
def asker(jail: Jail) -> Asker:
    """A visitor with an open recording who has sent every event once, with a name that does not exist."""
    asker = Asker(jail)
    (answer,) = asker.ask([(asker.named("load_session"), [jail.session_id], "")])
    assert "5 frames" in answer
    asker.ask([(asker.named("load_models"), ["jetbot/autoencoder.pth", ""], "")])
    asker.ask([(asker.named(event), make("nothing_here.pth"), "") for _, event, make in TYPED.values()])
    asker.ask([(asker.named("open_page"), [], "?session=nothing_here")])
    for path in ("", "theme.css", f"recorded/timeline/{jail.session_id}", f"recorded/frame/0/{jail.session_id}"):
        asker.http.get(path)
    jail.usual = jail.outside_data()
    assert jail.canaries.looked_at() == set()
    return asker


@PROMISE
def test_nothing_typed_or_sent_leaves_the_data_folder(jail: Jail, asker: Asker, figure):
    answers, differences = [], []
    for place, (place_name, (strings, event, make)) in enumerate(TYPED.items()):
        usual, *others = answers_to(
            asker, jail, place, strings, lambda text, e=event, m=make: (asker.named(e), m(text), "")
        )
        differences += [f"{place_name}: {one[:200]}" for one in others if same_words(one) != same_words(usual)]
        answers += others
    page = asker.named("open_page")
    usual, *others = answers_to(asker, jail, 0, session_strings, lambda text: (page, [], f"?session={quoted(text)}"))
    differences += [f"the address: {one[:200]}" for one in others if log_words(one) != log_words(usual)]
    answers += others
    complaints = jail.complaints(answers)
    counts = f"{len(complaints)} looks outside, {len(differences)} answers in other words than for an absent name"
    figure(f"{len(answers)} events at {len(TYPED) + 1} places: {counts}")
    assert not complaints and not differences, "\n".join([*complaints, *differences][:20])


def answers_to(asker: Asker, jail: Jail, place: int, strings: Callable, call: Callable[[str], tuple]) -> list[str]:
    """The answer for a name that does not exist, then those for the strings with an existing and an absent name."""
    texts = ["nothing_here.pth"]
    for name in (KNOWN, ABSENT):
        texts += strings(jail, name)[place % EVERY :: EVERY]
    return asker.ask([call(text) for text in texts])


def log_words(answer: str) -> str:
    return json.loads(answer)[0]


def quoted(text: str) -> str:
    return quote(text, safe="", errors="replace")


@PROMISE
def test_no_file_can_be_smuggled_in_as_an_input(jail: Jail, asker: Asker, figure):
    """Gradio's own form of a file, in every input of every event, hidden ones included."""
    strings = [*traversals("../outside/secret.txt", str(jail.outside / "secret.txt")), "http://canary.invalid/x"]
    kinds = [{"meta": {"_type": "gradio.FileData"}}, {"meta": {"_type": "gradio.FileData"}, "is_stream": True}]
    calls = []
    events = [event for event in asker.events if asker.inputs(event, 0) != asker.inputs(event, None)]
    for number, event in enumerate(events):
        for place, path in list(enumerate(strings))[number % 41 :: count(41, 1)]:
            payload = {"path": path, "url": path, **kinds[(number + place) % 2]}
            calls.append((event, payload, ""))
            calls.append((event, [[payload], {"session": payload, "frame": payload}, payload], ""))
    answers = asker.ask(calls)
    complaints = jail.complaints(answers)
    figure(f"{len(calls)} events with a file in every input: {len(complaints)} looks outside")
    assert not complaints, "\n".join(complaints[:20])


ROUTES = (
    *("/recorded/timeline/{}", "/recorded/frame/0/{}", "/recorded/frame/{}/jetbot/mixed", "/recorded/{}"),
    *("/runs/{}", "/{}", "/gradio_api/file={}", "/gradio_api/file/{}", "/file={}", "/file/{}", "/gradio_api/proxy={}"),
    *("/proxy={}", "/static/{}", "/assets/{}", "/svelte/{}", "/static/../{}", "/assets/fonts/{}", "/theme.css/{}"),
    *("/pwa_icon/{}", "/monitoring/{}", "/?deep_link={}", "/config?deep_link={}", "/gradio_api/runs/{}"),
    *("/gradio_api/custom_component/{}/client/component/x.js", "/gradio_api/custom_component/x/client/{}/x.js"),
    *("/gradio_api/stream/a/b/c/{}", "/gradio_api/stream/{}/b/c/playlist.m3u8", "/gradio_api/heartbeat/x/{}"),
    *("/gradio_api/upload_progress?upload_id={}", "/gradio_api/deep_link?session_hash={}"),
    *("/gradio_api/call/load_session/{}", "/gradio_api/run-history/records/x/{}/assets/y"),
)
OURS = ROUTES[:2]


def get(connection: http.client.HTTPConnection, target: str) -> str:
    try:
        connection.request("GET", target)
        answer = connection.getresponse()
        return f"{answer.status} {answer.read().decode('utf-8', 'replace')}"
    except (http.client.HTTPException, ConnectionError, UnicodeEncodeError, ValueError) as problem:
        connection.close()
        return f"refused {type(problem).__name__}"


@PROMISE
def test_no_address_leads_out_of_the_data_folder(jail: Jail, asker: Asker, figure):
    connection = http.client.HTTPConnection(urlsplit(jail.address).netloc, timeout=30)
    tries, differences, complaints = 0, [], []
    for place, route in enumerate(ROUTES):
        kinds = [(f"../../outside/{name}.txt", str(jail.outside / f"{name}.txt")) for name in (KNOWN, ABSENT)]
        known_strings, absent_strings = (
            [*session_strings(jail, name), *traversals(*kind)][place % EVERY :: EVERY]
            for name, kind in zip((KNOWN, ABSENT), kinds, strict=True)
        )
        answers = []
        for known, absent in zip(known_strings, absent_strings, strict=True):
            for form in (quoted, lambda text: text):
                answer, other = (get(connection, route.format(form(text))) for text in (known, absent))
                answers += [answer, other]
                if answer.replace(quoted(KNOWN), quoted(ABSENT)).replace(KNOWN, ABSENT) != other.replace(KNOWN, ABSENT):
                    differences.append(f"{route} {known[:60]!r}: {answer[:120]} / {other[:120]}")
                if route in OURS and form is quoted and "There is no session of that name" not in answer:
                    differences.append(f"{route} {known[:60]!r}: {answer[:120]}")
        tries += len(answers)
        complaints += [f"{route}: {one}" for one in jail.complaints(answers)]
    counts = f"{len(complaints)} looks outside, {len(differences)} answers in other words than for an absent name"
    figure(f"{tries} addresses of {len(ROUTES)} kinds: {counts}")
    assert not complaints and not differences, "\n".join([*complaints, *differences][:20])


@PROMISE
def test_no_name_in_a_file_leads_out_of_the_data_folder(jail: Jail, asker: Asker, figure):
    load, listing = asker.named("load_session"), asker.ask([(asker.named("refresh_sessions"), ["All robots"], "")])[0]
    assert "jetbot/mixed" in listing and "linked" not in listing
    (mixed,) = asker.ask([(load, ["jetbot/mixed"], "")])
    assert "1 frame " in mixed and "leads outside the session" in mixed
    answers = [listing, mixed]
    for name in ("bare", "named"):
        answers += asker.ask([(load, [f"jetbot/{name}"], ""), (asker.named("evaluation_status"), ["", ""], "")])
        answers += asker.ask([(asker.named("load_models"), ["jetbot/linked.pth", "linked_robot/secret.pth"], "")])
    for session_id in ("jetbot/mixed", jail.session_id):
        answers += asker.ask([(load, [session_id], "")])
        answers += asker.ask(
            [(asker.named("evaluation_status"), ["", ""], ""), (asker.named("describe_session"), [], "")]
        )
        answers += [asker.http.get(f"recorded/{kind}/{session_id}").text for kind in ("timeline", "frame/0", "frame/1")]
    for number, path in enumerate(("../../../outside/secret.jsonl", str(jail.outside / "secret.jsonl"))):
        log = jail.data / "checkpoints" / "jetbot" / "runs" / f"20250921_14213{number}_autoencoder.jsonl"
        log.write_text(interrupted_run(path))
        (status,) = asker.ask([(asker.named("training_status"), [False], "")])
        assert "interrupted at step 1" in status
        answers += [status, asker.http.get("runs/jetbot").text]
    complaints = jail.complaints(answers)
    figure(f"links and paths in the files of 8 kinds, {len(answers)} answers: {len(complaints)} looks outside")
    assert not complaints, "\n".join(complaints[:20])


def test_a_look_outside_would_be_noticed(jail: Jail, asker: Asker):
    """The watches themselves: the system reports files that this test opens, the log those that the server opens."""
    assert jail.canary in (jail.outside / "secret.txt").read_text()
    assert jail.canaries.looked_at() == {"secret.txt", "outside"}
    asker.http.get(f"recorded/frame/0/{jail.session_id}")
    assert f"{jail.data}/sessions/{jail.session_id}/frames/frame_000000.jpg" in {path for _, path in jail.opened()}
