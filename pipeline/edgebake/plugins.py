"""Find plugins by name: a name in a recipe is the name of a module, and there is no other list.

Plugins of the project are modules in plugins/<kind>/, in the folder that holds recipes/. They take
precedence over plugins of the package.
"""

import functools
import importlib
import importlib.util
import pkgutil
import platform
import sys
import traceback
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

from edgebake.errors import EdgebakeError, HostError, RecipeError, listed, nearest

# Folder of the package with the plugins that a key of the recipe can name.
FOLDERS = {
    "data.source": "data/sources",
    "data.input.kind": "tasks/inputs",
    "task.output": "tasks/outputs",
    "model.architecture": "models/architectures",
    "prune.method": "compression/pruning/methods",
    "quantize.calibration.method": "compression/quantization/calibrators",
    "convert.runtime": "runtimes",
    "validate.where": "evaluation/devices",
    "model.format": "models/importers",
}
# A file of every plugin that is a package, in a folder that also contains modules they share.
PACKAGES = {"data.input.kind": "steps.py", "convert.runtime": "convert.py"}
PROJECT = Path("plugins")  # of a project
# Folder of the project's plugins/ with the plugins that a key of the recipe can name.
PROJECT_FOLDERS = {
    "data.source": "sources",
    "data.input.kind": "inputs",
    "task.output": "tasks",
    "model.architecture": "architectures",
    "prune.method": "pruning_methods",
    "quantize.calibration.method": "calibrators",
    "convert.runtime": "runtimes",
    "validate.where": "devices",
}
# Names that a plugin of a project has to define; the packages of edgebake describe each.
REQUIRED = {
    "data.source": ("TOOLS", "columns", "count", "load"),
    "data.input.kind": ("INPUT",),
    "task.output": ("TASK",),
    "model.architecture": ("build",),
    "prune.method": ("ONE_OF", "TOOLS", "WORDS", "prune"),
    "quantize.calibration.method": ("WORDS", "find"),
    "convert.runtime": ("RUNTIME",),
    "validate.where": ("measure",),
}

# A marker in pyproject.toml leaves this distribution out on machines for which it has no wheel.
NEEDS_X86_OR_MAC = "coremltools"


def options(key: str) -> list[str]:
    """Return the names of all plugins for a key of the recipe, sorted."""
    return sorted({*names_in_project(key), *names_in_package(key)})


def names_in_project(key: str) -> list[str]:
    """Return the names of the project's plugins for a key, sorted, without helpers (`_name`)."""
    if key not in PROJECT_FOLDERS or not PROJECT.is_dir():
        return []
    # Absolute, because Python caches the folder that a relative path referred to.
    folder = PROJECT.resolve() / PROJECT_FOLDERS[key]
    return [name for name in _module_names([str(folder)]) if not name.startswith("_")]


def names_in_package(key: str) -> list[str]:
    """Return the names of edgebake's plugins for a key, sorted."""
    return list(_names_in_package(key))


@functools.cache
def _names_in_package(key: str) -> list[str]:
    folder = Path(__file__).parent / FOLDERS[key]
    names = _module_names([str(folder)])
    if key not in PACKAGES:
        return names
    return [name for name in names if (folder / name / PACKAGES[key]).is_file()]


def load(key: str, name: str) -> ModuleType:
    """Import the plugin with a name.

    Raises:
        RecipeError: there is no such plugin, or it belongs to the project and cannot be imported
            or lacks a required name.
    """
    refuse_unknown(key, name)
    module = _import(module_name(key, name))
    if name in names_in_project(key):
        _check_required(key, module)
    return module


def load_encoder(package: str, family: str) -> ModuleType:
    """Import the encoder of a family of schemes from a runtime's package of encoders."""
    return _import(f"{package}.{family}")


def load_stage(stage: str) -> ModuleType:
    """Import the module of a stage."""
    return importlib.import_module(f"edgebake.stages.{stage}")


def load_all(package_name: str) -> list[ModuleType]:
    """Import every module of a package, sorted by name."""
    package = importlib.import_module(package_name)
    modules: list[ModuleType] = []
    for name in _module_names(package.__path__):
        module = importlib.import_module(f"{package_name}.{name}")
        modules.append(module)
    return modules


def module_name(key: str, name: str) -> str:
    """Return the full name of a plugin's module; of the project's if it has one of that name."""
    if name in names_in_project(key):
        return f"{PROJECT.name}.{PROJECT_FOLDERS[key]}.{name}"
    folder = FOLDERS[key].replace("/", ".")
    return f"edgebake.{folder}.{name}"


def refuse_unknown(key: str, name: str) -> None:
    """Check that there is a plugin with a name, without importing it.

    Raises:
        RecipeError: there is no such plugin.
    """
    known = options(key)
    if name in known:
        return
    paths = [f"edgebake/{FOLDERS[key]}/{name}"]
    if key in PROJECT_FOLDERS:
        paths.insert(0, f"{PROJECT}/{PROJECT_FOLDERS[key]}/{name}")
    expected = f"expected one of: {listed(known)}{nearest(name, known)}"
    alternatives = " or ".join(paths)
    raise RecipeError(f"{key}: no module {alternatives}; {expected}")


