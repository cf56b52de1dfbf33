"""Digest the code that each variant runs, so that DVC runs a stage again when that code has changed, and only then.

Reads the sources of the package and of the project's own plugins. Writes artifacts/code/<stage>/<variant>, on which the
stage of dvc.yaml depends: a line `<sha256>  <path>` for every file that the variant's code is made of.

A module's digest leaves out comments, docstrings and blank lines. From the stage's module the imports are followed,
those inside a function only where the function's name occurs in the code reached, and the plugins that the variant's
own parameters name. What is only declared, recipe/ and errors.py, holds no values and no arithmetic and is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebake import artifacts, plugins
from edgebake.bundle import license_texts
from edgebake.errors import PlanError
from edgebake.plan.source_files import SourceFile, SourceFiles
from edgebake.plan.source_text import PluginCall, References
from edgebake.recipe import stage_params

FOLDER = artifacts.ROOT / "code"
# Stages of dvc.yaml without a variant, and those whose variants are another stage's.
WITHOUT_VARIANTS = ("parity",)
VARIANTS_OF = {"sign": "package"}
WITH_LICENSE_TEXTS = ("package",)  # which puts them into bundles, from the project or from edgebake
SHOWN = 3  # changed files of a variant that are listed by name
DECLARATIONS = ("recipe", "errors")

Plan = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class CodeChange:
    """The files by which the code of a variant differs from what was written before."""

    variant: str  # <stage>.<variant>
    files: tuple[str, ...]

    def __str__(self) -> str:
        shown = ", ".join(self.files[:SHOWN])
        more = len(self.files) - SHOWN
        return f"  {self.variant}: code of {shown}" + (
            f" and {more} more files" if more > 0 else ""
        )


def write(plan: Plan) -> list[CodeChange]:
    """Write the digest file of every variant of a plan, and return the variants whose code changed since the last time.

    Files of variants that are gone are removed. A variant without a file so far is no change of code.
    """
    source_files = SourceFiles()
    written = set()
    changes = []
    for stage, variant, params in _variants(plan):
        target = FOLDER / stage / variant if variant else FOLDER / stage
        written.add(target)
        lines = Closure(source_files, params).digest_lines(f"{source_files.package}.stages.{stage}")
        if stage in WITH_LICENSE_TEXTS:
            lines += _license_lines()
        before = target.read_text().splitlines() if target.is_file() else lines
        if before != lines:
            name = f"{stage}.{variant}" if variant else stage
            changes.append(CodeChange(name, _changed_files(before, lines)))
        artifacts.write(target, "".join(f"{line}\n" for line in lines).encode())
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file() and file not in written:
            file.unlink()
    source_files.save()
    return changes


def refuse_unlisted(stage: str, variant: str, modules: Iterable[str]) -> None:
    """Refuse modules that a stage has imported though the digest file of its variant does not list them.

    DVC would not run the stage again after a change of theirs. A stage that was started without a plan has no digest
    file, and is not checked.

    Raises:
        PlanError: there is such a module.
    """
    target = FOLDER / stage / variant
    if not target.is_file():
        return
    source_files = SourceFiles()
    listed = {line.partition("  ")[2] for line in target.read_text().splitlines()}
    for module in sorted(modules):
        source = source_files.find(module)
        if source is not None and not is_declaration(module) and source.path not in listed:
            raise PlanError(
                f"{target}: does not list {source.path}, which {stage} {variant} has imported; expected every import "
                "to be an import statement, or a call of edgebake's `plugins` with a constant key"
            )


def is_declaration(module: str) -> bool:
    """Return whether a module only declares: what it says of a variant stands in the variant's parameters."""
    parts = module.split(".")
    return parts[0] == SourceFiles.package and len(parts) > 1 and parts[1] in DECLARATIONS


def _variants(plan: Plan) -> Iterator[tuple[str, str, Any]]:
    """Yield stage, variant and parameters of all that dvc.yaml runs; a stage without variants reads the whole plan."""
    stages = {stage: plan[stage] for stage in stage_params.STAGE_PARAMS}
    for stage, variants in stages.items():
        for variant, params in variants.items():
            yield stage, variant, params
    for stage, other in VARIANTS_OF.items():
        for variant, params in plan[other].items():
            yield stage, variant, params
    for stage in WITHOUT_VARIANTS:
        yield stage, "", stages


def _license_lines() -> list[str]:
    lines = []
    for identifier, file in license_texts.by_identifier().items():
        path = (license_texts.FOLDER / f"{identifier}.txt").as_posix()
        shown = (
            path if file.is_relative_to(license_texts.FOLDER) else f"{SourceFiles.package}/{path}"
        )
        lines.append(f"{artifacts.sha256_of(file)}  {shown}")
    return lines


