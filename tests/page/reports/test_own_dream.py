"""A visitor's dream as a whole, and the link to its report."""

import pytest

from page.handlers import PageError
from page.reports.own_dream import NO_DREAM, show_dream
from page.tabs.compare.dream import NO_TRUTH, dream_means
from page.visitor import Visitor
from tests.session.session_files import change_meta
from training import apply_command, remembered_steps


def dreaming(backend, actions):
    """A visitor who has pressed actions from frame 4 on."""
    (session_id,) = backend.session_ids("jetbot")
    recording, visitor = backend.sessions.get(session_id), Visitor()
    visitor.go_to_session(session_id, recording.profile, 4)
    shared = backend.loaded_manager(recording.profile).served
    for action in actions:
        visitor.imagination = apply_command(shared, recording, visitor.imagination, 4, action, "latents", 3)
    return visitor


def test_all_steps_stand_beside_the_truth_with_a_link_to_a_report(backend):
    visitor = dreaming(backend, [1, 0, 1])
    html = show_dream(backend, visitor)
    assert html.count("<img") == 6 and "3 steps from frame 4" in html and "repeating the start frame" in html
    assert 'data-title="JetBot: 3 steps imagined from frame 4"' in html and 'class="keep-report"' in html
    assert "Untrained" in html and "Made with" in html and "jetbot/session_" in html
    steps = remembered_steps(backend.sessions.get(visitor.session_id), visitor.imagination)
    assert [step.mses[0] for step in steps] == [step.mse for step in visitor.imagination.steps]
    assert dream_means(steps, [])[1] == pytest.approx(sum(step.repeat_mse for step in steps) / 3)


def test_without_a_press_there_is_no_dream(backend):
    with pytest.raises(PageError, match=NO_DREAM):
        show_dream(backend, dreaming(backend, []))
    visitor = dreaming(backend, [1])
    visitor.imagination = apply_command(None, backend.sessions.get(visitor.session_id), None, 4, "begin", "latents", 3)
    with pytest.raises(PageError, match=NO_DREAM):
        show_dream(backend, visitor)


def test_a_dream_without_a_truth_has_no_errors(backend):
    """Of a real robot, under other actions than the recorded ones."""
    (session_id,) = backend.session_ids("jetbot")
    change_meta(backend.session_folder(session_id), simulator=None)
    recording = backend.sessions.get(session_id)
    recorded = recording.find_candidate(recording.actions[recording.action_after[4]])
    html = show_dream(backend, dreaming(backend, [1 - recorded]))
    assert NO_TRUTH in html and "MSE <b>" not in html and html.count("<img") == 1 and "not known" in html
