"""The ways in which one machine can run a converted file: compute units of Core ML, or kinds of arithmetic."""

from dataclasses import dataclass

HOST = "host"


@dataclass(frozen=True)
class RunMode:
    """One way to run a file; a runtime's first is the one that gates judge."""

    name: str = ""  # ends the names of its metrics, accuracy_cpu_only for one; empty for the first
    where: str = HOST  # what its measurements say of where they were made
    untimed: str = ""  # why its latency would say nothing; empty: it is timed
    threaded: bool = True  # whether it can be told how many threads to use

    def named(self, metric: str) -> str:
        """Return the name that a metric has in this way."""
        return f"{metric}_{self.name}" if self.name else metric


SINGLE_MODE = (RunMode(),)
