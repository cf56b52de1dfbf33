"""Mutate recipe files, and run `edgebake check` on each mutant in a process of its own.

`python -m tests.recipes.mutations --count 500` runs many, and prints each that is not refused well.
"""

import argparse
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir
from pathlib import Path

from edgebake.cli.main import main
from tests.recipes.forked import Outcome, run_forked
from tests.recipes.mutators import MUTATORS

ROOT = Path(__file__).parents[2]
LIBRARY_WORDS = re.compile(
    r"hydra|omegaconf|ConfigKeyError|full_key|object_type|Could not override|ListConfig|DictConfig"
    r"|AnyNode|ScannerError|Interpolation\w*Error|Grammar|structured config|NoneType|dataclass"
    r"|primitive|is not a subclass|defaults list|searchpath|recursion|<class|0x[0-9a-f]{8}",
    re.IGNORECASE,
)
# Those of the test project: pruning and integers, and both fallbacks of the phones.
TARGETS = ("galaxy_a14", "android_any", "ios_any")


def complaints(outcome: Outcome, names: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with the answer to a mutated file.

    Args:
        outcome: the answer.
        names: a refusal has to contain one of them.
    """
    if outcome.seconds > 10:
        yield "hang"
    if "Traceback" in outcome.output:
        yield "traceback"
    elif outcome.code not in (0, 1):
        yield f"exit code {outcome.code}"
    if LIBRARY_WORDS.search(outcome.output):
        yield "library words"
    if outcome.code == 1 and not any(name in outcome.output for name in names):
        yield "wrong file"


def project(folder: Path) -> None:
    """Copy what `edgebake check` reads into a folder."""
    for name in ("recipes", "dvc.yaml", "params.yaml"):
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, folder / name)
    release = folder / "recipes/release.yaml"
    head, _, _ = release.read_text().partition("targets:\n")
    release.write_text(head + "targets: [galaxy_a14, android_any, ios_any]\n")
    for target in (folder / "recipes/target").iterdir():
        if target.stem not in TARGETS:
            target.unlink()


def run(count: int, seed: int) -> Iterator[tuple[str, list[str], Outcome]]:
    """Yield the file and mutator of each mutant, the complaints and the answer.

    The working directory is a project; each file is mutated in turn, and restored.
    """
    main(["check"])  # imports what the forks need
    chance = random.Random(seed)  # noqa: S311 - the same mutants every time
    files = sorted(Path("recipes").rglob("*.yaml"))
    chance.shuffle(files)
    for number in range(count):
        file = files[number % len(files)]
        mutate = chance.choice(MUTATORS)
        data = file.read_bytes()
        config = file.relative_to("recipes").with_suffix("").as_posix()
        file.write_bytes(mutate(data, chance, config))
        try:
            outcome = run_forked(["check"])
        finally:
            file.write_bytes(data)
        yield f"{number} {file}: {mutate.__name__}", list(complaints(outcome, [str(file)])), outcome


def report(mutants: Iterable[tuple[str, list[str], Outcome]], verbose: bool) -> None:
    """Print each mutant with complaints, all with `verbose`, and the number of each complaint."""
    counts: dict[str, int] = {}
    for mutant, wrong, outcome in mutants:
        for kind in wrong or [f"exit code {outcome.code}, well said"]:
            counts[kind] = counts.get(kind, 0) + 1
        if wrong or verbose:
            sys.stdout.write(f"{mutant} {wrong} {outcome.output[-1500:].strip()}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{counts}\n")


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project(Path(folder))
        with chdir(folder):
            report(run(arguments.count, arguments.seed), arguments.verbose)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
