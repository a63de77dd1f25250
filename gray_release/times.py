"""Unix times as people read them: in the local time zone, and how long ago."""

from datetime import datetime

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def absolute(seconds: float | None) -> str:
    """Write a Unix time in the local time zone; `unknown` for what is none."""
    try:
        return f"{datetime.fromtimestamp(seconds or 0).astimezone():%Y-%m-%d %H:%M:%S %Z}" if seconds else "unknown"
    except (ValueError, OverflowError, OSError):
        return "unknown"


def relative(seconds: float, now: float) -> str:
    """Write how far a Unix time is from now: `3 days ago`, `in 2 hours`."""
    away = abs(seconds - now)
    for unit, size in _UNITS:
        if away >= size:
            amount = f"{away // size:.0f} {unit}{'' if away < 2 * size else 's'}"
            return f"in {amount}" if seconds > now else f"{amount} ago"
    return "now"
