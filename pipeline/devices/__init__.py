"""Where latency is measured, one file each: measure(runtime, folder, section) -> measurements by name."""
