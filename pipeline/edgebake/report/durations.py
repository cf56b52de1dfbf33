"""Write durations as people read them."""

TENTHS_BELOW = 10  # seconds
MINUTE = 60
HOUR = 3600


def clock(seconds: float) -> str:
    """Return a duration as a clock shows it: `0:42`, `12:05`, `1:03:20`."""
    whole = round(seconds)
    hours, rest = divmod(whole, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    if hours:
        return f"{hours}:{minutes:02}:{rest:02}"
    return f"{minutes}:{rest:02}"


def brief(seconds: float) -> str:
    """Return a duration in words: `0.4 s`, `42 s`, `12 min 5 s`, `1 h 3 min`."""
    if seconds < TENTHS_BELOW:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    minutes, rest = divmod(whole, MINUTE)
    if whole < HOUR:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, MINUTE)
    return f"{hours} h {minutes} min"
