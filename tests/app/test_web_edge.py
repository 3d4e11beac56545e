"""Access to a running server with a public link, where every visitor needs a key, and the permissions of both roles."""

import hashlib
import io
import itertools
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import gradio.networking
import httpx
import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

import session_explorer_gradio as script
from page.pictures import ROUTE, SHOWN
from page.server.access_policy import MAX_BODY_BYTES, is_known_path
from page.server.launch import announce
from page.server.serving import launch_options
from page.server.settings import Settings
from session import record_demo
from tests.app.conftest import api_client, own_port, running, unfold_models
from tests.promises import count
from training.evaluation import evaluator

PUBLIC = "abc.gradio.live"
OWN_HOSTS = ("localhost:{port}", "127.0.0.1:{port}", PUBLIC)
EVIL_HOSTS = ("evil.example", "evil.example:{port}", "localhost.evil.example:{port}", f"{PUBLIC}.evil.example", "")
EVIL_ORIGINS = ("null", "http://evil.example", "https://evil.example:{port}", "http://localhost:1", "file://")
KEYS = ("none", "wrong", "look", "train")
web_edge = pytest.mark.promise("the web edge")


class Edge:
    """A running server, with its keys and clients for both roles."""

    def __init__(self, explorer: script.Explorer, demo: gr.Blocks, session_id: str):
        self.explorer, self.demo, self.session_id = explorer, demo, session_id
        self.keys, self.port = explorer.access.keys, demo.server_port
        self.http = httpx.Client(base_url=demo.local_url, timeout=30)

    def cookie(self, key: str) -> dict[str, str]:
        if key == "none":
            return {}
        token = "f" * 64 if key == "wrong" else self.keys.token(key)
        return {"cookie": f"session_explorer_{self.port}={token}"}

    def program(self, role: str) -> Client:
        headers = {"Authorization": f"Bearer {self.keys.of(role)}"}
        return api_client(self.demo.local_url, headers=headers)

    def status(self, method: str, path: str, headers: dict[str, str]) -> int:
        """Status of an answer, without its body, which may never end."""
        with self.http.stream(method, path, headers=headers) as answer:
            return answer.status_code

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of every route of the server, Gradio's and our own, and of some that do not exist."""
        values = {"session_id": self.session_id, "index": "0", "api_name": "load_session", "robot": "toroidal_dot"}
        routes = {("GET", "/gradio_api/nothing"), ("GET", "/.env"), ("POST", "/"), ("GET", "/recorded/x")}
        for route in flattened(self.demo.app.routes):
            path = re.sub(r"{(\w+)(:\w+)?}", lambda match: values.get(match[1], "x"), route.path)
            routes |= {(method, path) for method in route.methods if method in ("GET", "POST")}
        return sorted(routes)


def flattened(routes: Iterable) -> Iterator:
    """Routes with a path and methods, including those of FastAPI's included routers."""
    for route in routes:
        if hasattr(route, "effective_route_contexts"):
            yield from flattened(route.effective_route_contexts())
        elif getattr(route, "methods", None):
            yield route


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    data = tmp_path_factory.mktemp("shared")
    session_id = record_demo(data / "sessions", "toroidal_dot", 12, seed=1)
    with running(Settings(data=data, share=True)) as (explorer, demo):
        explorer.access.begin(f"https://{PUBLIC}")
        yield Edge(explorer, demo, session_id)


def expected(method: str, path: str, key: str, is_evil: bool) -> set[int] | None:
    """The statuses that deny a request, or None if the request is to be served."""
    if is_evil:
        return {403}
    if not is_known_path(path):
        return {404}
    if path == "/gradio_api/app_id":  # has an answer without a key too, for tabs from before a restart
        return None
    if key == "look" and (method, path.startswith("/recorded/marks/")) == ("POST", True):  # a change
        return {403}
    return {401} if key in ("none", "wrong") else None


