"""Fixtures of many tests: the project's own recipes and built releases."""

import gc
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import chdir
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import settings

from edgebake.machine import turns
from edgebake.plan import variants
from edgebake.plan.compose import Target, compose_release, compose_targets
from edgebake.recipe import Recipe, Release
from edgebake.recipe.files import targets
from edgebake.recipe.stage_params import Plan
from tests import hostile, order, other_system, properties, releases

ROOT = Path(__file__).parents[1]

settings.load_profile(properties.DEFAULT)  # `--hypothesis-profile` comes later, and wins


NEW_MODULES = 300  # as many as a large library imports
FROZEN = pytest.StashKey[int]()  # the number of modules when objects were frozen last


def pytest_configure() -> None:
    """Collect garbage less often.

    With the millions of objects of TensorFlow, collection took a sixth of the time.
    """
    gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Exempt large libraries from garbage collection, once fixtures or tests have imported them.

    coremltools collects three times in each conversion, which was half of its time.
    """
    stash = item.config.stash
    if len(sys.modules) > stash.get(FROZEN, 0) + NEW_MODULES:
        gc.collect()
        gc.freeze()
        stash[FROZEN] = len(sys.modules)


@pytest.fixture(scope="session", autouse=True)
def own_turns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let stages of this process of a test run take turns with each other, and with no others.

    Otherwise a timing of one worker would wait for the stages of the other.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(turns.RUNTIME_FOLDER, str(tmp_path_factory.mktemp("turns")))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the long files first."""
    items.sort(key=lambda item: order.position(item.path))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that CI skips for another reason than the operating system."""
    report = yield
    _fail_a_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Fail a module that CI skips as a whole."""
    report = yield
    _fail_a_skip(report)
    return report


def _fail_a_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = str(report.longrepr)
    if isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
    reason = reason.removeprefix("Skipped: ")
    if not reason.startswith(other_system.REASON):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped on CI: {reason}; expected it to run there"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the planner's inputs, to edit; the test runs in it."""
    shutil.copytree(ROOT / "recipes", tmp_path / "recipes")
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def composed() -> dict[str, Target]:
    """Every target of the project, composed once; to be read, not edited."""
    with chdir(ROOT):
        return {target.name: target for target in compose_targets(targets())}


@pytest.fixture(scope="session")
def release() -> Release:
    """The project's release; to be read, not edited."""
    with chdir(ROOT):
        return compose_release()


@pytest.fixture(scope="session")
def planned(release: Release, composed: dict[str, Target]) -> Plan:
    """The project's own plan; to be read, not edited."""
    return variants.merge(release, [composed[name] for name in release.targets])


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with the default release built; not to be edited."""
    return releases.once(
        releases.shared_folder(tmp_path_factory) / "default", releases.build_default
    )


@pytest.fixture(scope="session")
def quick_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with a small release built; not to be edited."""
    return releases.once(releases.shared_folder(tmp_path_factory) / "quick", releases.build_quick)


@pytest.fixture
def quick(quick_release: Path, tmp_path: Path) -> Iterator[Path]:
    """A clone with a small release built, to edit."""
    folder = releases.copy(quick_release, tmp_path / "clone")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def hostile_archive(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The trained network that quantizes badly (tests/hostile.py), in a file of Keras."""

    def train(folder: Path) -> None:
        folder.mkdir()
        (folder / "model.keras").write_bytes(hostile.trained())

    folder = releases.once(releases.shared_folder(tmp_path_factory) / "hostile", train)
    return (folder / "model.keras").read_bytes()


@pytest.fixture
def recipe(composed: dict[str, Target]) -> Recipe:
    """A sound recipe, to edit: int8 for LiteRT on an Android phone."""
    return deepcopy(composed["pixel_8"].recipe)


@pytest.fixture
def core_ml_recipe(composed: dict[str, Target]) -> Recipe:
    """A sound recipe, to edit: float16 for Core ML on an iPhone."""
    return deepcopy(composed["iphone_15"].recipe)
