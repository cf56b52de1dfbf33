"""Find a plugin by its name: the name in a recipe is the name of a module, and nothing else lists them.

A project's own plugins lie in plugins/<kind>/ beside its recipes/, and are looked up before those of the package.
"""

import functools
import importlib
import importlib.util
import pkgutil
import platform
import sys
import traceback
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from edgebake.errors import EdgebakeError, HostError, RecipeError, listed, nearest

# Which key of a recipe names a module in which folder of the package.
FOLDERS = {
    "data.source": "data/sources",
    "model.architecture": "models/architectures",
    "prune.method": "compression/pruning/methods",
    "quantize.calibration.method": "compression/quantization/calibrators",
    "convert.runtime": "runtimes",
    "validate.where": "evaluation/devices",
    "model.format": "models/importers",
}
PROJECT = Path("plugins")  # of a project
# Which key of a recipe names a module in which folder of a project's plugins/.
KINDS = {
    "data.source": "sources",
    "model.architecture": "architectures",
    "prune.method": "pruning_methods",
    "quantize.calibration.method": "calibrators",
    "convert.runtime": "runtimes",
    "validate.where": "devices",
}
# What a plugin of a project has to define; the packages of ours say what each name is.
REQUIRED = {
    "data.source": ("TOOLS", "columns", "count", "load"),
    "model.architecture": ("MINIMUM_RESOLUTION", "build"),
    "prune.method": ("ONE_OF", "TOOLS", "WORDS", "prune"),
    "quantize.calibration.method": ("WORDS", "find"),
    "convert.runtime": ("RUNTIME",),
    "validate.where": ("measure",),
}

# The distribution that requirements.txt leaves out where it has no wheel, by a marker in pyproject.toml.
NEEDS_X86_OR_MAC = "coremltools"


def options(key: str) -> list[str]:
    """Return the names that a recipe may give to `key`, sorted."""
    return sorted({*of_project(key), *of_package(key)})


def of_project(key: str) -> list[str]:
    """Return the names of the project's own plugins for `key`, sorted; `_` begins the name of a helper."""
    if key not in KINDS:
        return []
    folder = (
        PROJECT.resolve() / KINDS[key]
    )  # whole: Python remembers what a relative path stood for
    modules = pkgutil.iter_modules([str(folder)])
    return sorted(module.name for module in modules if not module.name.startswith("_"))


def of_package(key: str) -> list[str]:
    """Return the names of edgebake's own plugins for `key`, sorted."""
    folder = Path(__file__).parent / FOLDERS[key]
    names = sorted(module.name for module in pkgutil.iter_modules([str(folder)]))
    if key == "convert.runtime":  # beside the runtimes lies what they share
        return [name for name in names if (folder / name / "convert.py").is_file()]
    return names


def load(key: str, name: str) -> ModuleType:
    """Import the module that `name` stands for.

    Raises:
        RecipeError: there is no such module, or it is the project's and cannot be imported or lacks a name.
    """
    refuse_unknown(key, name)
    module = _import(module_name(key, name))
    if name in of_project(key):
        _refuse_incomplete(key, module)
    return module


def load_encoder(package: str, family: str) -> ModuleType:
    """Import the encoder of a family of schemes from a runtime's package of encoders."""
    return _import(f"{package}.{family}")


def load_stage(stage: str) -> ModuleType:
    """Import the module of a stage."""
    return importlib.import_module(f"edgebake.stages.{stage}")


def load_all(package: str) -> list[ModuleType]:
    """Import every module of a package, which finds them itself, and return them by name."""
    found = importlib.import_module(package)
    names = sorted(module.name for module in pkgutil.iter_modules(found.__path__))
    return [importlib.import_module(f"{package}.{name}") for name in names]


def module_name(key: str, name: str) -> str:
    """Return the dotted name of the module that `name` stands for: the project's, where it has one of that name."""
    if name in of_project(key):
        return f"{PROJECT.name}.{KINDS[key]}.{name}"
    return f"edgebake.{FOLDERS[key].replace('/', '.')}.{name}"


def refuse_unknown(key: str, name: str) -> None:
    """Hold a name against the modules that there are, without importing any.

    Raises:
        RecipeError: there is no such module.
    """
    known = options(key)
    if name not in known:
        expected = f"expected one of: {listed(known)}{nearest(name, known)}"
        places = [f"{PROJECT}/{KINDS[key]}/{name}"] if key in KINDS else []
        places.append(f"edgebake/{FOLDERS[key]}/{name}")
        raise RecipeError(f"{key}: no module {' or '.join(places)}; {expected}")


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


def blame(error: BaseException) -> RecipeError | None:
    """Return an error that names the line of the project's plugins in which `error` arose; None if it arose elsewhere.

    A syntax error arises in the file that it is in, whoever imports that.
    """
    folder = PROJECT.resolve()
    places = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno))
    in_plugins = [(Path(file), line) for file, line in places if Path(file).is_relative_to(folder)]
    if not in_plugins:
        return None
    file, line = in_plugins[-1]
    return RecipeError(f"{PROJECT / file.relative_to(folder)}:{line}: {_text(error)}")


def _text(error: BaseException) -> str:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    text = f"{type(error).__name__}: {' '.join(message.split())}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package not in ("edgebake", PROJECT.name):
            return f"{text}; expected the package {package} in this environment: install it"
    return f"{text}; expected a plugin that runs"


def _import(module: str) -> ModuleType:
    """Import a module of the package, or of the project's plugins whatever lies on sys.path.

    Raises:
        RecipeError: it is the project's, and it cannot be imported.
    """
    if module.partition(".")[0] != PROJECT.name:
        return importlib.import_module(module)
    try:
        _open_project()
        return importlib.import_module(module)
    except EdgebakeError:
        raise
    except (Exception, SystemExit) as error:
        unplaced = RecipeError(f"{module.replace('.', '/')}: {_text(error)}")
        raise (blame(error) or unplaced) from None


def _open_project() -> None:
    """Let the name `plugins` stand for the project's folder in every import, whatever else is installed under it."""
    folder = PROJECT.resolve()
    importlib.invalidate_caches()  # a file may be newer than the last look into its folder
    package = sys.modules.get(PROJECT.name)
    if package is not None and list(getattr(package, "__path__", [])) == [str(folder)]:
        return
    for name in list(sys.modules):
        if name.partition(".")[0] == PROJECT.name:
            del sys.modules[name]
    init = folder / "__init__.py"
    spec: ModuleSpec | None = ModuleSpec(PROJECT.name, None, is_package=True)
    if init.is_file():
        spec = importlib.util.spec_from_file_location(PROJECT.name, init)
    if spec is None:
        raise ImportError(f"{init}: no Python source")
    spec.submodule_search_locations = [str(folder)]
    module = importlib.util.module_from_spec(spec)
    sys.modules[PROJECT.name] = module
    if spec.loader is not None:
        spec.loader.exec_module(module)


def _refuse_incomplete(key: str, module: ModuleType) -> None:
    required = REQUIRED.get(key, ())
    missing = [name for name in required if not hasattr(module, name)]
    if missing:
        file = PROJECT / Path(str(module.__file__)).relative_to(PROJECT.resolve())
        raise RecipeError(
            f"{file}: no {listed(missing)}; expected of a plugin for {key}: {listed(required)}"
        )
