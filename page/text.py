"""Numbers and durations as text."""

import math

SPACE = "\u00a0"  # does not break a line


def loss_text(loss: float) -> str:
    """Three significant digits, scientific below 0.01: 0.0249, 7.39e-4. The player's error track writes the same."""
    if not math.isfinite(loss):
        return "not finite"
    if loss != 0 and abs(loss) < 0.01:
        digits, _, exponent = f"{loss:.2e}".partition("e")
        return f"{digits}e{int(exponent)}"
    return f"{loss:#.3g}".rstrip(".") if loss else "0"


def duration_text(seconds: float) -> str:
    """12.3 s, 4 min 05 s, 2 h 03 min; number and unit stay on one line."""
    if seconds < 60:
        return f"{seconds:.1f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min{SPACE}{rest:02d}{SPACE}s"
    return f"{minutes // 60}{SPACE}h{SPACE}{minutes % 60:02d}{SPACE}min"


def percent_text(share: float) -> str:
    """62 %, from 0.62; number and sign stay on one line."""
    return f"{100 * share:.0f}{SPACE}%"


def count_text(count: int, noun: str) -> str:
    """1 frame, 2,000 frames."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def rate_text(rate: float) -> str:
    """How many a second: 0.42, 14.3, 1,534."""
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"


def bytes_text(count: int) -> str:
    """980 B, 8.1 kB, 2.4 MB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} B"
