"""The notice above the errors of a recording, and the checks of a clip."""

from types import SimpleNamespace

import pytest

from page.tabs.errors import check_clip, errors_notice
from tests.cases import every_case
from training import InvalidValue

DIGESTS = {"autoencoder": "a", "predictor": "b"}
KEPT = [SimpleNamespace(key="k", digests=DIGESTS, history_length=3)]


def test_nothing_is_said_of_errors_of_the_weights_and_the_history_in_use():
    assert errors_notice(KEPT, "k", DIGESTS, 3) == "" == errors_notice(KEPT, "k", DIGESTS, 3.0)
    assert errors_notice(KEPT, "unknown", {}, 5) == ""


def test_another_history_and_other_weights_are_shown():
    assert "history length 3, not 5" in errors_notice(KEPT, "k", DIGESTS, 5.0)
    notice = errors_notice(KEPT, "k", None, 8)
    assert "different weights and history length 3, not 8" in notice


@every_case("sent", [None, "5", "\ud800" * 9, [5], True, 0, 9, float("nan"), 10**400])
def test_a_history_that_is_none_is_not_repeated(sent):
    assert errors_notice(KEPT, "k", DIGESTS, sent) == ""


@every_case("kind", [None, "webp", "MP4", 1, [], {}, "WebP "])
def test_a_clip_of_another_kind_is_refused_by_name(kind):
    with pytest.raises(InvalidValue, match="The file must be one of: WebP, GIF"):
        check_clip(5, kind)


@every_case("speed", [None, "", "5", True, [], 0, 51, float("nan"), 10**400])
def test_a_clip_at_a_speed_that_is_none_is_refused_by_name(speed):
    with pytest.raises(InvalidValue, match=r"The speed must be 0\.1 to 50 frames a second"):
        check_clip(speed, "GIF")
