from types import SimpleNamespace

import gradio as gr

from page.tabs import training_view as training_tab
from page.tabs.job_view import SHARE_READING, SHARE_TITLE, rough_duration, tab_title, training_view
from page.tabs.looks import run_looks
from page.tabs.training_view import REPEAT_S, tick_training
from page.visitor import Visitor
from session import TOROIDAL_DOT
from tests.app.harmful_names import HARMFUL
from tests.cases import every_case
from tests.page.test_page_figures import Html
from training import NOT_JUDGED, JobSnapshot, RunTitle, Verdict


def job(**changes):
    known = dict(
        network="predictor",
        subject="frame 5 of demo",
        started_by="",
        status="running",
        step=3,
        max_steps=10,
        threshold=None,
        first_loss=None,
        loss=None,
        evaluated_at=-1,
        steps_per_s=0.0,
        seconds=1.0,
        message="",
        comparison=None,
        saved="",
        is_active=True,
        seconds_left=None,
        phase="",
        paces=(),
        measures={},
        references={},
        curves={},
        is_resumable=False,
        gates={},
        is_recipe=False,
        log="20251123_140211_predictor.jsonl",
        title=RunTitle(),
    )
    made = SimpleNamespace(**{**known, **changes})
    made.saved_sentence = JobSnapshot.saved_sentence.fget(made)
    return made


def charts(losses="<svg>losses</svg>", action_share="<svg>share</svg>", uncertainty=""):
    return SimpleNamespace(losses=losses, action_share=action_share, skill="", uncertainty=uncertainty)


@every_case(
    ("seconds", "text"),
    [
        (20, "half a minute"),
        (70, "1 minute"),
        (2500, "45 minutes"),
        (3300, "1 hour"),
        (4300, "1 hour"),
        (20000, "6 hours"),
    ],
)
def test_estimates_are_as_rough_as_they_vary(seconds, text):
    assert rough_duration(seconds) == text


def test_the_share_is_below_the_losses_and_says_how_to_read_it():
    html = training_view(job(), charts(), "runs/demo")
    places = [html.index(part) for part in ("<svg>losses", f"<h3>{SHARE_TITLE}", "<svg>share", SHARE_READING)]
    assert places == sorted(places)


def test_where_no_share_is_known_nothing_is_said_of_it():
    html = training_view(job(network="autoencoder"), charts(action_share=""), "runs/demo")
    assert "<h3>Loss</h3><svg>losses" in html and SHARE_TITLE not in html and SHARE_READING not in html


def test_a_run_shows_its_name_and_note_as_text():
    plain = [tag for tag, _ in Html(training_view(job(title=RunTitle("a", "b")), charts(), "runs/demo")).elements]
    for harm in HARMFUL:
        html = training_view(job(title=RunTitle(harm, harm)), charts(), "runs/demo")
        shown = Html(html)
        assert " ".join(shown.text.split()).count(" ".join(harm.split())) == 2, harm
        assert [tag for tag, _ in shown.elements] == plain, harm


def test_a_run_is_judged_beside_trivial_answers_on_the_same_frames():
    references = {"repeating the last frame": 0.04, "the mean image": 0.1}
    curves = {"evaluated": [(0, 0.2), (9, 0.01)], "held out": [(0, 0.2), (9, 0.03)]}
    text = Html(training_view(job(curves=curves, references=references, loss=0.01), charts(), "runs/demo")).text
    assert "Eval loss 0.0100" in text and "Validation loss 0.0300" in text
    assert "Predictor: predicts. Its error is 25 % below that of repeating the last frame" in text
    assert "Validation loss 0.0300 · Explains 70\xa0% of the variance between frames · repeating the last frame" in text
    one_frame = {"the mean image": 0.0}
    assert "run-verdict" not in training_view(job(curves=curves, references=one_frame), charts(), "runs/demo")
    assert "run-verdict" not in training_view(job(curves=curves), charts(), "runs/demo")


def test_the_live_loop_shows_its_losses_gates_and_uncertainty():
    curves = {"reconstruction": [(0, 0.1), (1, 0.5)], "prediction": [(1, 0.02)], "uncertainty": [(1, 3e-5)]}
    gates, references = {"reconstruction": 0.0005, "prediction": 0.001}, {"repeating the last frame": 0.04}
    fields = dict(status="elsewhere", is_active=False, network="live loop")
    live = job(**fields, curves=curves, gates=gates, references=references)
    text = Html(training_view(live, charts(uncertainty="<svg>unsure</svg>"), "runs/demo")).text
    for words in ("Live loop in another program", "Reconstruction loss 0.500 (gate 5.00e-4)", "Uncertainty 3.00e-5"):
        assert words in text
    assert "Prediction loss 0.0200 (gate 1.00e-3)" in text
    assert "Prediction 50\xa0% better than repeating the last frame: 0.0400" in text
    assert "unsure" in text and "error rose" not in text


def test_an_interrupted_run_says_what_is_saved_and_offers_its_numbers():
    fields = dict(status="interrupted", is_active=False, message="Training was interrupted at step 3 (begun by <b>).")
    html = training_view(job(**fields, saved="autoencoder.pth at step 2"), charts(), "runs/demo")
    assert "Predictor interrupted" in html and "<svg>losses" in html and 'href="runs/demo" download' in html
    assert "interrupted at step 3 (begun by &lt;b&gt;). Saved: autoencoder.pth at step 2." in html
    assert "Nothing was saved." in training_view(job(**fields), charts(), "runs/demo")


def test_the_reason_why_nothing_was_saved_stays_one_sentence():
    reason = "The checkpoint was not saved (Not a directory). Make room, then press Save Models."
    html = training_view(job(status="finished", is_active=False, saved=reason), charts(), "runs/demo")
    assert f" {reason}</div>" in html and "Saved:" not in html


