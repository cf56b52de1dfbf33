"""Where latency is measured, one file each: measure(what is timed, and how) -> measurements by name."""
