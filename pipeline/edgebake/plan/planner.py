"""Lay all targets side by side and merge their equal beginnings into variants.

Reads recipes/ and dvc.yaml. Writes params.yaml and artifacts/plan.ok; removes outputs that no variant stands for.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgebake import artifacts
from edgebake.bundle.lineage import recipe_digest, trace
from edgebake.errors import PlanError, RecipeError, listed, nearest
from edgebake.plan import resolve, scheme_search
from edgebake.plan.checks import release as release_checks
from edgebake.plan.compose import Target, compose_release, compose_targets, float_parent, origins
from edgebake.plan.scheme_search import Record, Rung
from edgebake.recipe import Release
from edgebake.recipe.release_info import ReleaseInfo
from edgebake.recipe.stage_params import NO_FILE, PARAMS, Plan, read_plan, to_plain

STAGES = ("data", "train", "prune", "quantize", "convert", "validate", "package")
OK = Path(NO_FILE)
HEADER = """\
# Written by `edgebake plan` from recipes/; committed, and reviewed like a lock file: its diff is what will be rebuilt.
# Edit a recipe, not this file.
"""


@dataclass(frozen=True)
class Change:
    """One difference between two plans."""

    key: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None:
            return f"+ {self.key}"
        return (
            f"- {self.key}"
            if self.after is None
            else f"  {self.key}: {self.before} -> {self.after}"
        )


def make() -> Plan:
    """Return the plan of the release: for each stage a mapping from variant to its section, and the ladders' rungs.

    Raises:
        GateError: a target says `quantize: auto`, and every rung of its ladder was ruled out.
    """
    release = compose_release()
    asked = compose_targets(release.targets)
    release_checks.check(release, asked)
    record = scheme_search.from_plan(_written())
    while True:
        climbed = {
            one.name: _climbed(one, record, asked) for one in asked if scheme_search.is_auto(one)
        }
        record = {target: rungs for target, (_, rungs) in climbed.items()}
        plan = merge(
            release, [climbed[one.name][0] if one.name in climbed else one for one in asked]
        )
        _refuse_unknown_teachers(plan, asked)
        out = {
            target: rung
            for target, rungs in record.items()
            if (rung := _ruled_out(plan, target, rungs[-1]))
        }
        if not out:
            return {**plan, "ladder": scheme_search.plain(record)} if record else plan
        record |= {target: [*record[target][:-1], rung] for target, rung in out.items()}


def _climbed(target: Target, record: Record, asked: Sequence[Target]) -> tuple[Target, list[Rung]]:
    """Return the target on its rung; the digest of a rung is of that target, whatever its release is called.

    Other targets are there for the teachers that they train.
    """
    others = [one for one in asked if not scheme_search.is_auto(one)]

    def digest_of(one: Target) -> str:
        merged = merge(
            Release("", "", "", "", "", signature=None, encryption_key=None, targets=[]),
            [one, *others],
        )
        sha256: str = packaged(merged, one.name)["recipe_sha256"]
        return sha256

    return scheme_search.climb(target, record.get(target.name, []), digest_of)


def _ruled_out(plan: Plan, target: str, rung: Rung) -> Rung | None:
    return scheme_search.ruled_out(target, rung, packaged(plan, target)["recipe_sha256"])


def _refuse_unknown_teachers(plan: Plan, asked: Sequence[Target]) -> None:
    """Refuse a teacher that no target of the release trains."""
    for one in asked:
        key, fine_tune = "prune.fine_tune.distill.teacher", one.recipe.prune.fine_tune
        name = fine_tune and fine_tune.distill and fine_tune.distill.teacher
        if name and name not in plan["train"]:
            known = f"{listed(plan['train'])}{nearest(name, plan['train'])}"
            file = origins(one.name)[key]
            raise RecipeError(
                f"{file}: {key}: {name}; expected null, or a variant of train: {known}"
            )


def packaged(plan: Plan, target: str) -> Any:
    """Return what package reads of a target."""
    sections = (bundle["targets"] for bundle in plan["package"].values())
    return next(targets[target] for targets in sections if target in targets)


def merge(release: Release, composed: Sequence[Target]) -> Plan:
    """Return the plan of these targets; equal work stands in it once, under the name that its first target gave it."""
    plan: Plan = {stage: {} for stage in STAGES}
    for target in composed:
        _add(plan, release, target)
    for bundle in plan["package"].values():
        for found in bundle["targets"].values():
            # Last of all: a teacher may be trained by a later target.
            found["recipe_sha256"] = recipe_digest(trace(plan, found["validate"]), found)
    return plan


def check() -> None:
    """Hold params.yaml against the recipes.

    Raises:
        PlanError: they differ.
    """
    found = changes(read_plan(), make())
    if found:
        listing = "\n".join(map(str, found))
        raise PlanError(
            f"{PARAMS}: not what recipes/ say; run `edgebake plan` and commit it:\n{listing}"
        )


def update(in_repro: bool = False) -> list[Change]:
    """Write params.yaml where it differs from the recipes, and return the differences.

    Within `dvc repro` it is left alone as long as the recipes are those it was planned from: an experiment
    (`dvc exp run -S`) may have set values in it.

    Raises:
        PlanError: `in_repro`, and the differences change the graph that DVC has already read.
    """
    before, after = _written(), make()
    if in_repro and _fingerprint_of(before) == fingerprint(after):
        artifacts.write(OK, b"ok\n")
        return []
    found = changes(before, after)
    if found or _fingerprint_of(before) != fingerprint(after):
        write(after)
    if in_repro and shape(before) != shape(after):
        listing = "\n".join(map(str, found))
        raise PlanError(
            f"{PARAMS}: the release has a new shape, and it is written now: run `dvc repro` again\n{listing}"
        )
    artifacts.write(OK, b"ok\n")
    return found


def _written() -> Plan:
    """Return params.yaml, or nothing where it is so broken that only planning mends it."""
    try:
        return read_plan()
    except RecipeError:
        return {}


def fingerprint(plan: Plan) -> str:
    """Return what params.yaml remembers of the recipes and tools that it was planned from."""
    stages = {stage: plan[stage] for stage in STAGES}
    return hashlib.sha256(json.dumps(stages, sort_keys=True).encode()).hexdigest()


def _fingerprint_of(written: Plan) -> str | None:
    return written.get("plan", {}).get("sha256")


def write(plan: Plan) -> None:
    """Write params.yaml and remove the outputs of variants that are gone."""
    content = {"plan": {"sha256": fingerprint(plan)}, **plan}
    text = yaml.safe_dump(content, sort_keys=False, width=120)
    artifacts.write(PARAMS, (HEADER + text).encode())
    for path in _orphans(plan):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def changes(before: Plan, after: Plan) -> list[Change]:
    """Return how two plans differ: variants that came or went, and single values."""
    found: list[Change] = []
    for stage in STAGES:
        old, new = before.get(stage) or {}, after.get(stage) or {}
        found += [Change(f"{stage}.{name}", None, new[name]) for name in new if name not in old]
        found += [Change(f"{stage}.{name}", old[name], None) for name in old if name not in new]
        found += [
            change
            for name in new
            if name in old
            for change in _differing(f"{stage}.{name}", old[name], new[name])
        ]
    return [*found, *_steps(before, after)]


def _steps(before: Plan, after: Plan) -> Iterator[Change]:
    """Yield each target whose ladder is another, with the rungs down to the one that is taken."""
    old, new = before.get("ladder"), after.get("ladder")
    old = old if isinstance(old, dict) else {}
    for target in dict.fromkeys([*old, *(new or {})]):
        rungs = [
            scheme_search.from_plan({"ladder": {target: one[target]}}) if target in one else {}
            for one in (old, new or {})
        ]
        if rungs[0] != rungs[1]:
            yield Change(
                f"ladder.{target}",
                *(" > ".join(rung.option for rung in one.get(target, [])) for one in rungs),
            )


def shape(plan: Plan) -> dict[str, Any]:
    """Return what DVC has read into its graph before the first stage runs: variants and the values dvc.yaml names."""
    named = _named_in_dvc_yaml()
    return {
        stage: {
            name: [_at(section, key) for key in named.get(stage, [])]
            for name, section in (plan.get(stage) or {}).items()
        }
        for stage in STAGES
    }


def _add(plan: Plan, release: Release, target: Target) -> None:
    about = resolve.about(release)
    names: dict[str, str] = {}
    if target.recipe.validate.budget.speedup:
        _name(
            plan,
            about,
            float_parent(target),
            names,
            ("data", "train", "prune", "quantize", "convert"),
        )
        names = {"baseline": names["convert"]}
    _name(plan, about, target, names, tuple(resolve.SECTION_OF))
    found = to_plain(resolve.packaged(target.recipe, names))
    bundle = plan["package"].setdefault(
        target.recipe.device.platform.value, to_plain(resolve.bundle(release)) | {"targets": {}}
    )
    bundle["targets"][target.name] = found


def _name(
    plan: Plan, about: ReleaseInfo, target: Target, names: resolve.Names, stages: Sequence[str]
) -> None:
    """Add a target's variants to the plan, and their names to `names` by stage."""
    word = ""
    for stage in stages:
        section = to_plain(resolve.SECTION_OF[stage](target.recipe, names, about))
        word = _longer(word, resolve.word_of(stage, target))
        names[stage] = word = _variant(plan[stage], word, section, target.name)


