"""One stage, run by itself on artifacts that a test has laid out."""

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebake import artifacts
from edgebake.data import dataset
from edgebake.data.dataset import Examples
from edgebake.recipe import Data, stage_params
from edgebake.stages.job import Job
from tests.contracts import image_contract

CONTRACT = image_contract(
    "classification",
    32,
    32,
    "grayscale",
    "none",
    "bilinear",
    [127.5],
    [1 / 127.5],
    [str(digit) for digit in range(10)],
)
REVISION = {
    "git_commit": "0123456789abcdef0123456789abcdef01234567",
    "dirty": False,
    "expired_waivers": [],
}


@dataclass(frozen=True)
class Ran:
    """What a stage left: its folder, and the line for the terminal."""

    folder: Path
    line: str

    def json(self, name: str) -> Any:
        return json.loads((self.folder / name).read_text())

    def files(self) -> dict[str, bytes]:
        """Return its files less the sums, which are the runner's."""
        return {
            name: data
            for name, data in artifacts.read_files(self.folder).items()
            if name != artifacts.SUMS
        }


def run(stage: str, variant: str) -> Ran:
    """Run a stage as the runner does, without its log."""
    params = stage_params.read(stage, variant)
    target = artifacts.folder(stage, variant, getattr(params, "platform", None))
    with artifacts.publish(target) as out:
        line = import_module(f"edgebake.stages.{stage}").run(Job(variant, params, out))
    return Ran(target, line)


def lay(target: Path, files: dict[str, bytes]) -> None:
    """Put an earlier stage's output in its place, with its sums and the digits' contract."""
    with artifacts.publish(target) as out:
        artifacts.write_files(out, {"contract.json": CONTRACT.to_json().encode(), **files})


def set_param(*path: str, value: Any) -> None:
    """Change one value of params.yaml."""
    content = yaml.safe_load(stage_params.PARAMS.read_text())
    node = content
    for key in path[:-1]:
        node = node[key]
    assert path[-1] in node
    node[path[-1]] = value
    stage_params.PARAMS.write_text(yaml.safe_dump(content, sort_keys=False))


def recorded_splits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that fills with the names of the splits that a stage asks for."""
    splits: list[str] = []
    read_split = dataset.read_split

    def recording(data: Data, variant: str, name: str) -> Examples:
        splits.append(name)
        return read_split(data, variant, name)

    monkeypatch.setattr(dataset, "read_split", recording)
    return splits
