"""Devices that time a file: `measure(request)` of each module returns a `TimingResult`."""
