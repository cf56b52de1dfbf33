"""Time files alone on this machine, and mark what was timed beside other work."""

import os
from collections.abc import Callable
from dataclasses import replace

from edgebake.evaluation.latency import protocol
from edgebake.evaluation.latency.protocol import StopwatchRunner
from edgebake.evaluation.latency.request import TimingRequest, TimingResult
from edgebake.evaluation.latency.stopwatch import Recording, Request, Surroundings
from edgebake.machine import cores, load, turns

Run = Callable[[Request], Recording]


def measure(request: TimingRequest, runner: StopwatchRunner) -> TimingResult:
    """Time a file on this machine, alone or on a core of its own.

    Without a core of its own, the machine is held alone from the first to the last run. With one,
    only runs on all threads are beside other stages, and marked if there are any.
    """
    if not protocol.is_timed(request):
        return protocol.measure(request, runner)
    core = cores.own_core()
    if core is None:
        with turns.alone() as is_alone:
            return protocol.measure(request, replace(runner, run=_watched(runner.run, is_alone)))
    return protocol.measure(request, replace(runner, run=_on_core(runner.run, core)))


def _watched(run: Run, is_alone: bool) -> Run:
    """Return a function that adds the load of the whole machine to its recordings."""

    def watched(request: Request) -> Recording:
        with load.watch() as programs:
            recording = run(request)
        surroundings: Surroundings = {
            "beside_stage": not is_alone,
            "other_cores": programs.cores,
            "cores": os.cpu_count() or 1,
        }
        return {**recording, "surroundings": surroundings}

    return watched


def _on_core(run: Run, core: int) -> Run:
    """Return a function that runs on an isolated core what runs on one thread."""

    def on_core(request: Request) -> Recording:
        if request["threads"] != 1:
            with turns.alone(limit_s=0.0) as is_alone:
                return _watched(run, is_alone)(request)
        with turns.timing(), cores.pinned(core), load.watch(core) as programs:
            recording = run(request)
        surroundings: Surroundings = {
            "beside_stage": False,
            "other_cores": programs.cores,
            "cores": 1,
        }
        return {**recording, "surroundings": surroundings}

    return on_core
