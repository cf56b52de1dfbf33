"""The machine that builds: each timing in a quiet process of its own."""

from pipeline import repetition
from pipeline.repetition import Place
from pipeline.timing import Timed, Timing
from pipeline.ways import HOST


def measure(job: Timed) -> Timing:
    """Return latency, load time and peak memory of a converted file in each of its ways, beside its float parent.

    Raises:
        HostError: the runtime does not run the file here.
    """
    file, baseline = repetition.opened(job)
    place = Place(HOST, str(file), str(baseline) if baseline else None, repetition.in_a_process)
    return repetition.measure(job, place)
