"""Numbers and durations as text."""

from training import NO_BREAK, duration_text, loss_text

__all__ = ["bytes_text", "count_text", "duration_text", "loss_text", "number_text", "percent_text", "rate_text"]


def number_text(value: float) -> str:
    """Four significant digits, with a minus sign: 0.12, −0.5."""
    return f"{value:.4g}".replace("-", "−", 1) if value < 0 else f"{value:.4g}"


def percent_text(share: float) -> str:
    """62 %, from 0.62; number and sign stay on one line."""
    return f"{100 * share:.0f}{NO_BREAK}%"


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
