"""Mutate the files that verbs read between builds, and run a verb on each mutant.

`python -m tests.recipes.state_mutations PROJECT --count 300` takes a project with a built release.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

from edgebake import artifacts
from tests.recipes import mutations, mutators
from tests.recipes.forked import Outcome, run_forked
from tests.recipes.mutators import Mutator

NAMES = ("recipes", "artifacts", "LICENSES", "dvc.yaml", "params.yaml", "dvc.lock", "keys")
SUFFIXES = (".json", ".csv", ".txt")
VALUES: tuple[Any, ...] = (
    None, [], {}, "", "text", 0, -1, 1.5, 10**40, True, [None], {"x": 1}, [[1]], "x" * 5000,
    float("nan"), float("inf"), "\x1b[31m", "../x",
)  # fmt: skip


def retype_json(data: bytes, chance: random.Random, _: str) -> bytes:
    """Replace, delete or rename a random node of a JSON document."""
    document = json.loads(data)
    parents = [node for node in _containers(document) if node]
    if not parents:
        return json.dumps(chance.choice(VALUES)).encode()
    parent: Any = chance.choice(parents)
    key = chance.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    kind = chance.random()
    if kind < 0.2:
        del parent[key]
    elif kind < 0.3 and isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    else:
        parent[key] = chance.choice(VALUES)
    return json.dumps(document, indent=2).encode()


def replace_json(_: bytes, chance: random.Random, __: str) -> bytes:
    return json.dumps(chance.choice(VALUES)).encode()


def nest_json(_: bytes, chance: random.Random, __: str) -> bytes:
    return b"[" * chance.choice([70, 5000, 200_000])


TEXT: tuple[Mutator, ...] = (
    mutators.delete_line,
    mutators.duplicate_line,
    mutators.truncate,
    mutators.flip_byte,
    mutators.insert,
    mutators.replace_all,
    mutators.mark_conflict,
    mutators.reencode,
)
YAML: tuple[Mutator, ...] = (
    *TEXT,
    *[mutators.retype] * 6,
    mutators.misspell_key,
    mutators.misspell_key,
    mutators.odd_key,
    mutators.nest,
    mutators.bomb,
    mutators.change_indentation,
)
JSON: tuple[Mutator, ...] = (*TEXT, *[retype_json] * 8, replace_json, nest_json)


def _containers(node: object) -> Iterator[Any]:
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _containers(child)
    elif isinstance(node, list):
        yield node
        for child in node:
            yield from _containers(child)


def run(pristine: Path, count: int, seed: int) -> Iterator[tuple[str, list[str], Outcome]]:
    """Yield each mutant and verb, the complaints and the answer.

    Args:
        pristine: a project with a built release; it is copied for each mutant.
        count: number of mutants.
        seed: of the choices.
    """
    chance = random.Random(seed)  # noqa: S311 - the same mutants every time
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "work"
        _copy(pristine, work)
        with chdir(work):
            files = list(_files())
            verbs = _verbs()
            sound = {tuple(verb): run_forked(verb).code == 0 for verb in verbs}
        for number in range(count):
            _copy(pristine, work)
            with chdir(work):
                file = Path(["params.yaml", "dvc.lock"][number % 2])
                if number % 5 > 1:
                    file = chance.choice(files)
                mutate = chance.choice(JSON if file.suffix == ".json" else YAML)
                file.write_bytes(mutate(file.read_bytes(), chance, file.stem))
                if chance.random() < 0.5:
                    _write_sums(file)
                verb = chance.choice(verbs)
                outcome = run_forked(verb)
            names = _names(file) if sound[tuple(verb)] else [""]
            wrong = list(mutations.complaints(outcome, names))
            yield f"{number} {file}: {mutate.__name__}: {' '.join(verb)}", wrong, outcome


def _copy(pristine: Path, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    for name in NAMES:
        source = pristine / name
        if source.is_dir():
            shutil.copytree(source, work / name)
        elif source.exists():
            shutil.copy(source, work)


def _files() -> Iterator[Path]:
    """Yield the files of artifacts/ that verbs parse."""
    for stage in ("validate", "parity", "revision", "verdicts", "package", "prune"):
        for file in sorted((artifacts.ROOT / stage).rglob("*")):
            if file.suffix in SUFFIXES or file.name == artifacts.SUMS:
                yield file


def _names(file: Path) -> list[str]:
    """Return the names of a file in messages: itself, or the folder of its stage and variant."""
    folders = [str(folder) for folder in file.parents if len(folder.parts) > 2]
    return [str(file), *folders]


def _verbs() -> list[list[str]]:
    verbs = [["table"], ["table"], ["plan", "--check"], ["check"]]
    for bundle in sorted((artifacts.ROOT / "package").glob("*.zip")):
        verbs += [["package", bundle.stem], ["proof", bundle.stem]]
    for verdict in sorted(artifacts.VERDICTS.glob("*.json")):
        verbs.append(["gate", verdict.stem])
    return verbs


def _write_sums(file: Path) -> None:
    """Write SHA256SUMS of a mutated file's folder again, so that nothing is refused for that."""
    for folder in file.parents:
        sums = folder / artifacts.SUMS
        if sums.is_file() and file != sums:
            sums.write_text(artifacts.sums(folder))


def _main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("project", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    mutants = run(arguments.project.resolve(), arguments.count, arguments.seed)
    mutations.report(mutants, arguments.verbose)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
