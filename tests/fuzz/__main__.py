"""Fuzz the parsers that face strangers: `python -m tests.fuzz --seconds 600 --seed 1 [PARSER]`.

Prints the number of inputs of each parser. An input that hangs, or that raises something else than
a refusal, is written to a file, and the exit code is 1.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from tests.fuzz import runner
from tests.fuzz.targets import TARGETS


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("parsers", nargs="*", metavar="PARSER", help="default: all")
    parser.add_argument("--seconds", type=float, default=60, help="of all parsers together")
    parser.add_argument("--inputs", type=int, default=1 << 40, help="of each parser, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=Path, help="folder for inputs that fail")
    arguments = parser.parse_args()
    unknown = set(arguments.parsers) - TARGETS.keys()
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}; expected some of: {', '.join(TARGETS)}")
    names = arguments.parsers or list(TARGETS)
    failures = arguments.failures or Path(tempfile.mkdtemp(prefix="fuzz-"))
    budget = runner.Budget(arguments.seconds / len(names), arguments.inputs)
    results = []
    for name in names:
        result = runner.fuzz(TARGETS[name], budget, arguments.seed, failures)
        results.append(result)
        print(
            f"{name:24} {result.inputs:9,} inputs, {result.refused:9,} refused, "
            f"{result.crashes} ended by a child's limits, {len(result.failures)} failures",
            flush=True,
        )
        for problem, file in result.failures:
            print(f"{file}:\n{problem}", flush=True)
    print(f"{'all':24} {sum(result.inputs for result in results):9,} inputs")
    return int(any(result.failures for result in results))


if __name__ == "__main__":
    sys.exit(main())
