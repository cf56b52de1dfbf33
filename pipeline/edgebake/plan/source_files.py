"""Find the source files of modules, and remember what was read from those that have not changed since.

Reads the package and the project's own plugins/. Writes artifacts/.code.json: the references and the digest of every
source, valid as long as its size and its time of change stay the same.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebake import artifacts, plugins
from edgebake.errors import EdgebakeError
from edgebake.plan import source_text
from edgebake.plan.source_text import PluginCall, References, SourceReferences

CACHE = artifacts.ROOT / ".code.json"
PACKAGE = Path(artifacts.__file__).parent
PLUGIN_DEPTH = 2  # dots in `plugins.<kind>.<name>`
# Of the cache: the code that reads sources, since another one may find other things in them.
VERSION = artifacts.sha256(
    b"".join(Path(file).read_bytes() for file in (__file__, source_text.__file__))
)


@dataclass(frozen=True)
class SourceFile:
    """A Python file: the module that it is, its path below the folder of packages, its digest and its references."""

    module: str
    package: str
    file: Path
    path: str
    sha256: str
    references: SourceReferences


class SourceFiles:
    """The modules of the package and of the project's own plugins, each read once."""

    package = PACKAGE.name

    def __init__(self) -> None:
        self._files: dict[str, SourceFile | None] = {}
        self._cache = _read_cache()
        self._fresh: dict[str, Any] = {}

    def find(self, module: str) -> SourceFile | None:
        """Return the source of a module, or None for one that is neither ours nor the project's."""
        if module not in self._files:
            self._files[module] = self._read(module)
        return self._files[module]

    def modules_in(self, package: str) -> list[str]:
        """Return the modules directly in a package, itself included."""
        folder = _folder_of(package)
        if folder is None:
            return []
        names = sorted(file.stem for file in folder.glob("*.py"))
        return [package, *(f"{package}.{name}" for name in names if name != "__init__")]

    def data_beside(self, source: SourceFile) -> dict[str, str]:
        """Return the digest of each file beside a package's __init__.py that is no Python, by its path.

        Of a plugin of the project these are the files in the folders below it, too.
        """
        if source.file.name != "__init__.py":
            return {}
        folder = source.file.parent
        is_of_project = source.module.partition(".")[0] == plugins.PROJECT.name
        is_plugin = is_of_project and source.module.count(".") >= PLUGIN_DEPTH
        files = folder.rglob("*") if is_plugin else folder.iterdir()
        data = [file for file in files if file.is_file() and _is_data(file.relative_to(folder))]
        return {_shown(file): artifacts.sha256_of(file) for file in data}

    def sha256_as_text(self, path: str) -> str:
        """Return the digest of a source as it lies there, comments included."""
        file = next(
            source.file
            for source in self._files.values()
            if source is not None and source.path == path
        )
        return artifacts.sha256_of(file)

    def save(self) -> None:
        """Write down what was read, for the next run."""
        content = {"version": VERSION, "files": self._fresh}
        artifacts.write(CACHE, json.dumps(content).encode())

    def _read(self, module: str) -> SourceFile | None:
        file = _file_of(module)
        if file is None:
            return None
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        path = _shown(file)
        status = file.stat()
        state = [status.st_size, status.st_mtime_ns]
        entry = self._cache.get(path)
        if entry is None or entry["state"] != state:
            entry = {"state": state, **_parsed(file, path, package)}
        self._fresh[path] = entry
        return SourceFile(
            module, package, file, path, entry["sha256"], _references(entry["references"])
        )


def _parsed(file: Path, path: str, package: str) -> dict[str, Any]:
    try:
        text = file.read_text()
        code = source_text.code_lines(text)
        found = source_text.references(text, package)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise EdgebakeError(f"{path}: {error}; expected Python source") from None
    return {"sha256": artifacts.sha256(code.encode()), "references": _plain(found)}


def _plain(references: SourceReferences) -> dict[str, Any]:
    functions = {name: _plain_references(one) for name, one in references.functions.items()}
    return {"top": _plain_references(references.top), "functions": functions}


def _plain_references(references: References) -> dict[str, Any]:
    return {**asdict(references), "names": sorted(references.names)}


def _references(plain: dict[str, Any]) -> SourceReferences:
    functions = {name: _references_of(one) for name, one in plain["functions"].items()}
    return SourceReferences(_references_of(plain["top"]), functions)


def _references_of(plain: dict[str, Any]) -> References:
    calls = [PluginCall(**call) for call in plain["plugins"]]
    return References(plain["imports"], calls, set(plain["names"]), plain["reads_own_folder"])


def _read_cache() -> dict[str, Any]:
    """Return what an earlier run wrote down, or nothing where that is of another version or damaged."""
    try:
        content = json.loads(CACHE.read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict) or content.get("version") != VERSION:
        return {}
    files: dict[str, Any] = content["files"]
    return files


def _is_data(path: Path) -> bool:
    is_hidden = any(part.startswith(".") for part in path.parts)  # an editor's, or the system's
    return not is_hidden and path.suffix not in (".py", ".pyc", ".typed")


def _folder_of(module: str) -> Path | None:
    first, _, rest = module.partition(".")
    top = {PACKAGE.name: PACKAGE, plugins.PROJECT.name: plugins.PROJECT}.get(first)
    if top is None:
        return None
    folder = top.joinpath(*rest.split(".")) if rest else top
    return folder if folder.is_dir() else None


def _file_of(module: str) -> Path | None:
    parent, _, name = module.rpartition(".")
    package = _folder_of(module)
    if package is not None and (package / "__init__.py").is_file():
        return package / "__init__.py"
    folder = _folder_of(parent) if parent else None
    if folder is None:
        return None
    file = folder / f"{name}.py"
    return file if file.is_file() else None


def _shown(file: Path) -> str:
    """Return a path that is the same on every machine: below the folder of packages, or below the project."""
    return (file.relative_to(PACKAGE.parent) if file.is_relative_to(PACKAGE) else file).as_posix()
