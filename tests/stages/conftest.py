"""Where a stage is run: a project with its plan, and one whose model is trained."""

import json
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

import pytest

from edgebake import artifacts
from edgebake.models import keras_session
from edgebake.plan import planner
from edgebake.recipe.stage_params import Plan
from tests import measured
from tests.stages import alone
from tests.stages.alone import Ran

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def looked_at(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Path:
    """What the stage `data` left of the digits."""
    folder = tmp_path_factory.mktemp("data")
    with chdir(folder):
        planner.write(planned)
        return folder / alone.run("data", "digits").folder


@pytest.fixture
def params(tmp_path: Path, planned: Plan, looked_at: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the project's plan and the splits of the digits; the test runs in it."""
    monkeypatch.chdir(tmp_path)
    planner.write(planned)
    shutil.copytree(looked_at, artifacts.folder("data", "digits"))
    return tmp_path


@pytest.fixture
def committed(params: Path) -> Path:
    """That folder with the other inputs of package: the commit, licenses, empty parity."""
    shutil.copytree(ROOT / "LICENSES", params / "LICENSES")
    for platform in ("android", "ios", "linux"):
        artifacts.write(
            artifacts.ROOT / "revision" / f"{platform}.json", json.dumps(alone.REVISION).encode()
        )
        measured.lay_parity(platform, {})
    return params


@pytest.fixture(scope="session")
def small(
    tmp_path_factory: pytest.TempPathFactory, planned: Plan, looked_at: Path
) -> Iterator[Path]:
    """A folder whose plan trains a quarter of the channels for one epoch, on one thread."""
    folder = tmp_path_factory.mktemp("small")
    with chdir(folder):
        planner.write(planned)
        shutil.copytree(looked_at, artifacts.folder("data", "digits"))
        for word, value in {"epochs": 1, "threads": 1}.items():
            alone.set_param("train", "digits-ds_cnn", word, value=value)
        alone.set_param("train", "digits-ds_cnn", "model", "width_multiplier", value=0.25)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def trained(small: Path) -> tuple[Ran, list[str]]:
    """The output of train in the small folder, and the splits that it read; do not edit."""
    with chdir(small), pytest.MonkeyPatch.context() as monkeypatch:
        # Layers count from one, as in a process of its own.
        keras_session.start(threads=1).backend.clear_session()
        splits = alone.recorded_splits(monkeypatch)
        ran = alone.run("train", "digits-ds_cnn")
    return Ran(small / ran.folder, ran.line), splits
