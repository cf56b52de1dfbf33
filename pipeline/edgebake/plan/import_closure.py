"""Find all source files that the code of a variant can run.

Starting at the module of a stage, imports are followed. Imports inside a function are followed only
if the name of the function occurs in code that was reached. Calls of `plugins` are followed to the
plugins that the parameters of the variant name. Modules that only declare, recipe/ and errors.py,
are left out: what they say about a variant is in its parameters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edgebake import plugins
from edgebake.plan.source_files import SourceFile, SourceFiles
from edgebake.plan.source_text import PluginCall, References

DECLARATIONS = ("recipe", "errors")

KeyPath = tuple[str, ...]  # of a value in nested mappings


@dataclass
class ImportClosure:
    """All files that code can reach when it runs with certain parameters."""

    sources: SourceFiles
    params: object
    _reached: dict[str, SourceFile] = field(default_factory=dict)
    # Paths of sources that are read as text; their comments count, too.
    _texts: set[str] = field(default_factory=set)
    # Names that occur in code that was reached.
    _names: set[str] = field(default_factory=set)
    # Modules that were looked for, whether or not they are part of edgebake or the project.
    _tried: set[str] = field(default_factory=set)
    # Module, and function in it or an empty text, of code whose references were followed.
    _followed: set[tuple[str, str]] = field(default_factory=set)

    def digest_lines(self, module: str) -> list[str]:
        """Return `<sha256>  <path>` of every file that a module reaches, sorted by path."""
        self._reach(module)
        # The runner calls functions of the stage's module.
        references = self._reached[module].references
        self._names.update(references.functions)
        self._follow_all()
        digests: dict[str, str] = {}
        for source in self._reached.values():
            digests[source.path] = source.sha256
        for source in self._reached.values():
            digests |= self.sources.data_beside(source)
        for path in self._texts:
            digests[path] = self.sources.sha256_as_text(path)
        by_path = sorted(digests.items())
        return [f"{digest}  {path}" for path, digest in by_path]

    def _follow_all(self) -> None:
        """Follow references until no new module is reached.

        A module that is reached late may name a function of one that was reached early.
        """
        count = -1
        while count != len(self._reached) + len(self._followed):
            count = len(self._reached) + len(self._followed)
            reached_before = list(self._reached.values())
            for source in reached_before:
                self._follow(source)

    def _reach(self, module: str) -> None:
        """Add a module, and the packages that it is in, which are run when it is imported."""
        if module in self._tried:
            return
        self._tried.add(module)
        segments = module.split(".")
        for length in range(1, len(segments) + 1):
            name = ".".join(segments[:length])
            if name in self._reached or is_declaration(name):
                continue
            source = self.sources.find(name)
            if source is not None:
                self._reached[name] = source
                self._names |= source.references.top.names

    def _follow(self, source: SourceFile) -> None:
        references = source.references
        self._follow_once(source, "", references.top)
        for name, function_references in references.functions.items():
            if name in self._names or name.startswith("__"):
                self._names |= function_references.names
                self._follow_once(source, name, function_references)

    def _follow_once(self, source: SourceFile, function: str, references: References) -> None:
        key = (source.module, function)
        if key not in self._followed:
            self._followed.add(key)
            self._follow_references(source, references)

    def _follow_references(self, source: SourceFile, references: References) -> None:
        for module in references.imports:
            self._reach(module)
        for call in references.plugins:
            for module in self._loadable(call):
                self._reach(module)
        if references.reads_own_folder:
            self._read_folder_as_text(source)

    def _loadable(self, call: PluginCall) -> list[str]:
        """Return the modules that a call of `plugins` can load with these parameters."""
        if call.function == "load_all":
            return self.sources.modules_in(call.key)
        if call.function == "load_encoder":
            encoders = _encoders(self.params)
            if not encoders:
                return self.sources.modules_in(call.key)
            return [f"{call.key}.{encoder}" for encoder in encoders]
        if call.function != "load" or call.key not in plugins.FOLDERS:
            return []
        names = named_plugins(self.params, call.key)
        return [plugins.module_name(call.key, name) for name in names]

    def _read_folder_as_text(self, package: SourceFile) -> None:
        """Add the sources in a package's folder, and what they import from it, as texts."""
        for module in self.sources.modules_in(package.package):
            source = self.sources.find(module)
            if source is None or source is package:
                continue
            self._texts.add(source.path)
            self._reach(module)
            for name in source.references.top.imports:
                if is_declaration(name):
                    continue
                imported = self.sources.find(name)
                if imported is not None and imported.module != package.package:
                    self._texts.add(imported.path)


def named_modules(params: object) -> tuple[tuple[str, ...], ...]:
    """Return the plugins and encoders that parameters name: if equal, the same code can run."""
    named = [tuple(named_plugins(params, key)) for key in plugins.FOLDERS]
    return (*named, tuple(_encoders(params)))


def is_declaration(module: str) -> bool:
    """Return whether a module only declares, so that it does not count as code of a variant."""
    package, _, path = module.partition(".")
    room = path.partition(".")[0]
    return package == SourceFiles.package and room in DECLARATIONS


def named_plugins(params: object, key: str) -> list[str]:
    """Return the plugins that parameters name for a key of the recipe.

    The key is searched for at any depth: `quantize.calibration.method` is `method` in a mapping
    named `calibration`, and `convert.runtime` is `runtime`, or a key that ends in `_runtime`. If
    a mapping on the way is null, no plugin is loaded. If the key does not occur, all plugins count.

    Args:
        params: parameters of a variant.
        key: key of `plugins.FOLDERS`.
    """
    _, *suffix = key.split(".")
    known = plugins.options(key)
    names: set[str] = set()
    is_null = False
    for path, value in _leaves(params, ()):
        if value in known and _ends_with(path, suffix):
            names.add(str(value))
        if value is not None:
            continue
        for length in range(1, len(suffix)):
            if _ends_with(path, suffix[:length]):
                is_null = True
    if names or is_null:
        return sorted(names)
    return known


def _encoders(params: object) -> list[str]:
    """Return the encoders that parameters name, sorted."""
    encoders: set[str] = set()
    for path, value in _leaves(params, ()):
        if path[-1] == "encoder":
            encoders.add(str(value))
    return sorted(encoders)


def _ends_with(path: KeyPath, suffix: list[str]) -> bool:
    *parents, last = suffix
    key = path[-1]
    if key != last and not key.endswith(f"_{last}"):
        return False
    parents_in_path = path[-len(suffix) : -1]
    return list(parents_in_path) == parents


def _leaves(node: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    """Yield the keys and the value of every leaf of nested mappings and lists."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            yield from _leaves(child, (*path, str(key)))
    elif isinstance(node, list):
        for item in node:
            yield from _leaves(item, path)
    elif path:
        yield path, node