@web_edge
def test_every_route_is_closed_to_evil_pages_and_to_those_without_a_key(edge: Edge, figure):
    own = [(host, origin) for host in OWN_HOSTS for origin in (None, f"http://{host}")]
    evil = [(host, origin) for host in EVIL_HOSTS for origin in (None, f"http://{host}")]
    evil += [(host, origin) for host in OWN_HOSTS for origin in EVIL_ORIGINS]
    routes, matrix = edge.routes(), []
    for (host, origin), (method, path), key in itertools.product([*own, *evil], routes, KEYS):
        matrix.append((host.format(port=edge.port), origin and origin.format(port=edge.port), method, path, key))
    is_evil = {(h.format(port=edge.port), o and o.format(port=edge.port)) for h, o in evil}
    sample = random.Random(0).sample(matrix, min(len(matrix), count(500, len(matrix))))
    wrong, kinds = [], Counter()
    for host, origin, method, path, key in sample:
        headers = {"host": host, **({"origin": origin} if origin else {}), **edge.cookie(key)}
        status = edge.status(method, path, headers)
        denials = expected(method, path, key, (host, origin) in is_evil)
        kinds["evil" if denials == {403} else "keyless" if denials == {401} else "other"] += 1
        if (status not in denials) if denials else (status in (401, 403)):
            wrong.append((host, origin, method, path, key, status))
    figure(
        f"{len(routes)} routes, {len(sample):,} of {len(matrix):,} combinations of Host, Origin, route and key: "
        f"{len(wrong)} wrong answers ({kinds['evil']:,} evil and {kinds['keyless']:,} keyless ones refused)"
    )
    assert len(routes) > 60 and min(kinds["evil"], kinds["keyless"], kinds["other"]) > 20
    assert wrong == []


