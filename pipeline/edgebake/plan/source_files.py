"""Find the source files of modules, and cache what was read from files that have not changed.

Reads the package and the project's own plugins/. Writes artifacts/.code.json: references and digest
of every source file, valid as long as its size and modification time stay the same.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from edgebake import artifacts, plugins
from edgebake.errors import ArtifactError, EdgebakeError
from edgebake.plan import source_text
from edgebake.plan.source_text import PluginCall, References, SourceReferences

CACHE = artifacts.ROOT / ".code.json"
PACKAGE = Path(artifacts.__file__).parent
PLUGIN_DEPTH = 2  # dots in `plugins.<kind>.<name>`
# Version of the cache: the code that reads sources, because other code may read other references.
VERSION = artifacts.sha256(Path(__file__).read_bytes() + Path(source_text.__file__).read_bytes())

Entry = dict[str, Any]  # of the cache: state, digest and references of a file


class CachedReferences(TypedDict):
    """References of a piece of code, in the cache."""

    imports: list[str]
    plugins: list[PluginCall]
    names: list[str]
    reads_own_folder: bool


class CachedSource(TypedDict):
    """References of a module, in the cache."""

    top: CachedReferences
    functions: dict[str, CachedReferences]


class CachedFile(TypedDict):
    """A source file in the cache; valid as long as `state`, size and time, is the same."""

    state: list[int]
    sha256: str
    references: CachedSource


class Cache(TypedDict):
    """The content of the cache."""

    version: str
    files: dict[str, CachedFile]


@dataclass(frozen=True)
class SourceFile:
    """A Python file with its digest and its references."""

    module: str
    # The package that the module is in; the module itself if it is a package.
    package: str
    file: Path
    # Path that is the same on every machine, relative to the package's folder or the project.
    path: str
    # Digest of its code, without comments and docstrings.
    sha256: str
    references: SourceReferences


class SourceFiles:
    """The modules of the package and of the project's own plugins, each read once."""

    package = PACKAGE.name

    def __init__(self) -> None:
        self._files: dict[str, SourceFile | None] = {}
        self._cache = _read_cache()
        self._entries: dict[str, Entry] = {}

    def find(self, module: str) -> SourceFile | None:
        """Return the source of a module; None if it is not part of edgebake or the project."""
        if module not in self._files:
            self._files[module] = self._read(module)
        return self._files[module]

    def modules_in(self, package: str) -> list[str]:
        """Return a package and the modules directly in it."""
        folder = _folder_of(package)
        if folder is None:
            return []
        names = sorted(file.stem for file in folder.glob("*.py"))
        modules = [package]
        for name in names:
            if name != "__init__":
                modules.append(f"{package}.{name}")
        return modules

    def data_beside(self, source: SourceFile) -> dict[str, str]:
        """Return the digest of each data file in the folder of a package, by path.

        For a plugin of the project, files in the folders below it are included.
        """
        if source.file.name != "__init__.py":
            return {}
        folder = source.file.parent
        files = folder.iterdir()
        if _is_plugin(source.module):
            files = folder.rglob("*")
        digests: dict[str, str] = {}
        for file in files:
            if file.is_file() and _is_data(file.relative_to(folder)):
                path = _portable_path(file)
                digests[path] = artifacts.sha256_of(file)
        return digests

    def sha256_as_text(self, path: str) -> str:
        """Return the digest of a source file including its comments."""
        for source in self._files.values():
            if source is not None and source.path == path:
                return artifacts.sha256_of(source.file)
        raise KeyError(path)

    def save(self) -> None:
        """Write the cache for the next run."""
        document = {"version": VERSION, "files": self._entries}
        text = json.dumps(document)
        artifacts.write(CACHE, text.encode())

    def _read(self, module: str) -> SourceFile | None:
        file = _file_of(module)
        if file is None:
            return None
        package = module
        if file.name != "__init__.py":
            package = module.rpartition(".")[0]
        path = _portable_path(file)
        entry = self._entry(file, path, package)
        return SourceFile(
            module=module,
            package=package,
            file=file,
            path=path,
            sha256=entry["sha256"],
            references=_from_plain(entry["references"]),
        )

    def _entry(self, file: Path, path: str, package: str) -> Entry:
        """Return the cached entry of a file, or parse the file if it has changed."""
        status = file.stat()
        state = [status.st_size, status.st_mtime_ns]
        entry: Entry | None = self._cache.get(path)
        if entry is None or entry["state"] != state:
            parsed = _parse(file, path, package)
            entry = {"state": state, **parsed}
        self._entries[path] = entry
        return entry


