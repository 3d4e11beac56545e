import math

from page.text import bytes_text, duration_text, loss_text, number_text
from tests.cases import every_case


@every_case(
    ("loss", "text"),
    [
        (0.012344, "0.0123"),
        (12.3456, "12.3"),
        (1.0, "1.00"),
        (0.01, "0.0100"),
        (0.001, "1.00e-3"),
        (0.00012345, "1.23e-4"),
        (0.0, "0"),
        (123.4, "123"),
        (math.nan, "not finite"),
        (math.inf, "not finite"),
    ],
)
def test_losses_have_three_digits_and_are_scientific_below_a_hundredth(loss, text):
    assert loss_text(loss) == text


def test_durations_and_sizes_read_as_people_say_them():
    durations = [duration_text(s).replace("\u00a0", " ") for s in (3.21, 245, 7380)]
    assert durations == ["3.2 s", "4 min 05 s", "2 h 03 min"]
    assert [number_text(n) for n in (-0.5, 0.12, -1e-5)] == ["−0.5", "0.12", "−1e-05"]
    assert [bytes_text(n) for n in (980, 8100, 2_400_000)] == ["980 B", "8.1 kB", "2.4 MB"]