def state_of(edge: Edge) -> tuple:
    """All shared state that a visitor could change: files, weights, jobs."""
    folder = edge.explorer.sessions_folder.parent
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".training.lock")
    digests = [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    shared = edge.explorer.manager(edge.explorer.sessions.get(edge.session_id).profile).shared
    return digests, shared.digests(), edge.explorer.active_jobs()


def join(edge: Edge, key: str, function: dict, data: list, session_hash: str) -> None:
    """Send an event of any function as the script of the page does; returns when it has been answered."""
    body = {"fn_index": function["id"], "data": data, "session_hash": session_hash}
    if function["queue"] is False:
        edge.http.post("gradio_api/run/predict", json=body, headers=edge.cookie(key))
        return
    event = edge.http.post("gradio_api/queue/join", json=body, headers=edge.cookie(key)).json()["event_id"]
    query = {"session_hash": session_hash}
    with edge.http.stream("GET", "gradio_api/queue/data", params=query, headers=edge.cookie(key)) as answer:
        assert any(event in line and "process_completed" in line for line in answer.iter_lines())


FILLED = {
    "number": 3,
    "slider": 3,
    "checkbox": True,
    "radio": "Selected frame",
    "dropdown": "toroidal_dot/autoencoder.pth",
}


@web_edge
def test_a_viewer_changes_nothing_with_any_call(edge: Edge, figure):
    """Every event of the page, named or not, by raw calls with a viewer's key, with plausible values and without."""
    config = edge.http.get("config", headers=edge.cookie("look")).json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    functions = {function["api_name"]: function for function in config["dependencies"]}
    join(edge, "look", functions["load_session"], [None, edge.session_id], "viewer")
    before, calls = state_of(edge), 0
    for function, is_filled in itertools.product(config["dependencies"], (True, False)[: count(1, 2)]):
        values = [FILLED.get(kinds[number]) if is_filled else None for number in function["inputs"]]
        join(edge, "look", function, values, "viewer")
        calls += 1
    assert edge.explorer.evaluator.wait(60)
    figure(f"{calls} raw calls of all {len(config['dependencies'])} events by a viewer: nothing changed")
    assert calls >= len(config["dependencies"]) > 35
    assert state_of(edge) == before


@web_edge
def test_a_viewer_runs_the_networks_and_a_trainer_trains(edge: Edge, figure):
    viewer, trainer = edge.program("look"), edge.program("train")
    for visitor in (viewer, trainer):
        visitor.predict(edge.session_id, api_name="/load_session")
        assert "MSE" in visitor.predict(5, api_name="/run_autoencoder")
    denials = 0
    changes = {
        "/load_models": ("a", "b"),
        "/save_models": (),
        "/restore_checkpoint": ("x",),
        "/train_autoencoder_steps": (3,),
        "/stop_training": (),
        "/name_run": ("a", "b"),
    }
    for name, values in changes.items():
        with pytest.raises(AppError, match="open the training link"):
            viewer.predict(*values, api_name=name)
        denials += 1
    trainer.predict(2, api_name="/train_autoencoder_steps")
    profile = edge.explorer.sessions.get(edge.session_id).profile
    assert edge.explorer.loaded_manager(profile).wait(60)
    figure(f"{denials} of {len(changes)} changes refused to a viewer, whose inference works; a trainer trains")
    assert edge.explorer.loaded_manager(profile).snapshot().step == 2


@web_edge
def test_a_viewer_cannot_cancel_the_evaluation_of_a_trainer(edge: Edge, monkeypatch):
    evaluate, is_tried = evaluator.evaluate_frames, threading.Event()

    def evaluate_afterwards(*arguments, **options):
        assert is_tried.wait(60)
        yield from evaluate(*arguments, **options)

    monkeypatch.setattr(evaluator, "evaluate_frames", evaluate_afterwards)
    viewer, trainer = edge.program("look"), edge.program("train")
    for visitor in (viewer, trainer):
        visitor.predict(edge.session_id, api_name="/load_session")
    trainer.predict(2, api_name="/evaluate_recording")
    assert edge.explorer.evaluator.snapshot().is_active
    with pytest.raises(AppError, match="open the training link"):
        viewer.predict(api_name="/cancel_evaluation")
    is_tried.set()
    assert edge.explorer.evaluator.wait(60)


@web_edge
def test_wrong_keys_are_slowed_down(tmp_path, figure):
    record_demo(tmp_path / "sessions", "toroidal_dot", 3, seed=1)
    with running(Settings(data=tmp_path, share=True)) as (_, demo), httpx.Client() as guesser:
        codes = [guesser.get(f"{demo.local_url}?key=guess{number}").status_code for number in range(100)]
    wrong = codes.count(401)
    figure(f"100 wrong keys: {wrong} answered as wrong (401), {codes.count(429)} with a wait (429)")
    assert wrong + codes.count(429) == 100
    assert wrong < 15


@web_edge
def test_a_picture_of_an_answer_needs_the_same_keys_as_the_answer(edge: Edge):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    address = SHOWN.add(pixels)
    answers = {key: edge.http.get(address, headers=edge.cookie(key)) for key in KEYS}
    assert {key: answer.status_code for key, answer in answers.items()} == {
        key: 401 if key in ("none", "wrong") else 200 for key in KEYS
    }
    answer = answers["look"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(answer.content))), pixels)
    assert "immutable" in answer.headers["cache-control"] and "private" in answer.headers["cache-control"]
    evil = edge.cookie("look") | {"origin": EVIL_ORIGINS[0]}
    assert edge.http.get(address, headers=evil).status_code == 403
    unknown = edge.http.get(f"{ROUTE}{64 * '0'}", headers=edge.cookie("look"))
    assert unknown.status_code == 404 and unknown.json()["error"].endswith(".")


