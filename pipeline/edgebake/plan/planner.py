"""Plan the build: compose the recipes of a release, merge them into variants, write params.yaml.

Reads recipes/, dvc.yaml and artifacts/verdicts/. Writes params.yaml and artifacts/plan.ok; removes
the outputs of variants that are no longer part of the plan.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

from edgebake import artifacts
from edgebake.documents import strict_yaml
from edgebake.errors import PlanError, RecipeError
from edgebake.plan import changes
from edgebake.plan.candidates import expand_all
from edgebake.plan.changes import Change
from edgebake.plan.checks import classes, data_code, imported_signature, provable
from edgebake.plan.checks import release as release_checks
from edgebake.plan.compose import compose_release, compose_targets
from edgebake.plan.scheme_search import SchemeSearch
from edgebake.plan.variants import STAGES, merge
from edgebake.recipe import key_variables, recipe_cache, release_file
from edgebake.recipe.stage_params import NO_FILE, PARAMS, Plan, read_plan

OK = Path(NO_FILE)
HEADER = (
    "# Written by `edgebake plan` from recipes/; committed, and reviewed like a lock file: "
    "its diff is what will be rebuilt.\n"
    "# Edit a recipe, not this file.\n"
)


@recipe_cache.enabled()
def make() -> Plan:
    """Plan the release.

    Returns:
        The parameters of every variant by stage, and the candidates of targets with
        `quantize: auto`.

    Raises:
        RecipeError: a recipe is wrong, or targets of the release contradict each other.
        LicenseError: a component's license is not allowed by the release.
        GateError: all candidates of a target with `quantize: auto` were rejected.
    """
    release = compose_release()
    if release.signature:
        key_variables.withhold_key(release.signature.key)  # composing may run code of datasets
    targets = compose_targets(release.targets)
    release_checks.check(release, targets)
    classes.check_targets(targets)
    imported_signature.check_targets(targets)
    provable.check_targets(targets)
    expanded = expand_all(targets)
    search = SchemeSearch.resume(expanded, _read_previous_plan())
    while True:
        resolved = [search.current(target) for target in expanded]
        plan = merge(release, resolved)
        release_checks.check_teachers(plan, targets)
        release_checks.check_licenses(plan)
        provable.check_parity(plan, resolved)
        if not search.reject_failed(plan):
            return search.record_in(plan)


@recipe_cache.enabled()
def check_release() -> None:
    """Check the targets of the release against each other, before any work.

    Raises:
        RecipeError: they contradict each other.
        LicenseError: a component's license is not allowed by the release.
    """
    release = compose_release()
    targets = compose_targets(release.targets)
    release_checks.check(release, targets)
    classes.check_targets(targets)
    imported_signature.check_targets(targets)
    provable.check_targets(targets)
    expanded = expand_all(targets)
    search = SchemeSearch.resume(expanded, {})
    resolved = [search.current(target) for target in expanded]
    plan = merge(release, resolved)
    release_checks.check_teachers(plan, targets)
    release_checks.check_licenses(plan)
    provable.check_parity(plan, resolved)


def check() -> None:
    """Check that params.yaml agrees with the recipes.

    Raises:
        PlanError: they differ.
    """
    differences = changes.compare(read_plan(), make())
    if differences:
        hint = "run `edgebake plan` and commit it"
        raise PlanError(f"{PARAMS}: out of date; {hint}:\n{_listing(differences)}")


def update(in_repro: bool = False) -> list[Change]:
    """Write params.yaml if it differs from the recipes.

    Within `dvc repro`, params.yaml is not written as long as the recipes are the ones it was
    planned from, because an experiment (`dvc exp run -S`) may have set values in it.

    Returns:
        The differences between the previous and the new plan.

    Raises:
        PlanError: `in_repro`, and the differences change the graph that DVC has already read.
    """
    before = _read_previous_plan()
    with data_code.allowed():
        after = make()
    is_same_recipe = _recorded_fingerprint(before) == fingerprint(after)
    is_same_recipe = is_same_recipe and release_file.planned_name() == release_file.name()
    if in_repro and is_same_recipe:
        artifacts.write(OK, b"ok\n")
        return []
    differences = changes.compare(before, after)
    if differences or not is_same_recipe:
        write(after)
    if in_repro and changes.dvc_graph(before) != changes.dvc_graph(after):
        hint = "the file was written again: run `dvc repro` again"
        raise PlanError(
            f"{PARAMS}: the variants of the release changed; {hint}\n{_listing(differences)}"
        )
    artifacts.write(OK, b"ok\n")
    return differences


def fingerprint(plan: Plan) -> str:
    """Return the SHA-256 digest of the variants of a plan, hexadecimal.

    params.yaml records it, so that values set by an experiment are told from edited recipes.
    """
    stages = {stage: plan[stage] for stage in STAGES}
    text = json.dumps(stages, sort_keys=True)
    return artifacts.sha256(text.encode())


def write(plan: Plan) -> None:
    """Write params.yaml, and remove the outputs of variants that are not part of the plan."""
    record = {"sha256": fingerprint(plan)}
    release_name = release_file.name()
    if release_name != release_file.DEFAULT:
        record[release_file.KEY] = release_name
    document = {"plan": record, **plan}
    text = HEADER + strict_yaml.dump(document)
    artifacts.write(PARAMS, text.encode())
    for path in _orphans(plan):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def missing_outputs(plan: Plan) -> list[Path]:
    """Return the folders of variants that are not there, so that a build has to make them."""
    return sorted(folder for folder in _output_folders(plan) if not folder.is_dir())


def _read_previous_plan() -> Plan:
    """Read params.yaml; return {} if it is damaged, because it is written anew."""
    try:
        return read_plan()
    except RecipeError:
        return {}


def _recorded_fingerprint(plan: Plan) -> str | None:
    return plan.get("plan", {}).get("sha256")


def _listing(differences: list[Change]) -> str:
    return "\n".join(map(str, differences))


def _orphans(plan: Plan) -> Iterator[Path]:
    """Yield folders of variants that are not part of the plan, and their archives and logs."""
    folders = _output_folders(plan)
    prefixes = tuple(f"{folder.name}." for folder in folders)
    for stage in STAGES:
        # The outputs of `validate` are sorted by platform.
        pattern = "*"
        if stage == "validate":
            pattern = "*/*"
        folder = artifacts.ROOT / stage
        for path in sorted(folder.glob(pattern)):
            if path not in folders and not path.name.startswith(prefixes):
                yield path


def _output_folders(plan: Plan) -> set[Path]:
    folders: set[Path] = set()
    for stage in STAGES:
        for variant, params in plan[stage].items():
            platform = params.get("platform")
            folders.add(artifacts.folder(stage, variant, platform))
    return folders