def _parse(file: Path, path: str, package: str) -> Entry:
    try:
        text = file.read_text()
        code = source_text.code_lines(text)
        references = source_text.references(text, package)
    except (SyntaxError, UnicodeDecodeError) as error:
        raise EdgebakeError(f"{path}: {error}; expected Python source") from None
    return {"sha256": artifacts.sha256(code.encode()), "references": _to_plain(references)}


def _to_plain(references: SourceReferences) -> Entry:
    functions: Entry = {}
    for name, function_references in references.functions.items():
        functions[name] = _references_to_plain(function_references)
    top = _references_to_plain(references.top)
    return {"top": top, "functions": functions}


def _references_to_plain(references: References) -> Entry:
    plain = asdict(references)
    plain["names"] = sorted(references.names)
    return plain


def _from_plain(entry: Entry) -> SourceReferences:
    functions: dict[str, References] = {}
    for name, function_entry in entry["functions"].items():
        functions[name] = _references_from_plain(function_entry)
    top = _references_from_plain(entry["top"])
    return SourceReferences(top, functions)


def _references_from_plain(entry: Entry) -> References:
    calls = [PluginCall(**call) for call in entry["plugins"]]
    return References(
        imports=entry["imports"],
        plugins=calls,
        names=set(entry["names"]),
        reads_own_folder=entry["reads_own_folder"],
    )


def path_of(module: str) -> str | None:
    """Return the path of a module in digest files; None if it is not of edgebake or the project."""
    file = _file_of(module)
    if file is None:
        return None
    return _portable_path(file)


def _read_cache() -> dict[str, Entry]:
    """Read the entries of an earlier run; none if the cache is damaged or of another version."""
    try:
        document = artifacts.read_json(CACHE, Cache)
    except (OSError, ArtifactError):
        return {}
    if document["version"] != VERSION:
        return {}
    entries: dict[str, Entry] = document["files"]
    return entries


def _is_plugin(module: str) -> bool:
    """Return whether a module is a plugin of the project, or inside one."""
    is_of_project = module.partition(".")[0] == plugins.PROJECT.name
    return is_of_project and module.count(".") >= PLUGIN_DEPTH


def _is_data(path: Path) -> bool:
    """Return whether a file is data: neither source code nor hidden by an editor or the system."""
    is_hidden = any(name.startswith(".") for name in path.parts)
    return not is_hidden and path.suffix not in (".py", ".pyc", ".typed")


def _folder_of(module: str) -> Path | None:
    """Return the folder of a package of edgebake or of the project."""
    top, _, rest = module.partition(".")
    if top == PACKAGE.name:
        folder = PACKAGE
    elif top == plugins.PROJECT.name:
        folder = plugins.PROJECT
    else:
        return None
    if rest:
        folder = folder.joinpath(*rest.split("."))
    if not folder.is_dir():
        return None
    return folder


def _file_of(module: str) -> Path | None:
    """Return the file of a module of edgebake or of the project."""
    package = _folder_of(module)
    if package is not None:
        init = package / "__init__.py"
        if init.is_file():
            return init
    parent, _, name = module.rpartition(".")
    folder = _folder_of(parent)
    if folder is None:
        return None
    file = folder / f"{name}.py"
    if not file.is_file():
        return None
    return file


def _portable_path(file: Path) -> str:
    """Return a path that is the same on every machine."""
    if file.is_relative_to(PACKAGE):
        file = file.relative_to(PACKAGE.parent)
    return file.as_posix()
