"""Write Unix times for people: in the local time zone, or as a distance from now."""

from datetime import datetime

_UNITS = (("year", 31_557_600), ("month", 2_629_800), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def format_time(seconds: float | None) -> str:
    """Write a Unix time in the local time zone; `unknown` if it is not a time."""
    moment = to_local_time(seconds)
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}" if moment else "unknown"


def to_local_time(seconds: float | None) -> datetime | None:
    """Return a Unix time in the local time zone; `None` for 0 and for values outside the calendar."""
    try:
        return datetime.fromtimestamp(seconds).astimezone() if seconds else None
    except (ValueError, OverflowError, OSError):
        return None


def format_short_time(seconds: float | None, now: float) -> str:
    """Write a Unix time briefly: `11-24 17:33` in this year, `2025-11-24` in any other."""
    moment = to_local_time(seconds)
    if moment is None:
        return ""
    return (
        f"{moment:%m-%d %H:%M}"
        if moment.year == datetime.fromtimestamp(now).astimezone().year
        else f"{moment:%Y-%m-%d}"
    )


def format_zone(now: float) -> str:
    """Name the local time zone with its offset, `CST (UTC+08:00)`, because CST alone may be China or Chicago."""
    moment = datetime.fromtimestamp(now).astimezone()
    offset = f"{moment:%z}"
    name = f"{moment:%Z}"
    return "UTC" if offset == "+0000" and name == "UTC" else f"{name} (UTC{offset[:3]}:{offset[3:5]})"


def format_duration(seconds: float) -> str:
    """Write a duration in its largest whole unit: `3 days`."""
    for unit, size in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}{'' if seconds < 2 * size else 's'}"
    return "0 seconds"


def format_distance(seconds: float, now: float) -> str:
    """Write the distance of a Unix time from now: `3 days ago`, `in 2 hours`."""
    distance = abs(seconds - now)
    if distance < 1:
        return "now"
    return f"in {format_duration(distance)}" if seconds > now else f"{format_duration(distance)} ago"