def _changed_files(before: Iterable[str], after: Iterable[str]) -> tuple[str, ...]:
    differing = set(before) ^ set(after)
    return tuple(sorted({line.partition("  ")[2] for line in differing}))


@dataclass
class Closure:
    """All files that code with certain parameters can reach."""

    sources: SourceFiles
    params: Any
    _reached: dict[str, SourceFile] = field(default_factory=dict)
    _as_text: set[str] = field(
        default_factory=set
    )  # paths of sources that are read as text, comments included
    _names: set[str] = field(default_factory=set)

    def digest_lines(self, module: str) -> list[str]:
        """Return `<sha256>  <path>` of every file that a module reaches, sorted by path."""
        self._reach(module)
        self._names |= self._reached[module].references.functions.keys()  # which the runner calls
        size = -1
        while size != len(
            self._reached
        ):  # a module reached late may name a function of one that was reached early
            size = len(self._reached)
            for source in list(self._reached.values()):
                self._follow(source)
        digests = {source.path: source.sha256 for source in self._reached.values()}
        for source in self._reached.values():
            digests |= self.sources.data_beside(source)
        digests |= {path: self.sources.sha256_as_text(path) for path in self._as_text}
        return [f"{digest}  {path}" for path, digest in sorted(digests.items())]

    def _reach(self, module: str) -> None:
        """Add a module and the packages that it is in, which importing it runs."""
        parts = module.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            source = self.sources.find(name)
            if source is not None and name not in self._reached and not is_declaration(name):
                self._reached[name] = source
                self._names |= source.references.top.names

    def _follow(self, source: SourceFile) -> None:
        self._follow_references(source, source.references.top)
        for function, references in source.references.functions.items():
            if function in self._names or function.startswith("__"):
                self._names |= references.names
                self._follow_references(source, references)

    def _follow_references(self, source: SourceFile, references: References) -> None:
        modules = list(references.imports)
        for call in references.plugins:
            modules += self._plugins(call)
        for module in modules:
            self._reach(module)
        if references.reads_own_folder:
            self._read_as_text(source)

    def _plugins(self, call: PluginCall) -> list[str]:
        """Return the modules that a call of `plugins` can load with these parameters."""
        if call.function == "load_all":
            return self.sources.modules_in(call.key)
        if call.function == "load_encoder":
            encoders = {value for path, value in _leaves(self.params, ()) if path[-1] == "encoder"}
            return [
                f"{call.key}.{encoder}" for encoder in sorted(encoders)
            ] or self.sources.modules_in(call.key)
        if call.function != "load" or call.key not in plugins.FOLDERS:
            return []
        names = named_plugins(self.params, call.key)
        return [plugins.module_name(call.key, name) for name in names]

    def _read_as_text(self, source: SourceFile) -> None:
        """Add the sources in a package's folder, and what they import from their own package, as texts."""
        for module in self.sources.modules_in(source.package):
            text = self.sources.find(module)
            if text is None or text is source:
                continue
            self._as_text.add(text.path)
            self._reach(module)
            inlined = [self.sources.find(name) for name in text.references.top.imports]
            self._as_text |= {
                file.path for file in inlined if file is not None and file.module != source.package
            }


def named_plugins(params: Any, key: str) -> list[str]:
    """Return the plugins that parameters name for a key of the recipe; all there are where they do not hold the key.

    The key is looked for at any depth: `quantize.calibration.method` is `method` in a mapping called `calibration`, and
    `convert.runtime` is `runtime`, or a word that ends in `_runtime`. Where a mapping on the way is null, no plugin is
    loaded.
    """
    words = tuple(key.split(".")[1:])
    known = plugins.options(key)
    names = set()
    is_null = False
    for path, value in _leaves(params, ()):
        if _ends_with(path, words) and value in known:
            names.add(value)
        if value is None:
            is_null |= any(_ends_with(path, words[:length]) for length in range(1, len(words)))
    if names or is_null:
        return sorted(names)
    return known


def _ends_with(path: tuple[str, ...], words: tuple[str, ...]) -> bool:
    *parents, last = words
    is_last = path[-1] == last or path[-1].endswith(f"_{last}")
    return is_last and list(path[-len(words) : -1]) == parents


def _leaves(node: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(node, Mapping):
        if path:
            yield path, node
        return
    for word, value in node.items():
        yield from _leaves(value, (*path, str(word)))
