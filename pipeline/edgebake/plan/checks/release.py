"""Check what must hold between the targets of a release, before any work starts."""

from collections.abc import Iterator, Sequence

from edgebake.bundle import components, fallback_order, license_policy
from edgebake.errors import RecipeError, listed, nearest
from edgebake.plan.compose import Target, origins
from edgebake.recipe import Platform, Protect, Release, example_release, release_file
from edgebake.recipe.stage_params import PackageParams, Plan, parse

TEACHER = "prune.fine_tune.distill.teacher"


def check(release: Release, targets: Sequence[Target]) -> None:
    """Refuse a release whose bundles cannot be made, or leave a device without a model file.

    Raises:
        RecipeError: names the file and key of the release.
    """
    for problem in _fallback_problems(targets):
        raise RecipeError(f"{release_file.path()}: targets: {problem}")
    _check_texts(release, targets)
    _check_encryption_key(release, targets)


def check_teachers(plan: Plan, targets: Sequence[Target]) -> None:
    """Refuse a teacher for distillation that is not a variant of train in the plan.

    Raises:
        RecipeError: names the file and key of the teacher.
    """
    known = plan["train"]
    for target in targets:
        teacher = _teacher(target)
        if teacher and teacher not in known:
            file = origins(target.name)[TEACHER]
            expected = f"null, or a variant of train: {listed(known)}{nearest(teacher, known)}"
            raise RecipeError(f"{file}: {TEACHER}: {teacher}; expected {expected}")


def check_licenses(plan: Plan) -> None:
    """Refuse a release with a component whose license it does not allow.

    Raises:
        LicenseError: names each of these components.
    """
    for platform, params in plan["package"].items():
        section: PackageParams = parse("package", platform, params)
        planned = components.planned_components(section)
        license_policy.apply_policy(planned, section.licenses)


def _fallback_problems(targets: Sequence[Target]) -> Iterator[str]:
    for platform in Platform:
        entries = {}
        uses = {}
        for target in targets:
            recipe = target.recipe
            if recipe.device.platform is platform:
                entries[target.name] = fallback_order.device_entry(recipe.device)
                kinds = [recipe.data.input.kind]
                uses[target.name] = fallback_order.use_of(recipe.task.output, kinds)
        for names in fallback_order.group(uses).values():
            alternatives = {name: entries[name] for name in names}
            yield from fallback_order.find_problems(alternatives)


def _check_texts(release: Release, targets: Sequence[Target]) -> None:
    """Refuse texts of the example for a model of other data: they would be in its model card."""
    other_targets = [
        target.name
        for target in targets
        if target.recipe.data.source != example_release.DATA_SOURCE
    ]
    if not other_targets:
        return
    texts = {
        "description": [release.description],
        "card.intended_use": release.card.intended_use,
        "card.limits": release.card.limits,
    }
    for key, sentences in texts.items():
        for sentence in sentences:
            if " ".join(sentence.split()) in example_release.SENTENCES:
                reason = f"of the example, and {other_targets[0]} is not made from its data"
                expected = f'expected your own words, or "{example_release.NOT_STATED}"'
                raise RecipeError(
                    f"{release_file.path()}: {key}: {sentence!r} is a text {reason}; {expected}"
                )


def _check_encryption_key(release: Release, targets: Sequence[Target]) -> None:
    if release.encryption_key is not None:
        return
    for target in targets:
        if target.recipe.package.protect is Protect.encrypt:
            reason = f"{target.name} says `protect: encrypt`"
            expected = "expected file:PATH or env:NAME"
            raise RecipeError(f"{release_file.path()}: encryption_key: null; {reason}: {expected}")


def _teacher(target: Target) -> str | None:
    fine_tune = target.recipe.prune.fine_tune
    if fine_tune is None or fine_tune.distill is None:
        return None
    return fine_tune.distill.teacher
