import threading
import time

from training.jobs.control import Control


def test_without_a_command_a_run_goes_on():
    control, paused = Control(), []
    assert control.wait_while_paused(lambda: paused.append(1)) == 0.0
    assert control.end_status is None and paused == []


def test_a_pause_lasts_until_it_is_resumed_and_is_measured():
    control, paused, seconds = Control(), threading.Event(), []
    control.pause()
    waiting = threading.Thread(target=lambda: seconds.append(control.wait_while_paused(paused.set)))
    began = time.monotonic()
    waiting.start()
    assert paused.wait(10)
    assert waiting.is_alive()
    control.resume()
    waiting.join(10)
    assert 0 < seconds[0] <= time.monotonic() - began


def test_the_first_command_to_end_counts_and_ends_a_pause():
    control = Control()
    control.pause()
    control.interrupt()
    control.stop()
    assert control.end_status == "interrupted"
    assert control.wait_while_paused(lambda: None) == 0.0
