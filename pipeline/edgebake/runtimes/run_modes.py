"""Run modes: the compute units, or kinds of arithmetic, with which a machine runs a file."""

from dataclasses import dataclass

HOST = "host"


@dataclass(frozen=True)
class RunMode:
    """One mode in which a file runs; gates judge the first mode of a runtime."""

    name: str = ""  # suffix of its metrics, e.g. accuracy_cpu_only; empty for the first mode
    where: str = HOST  # label of its measurements: the place where they were made
    untimed: str = ""  # reason why its latency would be meaningless; empty: it is timed
    threaded: bool = True  # whether the number of threads can be set

    def metric_name(self, metric: str) -> str:
        """Return the name of a metric that was measured in this mode."""
        if not self.name:
            return metric
        return f"{metric}_{self.name}"


SINGLE_MODE = (RunMode(),)
