from types import SimpleNamespace

from page.training_view import SHARE_READING, training_view


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
    )
    return SimpleNamespace(**{**known, **changes})


def charts(losses="<svg>losses</svg>", action_share="<svg>share</svg>"):
    return SimpleNamespace(losses=losses, action_share=action_share)


def test_the_share_stands_below_the_losses_and_says_how_to_read_it():
    html = training_view(job(), charts(), "runs/demo")
    places = [html.index(part) for part in ("<svg>losses", "<h3>", "<svg>share", SHARE_READING)]
    assert places == sorted(places)


def test_where_no_share_is_known_nothing_is_said_of_it():
    html = training_view(job(network="autoencoder"), charts(action_share=""), "runs/demo")
    assert "<svg>losses" in html and "<h3>" not in html and SHARE_READING not in html
