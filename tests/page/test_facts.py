import json
import re
from html import unescape
from pathlib import Path

from page.facts import clipped_notice, session_facts
from session import RecordedSession, load_session
from tests.session.session_files import action, meta_of, observation, write_session

GAMEPAD = [{"motor_left": left, "motor_right": right, "duration": 0.5} for left, right in ((0.3, 0.3), (0, 0.3))]


def recorded(folder: Path, actions: list[dict], **meta) -> RecordedSession:
    events = [one for i, data in enumerate(actions) for one in (observation(2 * i), action(2 * i + 1, data))]
    return load_session(write_session(folder / "jetbot" / "session_1", events, meta=meta_of(**meta)))


def test_actions_outside_the_ranges_are_told_with_a_remedy_that_works(tmp_path):
    clipped = recorded(tmp_path / "a", GAMEPAD, action_space=GAMEPAD)
    facts = unescape(session_facts(clipped))
    assert "2 of 2 actions are outside the robot's ranges and were clipped." in facts
    assert "2 different actions reach the networks as 1." in facts
    assert "motor_left 0 to 0, motor_right 0 to 0.12, duration 0.2 to 0.2" in facts
    assert "2 of 2 actions" in clipped_notice(clipped)
    remedy = json.loads("{" + re.search(r'"ranges": {.*?}', facts)[0] + "}")
    own = recorded(tmp_path / "b", GAMEPAD, action_space=GAMEPAD, **remedy)
    assert own.outside_ranges is None and clipped_notice(own) == "" and "outside" not in session_facts(own)
    assert own.profile.name != clipped.profile.name and len(set(map(tuple, own.profile.scale(own.actions)))) == 2


def test_usual_actions_are_not_complained_about(tmp_path):
    assert "outside-ranges" not in session_facts(recorded(tmp_path, [{**GAMEPAD[0], "motor_left": 0}] * 0))


def test_actions_without_a_channel_that_has_one_value_are_completed_and_it_is_said(tmp_path):
    small = recorded(tmp_path, [{"motor_left": 0, "motor_right": 0.12}], action_space=None)
    assert small.action_count == 1 and small.actions[0, 2] == small.profile.channels[2].low
    assert "leave out duration 0.2" in session_facts(small)
