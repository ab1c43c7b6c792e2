"""Numbers with their units, as the page, the pictures and the README write them."""

from __future__ import annotations

__all__ = ["plain_size", "plain_time", "signed"]


def plain_time(microseconds: float) -> str:
    """Two digits below ten.

    Examples
    --------
    >>> [plain_time(value) for value in (9.44, 16.2, 3_240, 1.4e6)]
    ['9.4 µs', '16 µs', '3.2 ms', '1.4 s']
    """
    unit, factor = next((pair for pair in (("µs", 1.0), ("ms", 1e3)) if microseconds < 999.5 * pair[1]), ("s", 1e6))
    value = microseconds / factor
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.2g} {unit}"


def plain_size(size: float) -> str:
    """In kilobytes of 1,000 bytes, megabytes and gigabytes.

    Examples
    --------
    >>> [plain_size(value) for value in (940, 61_412, 2_430_000, 312e6, 1.07e9)]
    ['0.94 kB', '61 kB', '2.4 MB', '312 MB', '1.1 GB']
    """
    units = (("kB", 1e3), ("MB", 1e6))
    unit, factor = next((pair for pair in units if size < 999.5 * pair[1]), ("GB", 1e9))
    value = size / factor
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.2g} {unit}"


def signed(value: float, digits: int = 4) -> str:
    """With its sign, and a minus as wide as a plus.

    Examples
    --------
    >>> signed(-0.01234), signed(0.5, 1)
    ('−0.0123', '+0.5')
    """
    return f"{value:+.{digits}f}".replace("-", "−")