@web_edge
def test_large_bodies_are_refused_before_they_are_read(edge: Edge, figure):
    denials = 0
    paths = ("gradio_api/queue/join", "gradio_api/upload", "gradio_api/run/predict", "key", "recorded/x", "nowhere")
    for path, is_declared in itertools.product(paths, (True, False)):
        size = MAX_BODY_BYTES + 1
        content = b"x" * size if is_declared else (b"x" * 8192 for _ in range(1 + size // 8192))
        try:
            status = edge.http.post(path, content=content, headers=edge.cookie("train")).status_code
        except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            status = 413  # the server answered and closed the connection before the end of the body
        denials += status == 413 or (not is_declared and status == 404)
    figure(f"{denials} of {2 * len(paths)} bodies over 64 kB refused with 413 (404 where nothing reads it)")
    assert denials == 2 * len(paths)


@web_edge
def test_a_flood_of_calls_is_declared_that_the_server_is_busy_and_scrubbing_goes_on(edge: Edge, figure):
    config = edge.http.get("config", headers=edge.cookie("look")).json()
    functions = {function["api_name"]: function for function in config["dependencies"]}
    body = {"fn_index": functions["run_autoencoder"]["id"], "data": [None, 5]}
    for number in range(7):
        join(edge, "look", functions["load_session"], [None, edge.session_id], f"flood{number}")
    profile, calls = edge.explorer.sessions.get(edge.session_id).profile, 500

    def call(number: int) -> int:
        one = {**body, "session_hash": f"flood{number % 7}"}
        return edge.http.post("gradio_api/queue/join", json=one, headers=edge.cookie("look")).status_code

    with edge.explorer.manager(profile).shared.lock, ThreadPoolExecutor(8) as many:  # no answers meanwhile
        statuses = Counter(many.map(call, range(calls)))
        join(edge, "train", functions["stop_training"], [None, False], "flood0")  # Stop does not wait for them
        frames = [edge.http.get(f"recorded/frame/3/{edge.session_id}", headers=edge.cookie("look")).status_code]
    while len(edge.demo._queue):  # and while they are answered
        frames.append(edge.http.get(f"recorded/frame/3/{edge.session_id}", headers=edge.cookie("look")).status_code)
    join(edge, "look", functions["run_autoencoder"], body["data"], "flood0")
    figure(
        f"{calls} queued calls: {statuses[200]} taken, {statuses[503]} turned away with 503; Stop and "
        "frames are answered meanwhile"
    )
    assert statuses[200] + statuses[503] == calls
    assert script.WAITING_AT_MOST <= statuses[200] <= script.WAITING_AT_MOST + 8
    assert set(frames) == {200}


@web_edge
def test_a_public_link_asks_everybody_for_a_key_and_takes_nothing_from_other_hosts(tmp_path, monkeypatch, caplog):
    """With a fake tunnel: its requests have its name as Host, and a local sender."""
    monkeypatch.setattr(gradio.networking, "setup_tunnel", lambda **options: f"https://{PUBLIC}")
    record_demo(tmp_path / "sessions", "toroidal_dot", 3, seed=1)
    explorer = script.Explorer(Settings(data=tmp_path, share=True))
    demo = script.build_demo(explorer)
    options = dict(share=True, prevent_thread_lock=True, quiet=True, server_port=own_port(17860))
    demo.launch(**options, **launch_options(explorer))
    try:
        caplog.set_level("INFO")
        announce(demo, explorer.access, False)
        key = explorer.access.keys.look
        assert f"https://{PUBLIC}/?key={key}" in caplog.text
        with httpx.Client(base_url=demo.local_url, headers={"host": PUBLIC}) as visitor:
            assert visitor.get("/").status_code == 401
            cookie = visitor.get(f"/?key={key}").headers["set-cookie"].partition(";")[0]
            page = visitor.get("/", headers={"cookie": cookie})
        assert page.status_code == 200
        assert re.findall(r'src="https?:[^"]*"', page.text) == []
    finally:
        demo.close()


def test_the_buttons_of_training_are_disabled_for_a_viewer(browser, edge: Edge):
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    for role, is_enabled in (("look", False), ("train", True)):
        context.clear_cookies()
        page.goto(f"{edge.demo.local_url}?key={edge.keys.of(role)}&session={edge.session_id}&frame=4")
        page.wait_for_selector("#player canvas.frame[data-frame='4']")
        assert "key=" not in page.url
        page.get_by_role("tab", name="Training").click()
        unfold_models(page)
        page.get_by_role("button", name="Checkpoint history").click()
        for name in ("#load-models", "#train-autoencoder-steps", "#save-models", "#restore"):
            page.wait_for_selector(f"{name}:{'enabled' if is_enabled else 'disabled'}")
        status = page.inner_text("#status")
        assert ("View-only link" in status) is not is_enabled
    context.close()
