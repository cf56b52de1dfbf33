"""Digest the code that each variant runs, so that DVC runs a stage again if its code has changed.

Reads the sources of the package and of the project's own plugins. Writes
artifacts/code/<stage>/<variant>, a dependency of the stage in dvc.yaml: a line `<sha256>  <path>`
for every source file that the variant can run.

The digest of a module leaves out comments, docstrings and blank lines. Which files count is decided
by `import_closure`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebake import artifacts
from edgebake.bundle import license_texts
from edgebake.errors import PlanError
from edgebake.plan import code_history
from edgebake.plan.import_closure import ImportClosure, is_declaration, named_modules
from edgebake.plan.source_files import SourceFiles, path_of
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import Plan

FOLDER = artifacts.ROOT / "code"
STAGES_WITHOUT_VARIANTS = ("parity",)
# Stages whose variants are those of another stage.
VARIANTS_OF = {"proof": "package"}
# Stages that copy license texts into bundles, from the project or from edgebake.
STAGES_WITH_LICENSE_TEXTS = ("package",)
SHOWN_FILES = 3  # of a change


@dataclass(frozen=True)
class CodeChange:
    """The source files of a variant that differ from those of the previous digest file."""

    variant: str  # <stage>.<variant>
    files: tuple[str, ...]

    def __str__(self) -> str:
        return f"  {self.variant}: code of {listed_files(self.files)}"


def listed_files(files: Sequence[str]) -> str:
    """Return the names of the first files, and how many more there are."""
    text = ", ".join(files[:SHOWN_FILES])
    hidden = len(files) - SHOWN_FILES
    if hidden > 0:
        text += f" and {hidden} more files"
    return text


def write(plan: Plan) -> list[CodeChange]:
    """Write the digest file of every variant, and remove those of variants that are gone.

    Returns:
        The variants whose code has changed since their digest file was written. A variant without
        a digest file has no change.
    """
    source_files = SourceFiles()
    written: dict[Path, bytes] = {}
    lines_of_code: dict[object, list[str]] = {}  # by stage and what its parameters name
    changes: list[CodeChange] = []
    for stage, variant, params in _variants(plan):
        target = _digest_file(stage, variant)
        code = (stage, named_modules(params))
        if code not in lines_of_code:
            lines_of_code[code] = _digest_lines(source_files, stage, params)
        lines = lines_of_code[code]
        text = "".join(f"{line}\n" for line in lines)
        written[target] = text.encode()
        if target.is_file():
            before = target.read_bytes()
            if before == text.encode():
                continue
            lines_before = before.decode(errors="replace").splitlines()
            changes.append(_change(stage, variant, lines_before, lines))
        artifacts.write(target, text.encode())
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file() and file not in written:
            file.unlink()
    source_files.save()
    code_history.keep(written.values())
    return changes


def refuse_unlisted(stage: str, variant: str, modules: Iterable[str]) -> None:
    """Check that the digest file of a variant lists every module that its stage has imported.

    DVC would not run the stage again after a change of another module. A stage that was started
    without a plan has no digest file, and is not checked.

    Raises:
        PlanError: a module is not listed.
    """
    target = _digest_file(stage, variant)
    if not target.is_file():
        return
    lines = target.read_text(errors="replace").splitlines()
    listed = {_path_of(line) for line in lines}
    for module in sorted(modules):
        path = path_of(module)
        if path is None or is_declaration(module):
            continue
        if path not in listed:
            problem = f"does not list {path}, which {stage} {variant} has imported"
            raise PlanError(
                f"{target}: {problem}; expected every import to be an import statement, "
                "or a call of edgebake's `plugins` with a constant key"
            )


def _variants(plan: Plan) -> Iterator[tuple[str, str, object]]:
    """Yield stage, variant and parameters of everything that dvc.yaml runs.

    A stage without variants depends on the whole plan; its variant is empty.
    """
    stages = {stage: plan[stage] for stage in stage_params.STAGE_PARAMS}
    for stage, variants in stages.items():
        for variant, params in variants.items():
            yield stage, variant, params
    for stage, stage_with_variants in VARIANTS_OF.items():
        for variant, params in plan[stage_with_variants].items():
            yield stage, variant, params
    for stage in STAGES_WITHOUT_VARIANTS:
        yield stage, "", stages


def _digest_file(stage: str, variant: str) -> Path:
    if not variant:
        return FOLDER / stage
    return FOLDER / stage / variant


def _digest_lines(source_files: SourceFiles, stage: str, params: object) -> list[str]:
    closure = ImportClosure(source_files, params)
    lines = closure.digest_lines(f"{source_files.package}.stages.{stage}")
    if stage in STAGES_WITH_LICENSE_TEXTS:
        lines += _license_lines()
    return lines


def _license_lines() -> list[str]:
    lines: list[str] = []
    for identifier, file in license_texts.by_identifier().items():
        path = (license_texts.FOLDER / f"{identifier}.txt").as_posix()
        if not file.is_relative_to(license_texts.FOLDER):
            path = f"{SourceFiles.package}/{path}"
        digest = artifacts.sha256_of(file)
        lines.append(f"{digest}  {path}")
    return lines


def _change(stage: str, variant: str, before: list[str], after: list[str]) -> CodeChange:
    different_lines = set(before) ^ set(after)
    files = {_path_of(line) for line in different_lines}
    name = stage
    if variant:
        name = f"{stage}.{variant}"
    return CodeChange(name, tuple(sorted(files)))


def _path_of(line: str) -> str:
    return line.partition("  ")[2]