def test_a_run_elsewhere_says_so_and_claims_nothing_of_its_files():
    fields = dict(status="elsewhere", is_active=False, message="Another program has trained to step 3.")
    html = training_view(job(**fields), charts(losses=""), "runs/demo")
    assert "Another program is training the predictor" in html and "has trained to step 3." in html
    assert "aved" not in html


def test_a_view_that_has_not_changed_is_sent_again_after_a_while(monkeypatch):
    """The page may have missed it."""
    now = [100 * REPEAT_S]
    monkeypatch.setattr(training_tab, "time", SimpleNamespace(monotonic=lambda: now[0]))
    ticking, _ = ticks(monkeypatch, job(status="stopped"))
    answers = []
    for _ in range(8):
        answer = ticking()
        answers.append(answer if answer == gr.skip() else answer["training.view"])
        now[0] += REPEAT_S / 4
    assert answers == 2 * ["the view", *3 * [gr.skip()]]


def ticks(monkeypatch, first):
    """A function that asks for news of a job, and the jobs, of which the last one is the newest."""
    jobs, verdicts = [first], {"predictor": NOT_JUDGED}
    monkeypatch.setattr(training_tab, "training_status", lambda *_: "the view")
    monkeypatch.setattr(training_tab, "run_looks", lambda *_: {})
    monkeypatch.setattr(training_tab, "verdicts_in_use", lambda *_: verdicts)
    runs = [("second run", "second"), ("a run", "its log")]
    manager = SimpleNamespace(last_run=lambda: jobs[-1], earlier_runs=lambda: runs)
    backend, visitor = SimpleNamespace(manager_for=lambda visitor: manager), Visitor(profile=TOROIDAL_DOT)
    return lambda: tick_training(backend, visitor, False), SimpleNamespace(jobs=jobs, verdicts=verdicts)


def test_a_new_run_puts_its_own_name_into_the_fields_and_a_verdict_is_news(monkeypatch):
    monkeypatch.setattr(training_tab, "time", SimpleNamespace(monotonic=lambda: 0.0))
    ticking, state = ticks(monkeypatch, None)
    assert ticking()["training.view"] == "the view" and ticking() == gr.skip()
    state.verdicts["predictor"] = Verdict("sees", "It explains 50 %.")
    assert ticking()["training.view"] == "the view" and ticking() == gr.skip()
    state.jobs.append(job(log="first"))
    assert ticking()["training.naming.name"] == ""
    state.jobs.append(job(log="first", title=RunTitle("typed elsewhere")))
    assert ticking()["training.naming.name"] == gr.skip()  # someone may be typing
    state.jobs.append(job(log="second", status="paused", title=RunTitle("a", "b")))
    answer = ticking()
    assert (answer["training.naming.name"], answer["training.naming.note"]) == ("a", "b")
    assert answer["training.naming.run"].choices == [("This run", ""), ("a run", "its log")]  # without the one shown
    assert answer["training.chart.earlier"].choices == [("a run", "its log")]


def test_a_phase_says_its_place_and_how_much_better_than_a_guess_it_is():
    paces = tuple(SimpleNamespace(name=name) for name in ("reconstruct", "predict"))
    measured = dict(phase="predict", paces=paces, references={"repeating the last frame": 0.02})
    html = training_view(job(**measured, measures={"skill": [(3, 0.38)]}), charts(), "runs/demo")
    assert "phase 2 of 2: prediction" in html and "38 % better than repeating the last frame" in html
    html = training_view(job(**measured, measures={"skill": [(3, -9.0)]}), charts(), "runs/demo")
    assert "worse than repeating the last frame" in html


@every_case(("first", "last", "is_warned"), [(0.01, 0.0121, True), (0.01, 0.0119, False), (0.01, 0.001, False)])
def test_a_reconstruction_error_that_rises_is_a_warning(first, last, is_warned):
    html = training_view(job(curves={"reconstruction": [(0, first), (9, last)]}), charts(), "runs/demo")
    assert ("The reconstruction error rose" in html) == is_warned


@every_case(
    ("changes", "buttons", "title"),
    [
        (dict(), "pause stop", "30 % trained"),
        (dict(status="paused"), "resume stop", "paused, 30 % trained"),
        (dict(status="stopped", is_active=False, is_resumable=True), "resume", "Training stopped"),
        (dict(status="finished", is_active=False), None, "Training finished"),
        (dict(status="elsewhere", is_active=False), None, ""),
    ],
)
def test_a_job_has_the_buttons_that_do_something_and_a_title(changes, buttons, title):
    html = training_view(job(**changes), charts(), "runs/demo")
    assert (f'data-buttons="{buttons}"' in html) if buttons else ("data-buttons" not in html)
    assert tab_title(job(**changes)) == title and f'data-title="{title}"' in html


def test_the_bar_of_a_finished_run_is_full_although_steps_were_left():
    assert "width:100.0%" in training_view(job(status="finished", is_active=False), charts(), "runs/demo")


def test_pictures_say_of_which_run_they_are_unless_it_is_the_one_above():
    looks = SimpleNamespace(run="predictor_1", looks=[])
    newest: list[object] = [None]
    manager = SimpleNamespace(looks=lambda: looks, last_run=lambda: newest[-1])
    backend, visitor = SimpleNamespace(manager_for=lambda visitor: manager), Visitor(profile=TOROIDAL_DOT)
    assert run_looks(backend, visitor)["of"] == "predictor_1"  # after a restart, nothing is above
    newest.append(job(log="predictor_1.jsonl"))
    assert run_looks(backend, visitor)["of"] == ""
    newest.append(job(log="predictor_2.jsonl"))
    assert run_looks(backend, visitor)["of"] == "predictor_1"
