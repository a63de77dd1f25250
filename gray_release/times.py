"""Unix times as people read them: in the local time zone, and how long ago."""

from datetime import datetime

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def format_time(seconds: float | None) -> str:
    """Write a Unix time in the local time zone; `unknown` for what is none."""
    moment = to_local_time(seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "unknown"


def to_local_time(seconds: float | None) -> datetime | None:
    """Return a Unix time in the local time zone; `None` for what no calendar knows, and for 0."""
    try:
        return datetime.fromtimestamp(seconds).astimezone() if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def format_short_time(seconds: float | None, now: float) -> str:
    """Write a Unix time without what people know: `11-24 17:33`, in another year `2025-11-24`."""
    moment = to_local_time(seconds)
    if moment is None:
        return ""
    return (
        f"{moment:%m-%d %H:%M}"
        if moment.year == datetime.fromtimestamp(now).astimezone().year
        else f"{moment:%Y-%m-%d}"
    )


def format_zone(now: float) -> str:
    """Name the local time zone: `CST (UTC+08:00)`, as CST alone is also Chicago's; `UTC`."""
    moment = datetime.fromtimestamp(now).astimezone()
    offset = f"{moment:%z}"
    name = f"{moment:%Z}"
    return "UTC" if offset == "+0000" and name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"


def format_duration(seconds: float) -> str:
    """Write a length of time in the largest unit that fits: `3 days`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}{'' if seconds < 2 * size else 's'}"
    return "0 seconds"


def format_distance(seconds: float, now: float) -> str:
    """Write how far a Unix time is from now: `3 days ago`, `in 2 hours`."""
    away = abs(seconds - now)
    if away < 1:
        return "now"
    return f"in {format_duration(away)}" if seconds > now else f"{format_duration(away)} ago"