def _longer(name: str, word: str) -> str:
    """Return a variant's name with one more word; `none` changes nothing and is not named."""
    return name if word == "none" else "-".join(part for part in (name, word) if part)


def _variant(variants: dict[str, Any], name: str, section: Any, target: str) -> str:
    """Return the name under which a section stands, adding it where it is new.

    The first target to ask for a name keeps it plain; other work under the same name carries its target's name, so
    that an edited value never renames a variant.
    """
    for known, content in variants.items():
        if content == section:
            return known
    unique = name
    while unique in variants:  # a target may be called like an option, `float16` for one
        unique = f"{unique}-{target}"
    variants[unique] = section
    return unique


def _differing(key: str, before: Any, after: Any) -> Iterator[Change]:
    if isinstance(before, dict) and isinstance(after, dict):
        for word in dict.fromkeys([*before, *after]):
            yield from _differing(f"{key}.{word}", before.get(word), after.get(word))
    elif before != after:
        yield Change(key, before, after)


def _named_in_dvc_yaml() -> dict[str, list[str]]:
    """Return for each stage the keys of a section that dvc.yaml puts into commands and paths."""
    stages = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    return {
        stage: sorted(set(re.findall(r"\$\{item\.([\w.]+)\}", json.dumps(text))))
        for stage, text in stages.items()
    }


def _at(section: Any, dotted: str) -> Any:
    for word in dotted.split("."):
        section = (section or {}).get(word)
    return section


def _orphans(plan: Plan) -> Iterator[Path]:
    """Yield outputs that no variant stands for: folders, and the archives and logs beside them."""
    kept = {
        artifacts.folder(stage, name, section.get("platform"))
        for stage in STAGES
        for name, section in plan[stage].items()
    }
    for stage in STAGES:
        for path in sorted((artifacts.ROOT / stage).glob("*/*" if stage == "validate" else "*")):
            if not any(
                path == folder or path.name.startswith(f"{folder.name}.") for folder in kept
            ):
                yield path
