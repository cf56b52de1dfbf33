"""Find a plugin by its name: the name in a recipe is the name of a module, and nothing else lists them."""

import functools
import importlib
import pkgutil
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from edgebake.errors import HostError, RecipeError, listed, nearest

# Which key of a recipe names a module in which folder of pipeline/edgebake/.
FOLDERS = {
    "data.source": "data/sources",
    "model.architecture": "models/architectures",
    "prune.method": "compression/pruning/methods",
    "quantize.calibration.method": "compression/quantization/calibrators",
    "convert.runtime": "runtimes",
    "validate.where": "evaluation/devices",
    "model.format": "models/importers",
}

# The distribution that requirements.txt leaves out where it has no wheel, by a marker in pyproject.toml.
NEEDS_X86_OR_MAC = "coremltools"


def options(key: str) -> list[str]:
    """Return the names that a recipe may give to `key`, sorted."""
    folder = Path(__file__).parent / FOLDERS[key]
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    if key == "convert.runtime":  # beside the runtimes lies what they share
        return [name for name in names if (folder / name / "convert.py").is_file()]
    return names


def load(key: str, name: str) -> ModuleType:
    """Import the module that `name` stands for.

    Raises:
        RecipeError: there is no such module.
    """
    refuse_unknown(key, name)
    return importlib.import_module(module_name(key, name))


def load_encoder(package: str, family: str) -> ModuleType:
    """Import the encoder of a family of schemes from a runtime's package of encoders."""
    return importlib.import_module(f"{package}.{family}")


def load_stage(stage: str) -> ModuleType:
    """Import the module of a stage."""
    return importlib.import_module(f"edgebake.stages.{stage}")


def load_all(package: str) -> list[ModuleType]:
    """Import every module of a package, which finds them itself, and return them by name."""
    found = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(found.__path__))
    return [importlib.import_module(f"{package}.{name}") for name in names]


def module_name(key: str, name: str) -> str:
    """Return the dotted name of the module that `name` stands for."""
    return f"edgebake.{FOLDERS[key].replace('/', '.')}.{name}"


def refuse_unknown(key: str, name: str) -> None:
    """Hold a name against the modules that there are, without importing any.

    Raises:
        RecipeError: there is no such module.
    """
    known = options(key)
    if name not in known:
        expected = f"expected one of: {listed(known)}{nearest(name, known)}"
        raise RecipeError(f"{key}: no module pipeline/edgebake/{FOLDERS[key]}/{name}; {expected}")


def tools(*distributions: str) -> dict[str, str]:
    """Return the installed version of each distribution.

    Raises:
        HostError: one is not installed.
    """
    return {name: _version(name) for name in sorted(set(distributions))}


@functools.cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        raise HostError(_absence(distribution)) from None


def _absence(distribution: str) -> str:
    """Return why a distribution is not installed, and what to do."""
    has_wheel = sys.platform == "darwin" or platform.machine() == "x86_64"
    if distribution != NEEDS_X86_OR_MAC or has_wheel:
        return f"{distribution}: not installed; expected it in this environment: run `make setup`"
    return (
        f"{distribution}: not installed, it has no wheel for {sys.platform} on {platform.machine()}; expected targets "
        "that do without: drop those of iOS, and those with `prune: cluster`, from `targets:` in recipes/release.yaml"
    )