def tools(*distributions: str) -> dict[str, str]:
    """Return the installed version of each distribution, sorted by name.

    Raises:
        HostError: a distribution is not installed.
    """
    names = sorted(set(distributions))
    return {name: _version(name) for name in names}


def error_in_plugin(error: BaseException) -> RecipeError | None:
    """Return an error that names the line of the project's plugins that caused `error`.

    A syntax error is located in the file that contains it, regardless of the importing module.

    Returns:
        None if the project's plugins did not cause it.
    """
    folder = PROJECT.resolve()
    location: tuple[Path, int | None] | None = None
    for filename, line in _locations(error):
        file = Path(filename)
        if file.is_relative_to(folder):
            location = file, line
    if location is None:
        return None
    file, line = location
    path = PROJECT / file.relative_to(folder)
    return RecipeError(f"{path}:{line}: {_describe(error)}")


def _module_names(paths: Iterable[str]) -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(paths))


@functools.cache
def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        raise HostError(_not_installed(distribution)) from None


def _not_installed(distribution: str) -> str:
    """Return the message for a distribution that is not installed."""
    has_wheel = sys.platform == "darwin" or platform.machine() == "x86_64"
    if distribution != NEEDS_X86_OR_MAC or has_wheel:
        return f"{distribution}: not installed; expected it in this environment: run `make setup`"
    problem = f"not installed, it has no wheel for {sys.platform} on {platform.machine()}"
    return (
        f"{distribution}: {problem}; expected targets that do without: drop those of iOS, "
        "and those with `prune: cluster`, from `targets:` in recipes/release.yaml"
    )


def _locations(error: BaseException) -> list[tuple[str, int | None]]:
    """Return file and line of each frame of a traceback, and of a syntax error."""
    frames = traceback.extract_tb(error.__traceback__)
    locations = [(frame.filename, frame.lineno) for frame in frames]
    if isinstance(error, SyntaxError) and error.filename:
        locations.append((error.filename, error.lineno))
    return locations


def _describe(error: BaseException) -> str:
    """Return type and message of an error in a plugin, and what was expected."""
    message = str(error)
    if isinstance(error, SyntaxError):
        message = error.msg
    summary = " ".join(message.split())
    text = f"{type(error).__name__}: {summary}"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        if package not in ("edgebake", PROJECT.name):
            return f"{text}; expected the package {package} in this environment: install it"
    return f"{text}; expected a plugin that runs"


def _import(module: str) -> ModuleType:
    """Import a module of the package or of the project's plugins, regardless of sys.path.

    Raises:
        RecipeError: a module of the project cannot be imported.
    """
    if module.partition(".")[0] != PROJECT.name:
        return importlib.import_module(module)
    try:
        _register_project()
        return importlib.import_module(module)
    except EdgebakeError:
        raise
    except (Exception, SystemExit) as error:
        located = error_in_plugin(error)
        path = module.replace(".", "/")
        unlocated = RecipeError(f"{path}: {_describe(error)}")
        raise (located or unlocated) from None


def _register_project() -> None:
    """Make the project's folder the package `plugins`, even if one is installed by that name."""
    folder = PROJECT.resolve()
    # A file may be newer than Python's cached listing of its folder.
    importlib.invalidate_caches()
    package = sys.modules.get(PROJECT.name)
    if package is not None and list(getattr(package, "__path__", [])) == [str(folder)]:
        return
    for name in list(sys.modules):
        if name.partition(".")[0] == PROJECT.name:
            del sys.modules[name]
    spec = _package_spec(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[PROJECT.name] = module
    if spec.loader is not None:
        spec.loader.exec_module(module)


def _package_spec(folder: Path) -> ModuleSpec:
    """Return the specification of the package `plugins`, with or without an __init__.py."""
    init = folder / "__init__.py"
    spec: ModuleSpec | None = ModuleSpec(PROJECT.name, None, is_package=True)
    if init.is_file():
        spec = importlib.util.spec_from_file_location(PROJECT.name, init)
    if spec is None:
        raise ImportError(f"{init}: no Python source")
    spec.submodule_search_locations = [str(folder)]
    return spec


def _check_required(key: str, module: ModuleType) -> None:
    """Check that a plugin of the project defines all required names.

    Raises:
        RecipeError: a name is missing.
    """
    required = REQUIRED.get(key, ())
    missing = [name for name in required if not hasattr(module, name)]
    if missing:
        file = PROJECT / Path(str(module.__file__)).relative_to(PROJECT.resolve())
        expected = f"expected of a plugin for {key}: {listed(required)}"
        raise RecipeError(f"{file}: no {listed(missing)}; {expected}")
