"""Time files on the machine that builds, each in a process of its own."""

from functools import partial

from edgebake.evaluation.latency import protocol, surroundings
from edgebake.evaluation.latency.protocol import StopwatchRunner
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.runtimes.run_modes import HOST


def measure(request: TimingRequest) -> TimingResult:
    """Measure latency, load time and peak memory in each run mode, and the speedup.

    Raises:
        HostError: the runtime does not run the file on this machine.
    """
    file, baseline = protocol.model_paths(request)
    runner = StopwatchRunner(
        where=HOST,
        file=str(file),
        baseline=str(baseline) if baseline else None,
        run=partial(protocol.run_in_process, allowed=protocol.limits(request.protocol)),
    )
    return surroundings.measure(request, runner)
