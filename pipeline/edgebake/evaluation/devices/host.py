"""The machine that builds: each timing in a quiet process of its own."""

from edgebake.evaluation.latency import protocol
from edgebake.evaluation.latency.protocol import Place
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.runtimes.run_modes import HOST


def measure(job: TimingRequest) -> TimingResult:
    """Return latency, load time and peak memory of a converted file in each of its ways, beside its float parent.

    Raises:
        HostError: the runtime does not run the file here.
    """
    file, baseline = protocol.opened(job)
    place = Place(HOST, str(file), str(baseline) if baseline else None, protocol.in_a_process)
    return protocol.measure(job, place)
