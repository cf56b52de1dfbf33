"""The summary that `edgebake init` prints: written files, and what to do next."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgebake.cli.init import options, release_texts
from edgebake.cli.init.recipe_yaml import shell_word
from edgebake.cli.init.release_texts import ReleaseTexts
from edgebake.plan import compose
from edgebake.recipe.example_release import NOT_STATED
from edgebake.recipe.files import RECIPES, shown_option
from edgebake.recipe.missing import MISSING

ATTRIBUTIONS = {"data": "origin", "model": "pretrained"}  # the key of each group
FETCHED_SOURCES = ("keras", "digits")  # they need no file of the project


def missing_values(choices: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each attribution that is still to be filled in: its key and its file.

    `choices` is the option of each group.
    """
    missing = []
    for group, key in ATTRIBUTIONS.items():
        if group not in choices:
            continue
        option = choices[group]
        attribution = options.read_option(group, option).get(key) or {}
        file = str(RECIPES / group / f"{option}.yaml")
        missing += [
            (f"{group}.{key}.{field}", file)
            for field, value in attribution.items()
            if value == MISSING
        ]
    return missing


def summarize(
    name: str,
    choices: Mapping[str, str],
    files: Sequence[Path],
    missing: Sequence[tuple[str, str]],
    release: ReleaseTexts | None,
) -> list[str]:
    """Return the lines that name the options, the written files and the next steps, in order."""
    edited = []
    if release is not None:
        edited = [f"wrote the texts of {release_texts.FILE}, which described the example"]
    validate = choices.get("validate", "realtime")
    steps = [
        *_fill_in(missing),
        *_state(release),
        *_track(choices),
        f"edgebake show {name}",
        *_release(name, choices),
        f"check its gates in {shown_option('validate', validate)}; "
        f"override them below `validate: budget:` in recipes/target/{name}.yaml",
        "edgebake build",
    ]
    picked = ", ".join(f"{group} {option}" for group, option in choices.items())
    return [
        f"{name}: {picked}",
        *(f"wrote {file}" for file in files),
        *edited,
        "next:",
        *(f"  {step}" for step in steps),
    ]


def _fill_in(missing: Sequence[tuple[str, str]]) -> list[str]:
    keys_by_file: dict[str, list[str]] = {}
    for key, file in missing:
        keys_by_file.setdefault(file, []).append(key.partition(".")[2])
    return [f"fill in {', '.join(keys)} in {file}" for file, keys in keys_by_file.items()]


def _state(release: ReleaseTexts | None) -> list[str]:
    """Return the steps that complete the texts of a release."""
    if release is None:
        return []
    steps = []
    if release.license == MISSING:
        steps.append(f"fill in license in {release_texts.FILE}")
    texts = {
        "author": [release.author],
        "description": [release.description],
        "card.intended_use": release.intended_use,
        "card.limits": release.limits,
    }
    unstated = [key for key, values in texts.items() if NOT_STATED in values]
    if unstated:
        steps.append(f"write {', '.join(unstated)} in {release_texts.FILE}: not stated yet")
    return steps


def _track(choices: Mapping[str, str]) -> list[str]:
    """Return the command that puts the data and the model under DVC, if they are not yet."""
    paths = []
    if "data" in choices:
        data = options.read_option("data", choices["data"])
        if data.get("source") not in FETCHED_SOURCES:
            paths.append(data.get("path"))
    if "model" in choices:
        imported = options.read_option("model", choices["model"]).get("imported") or {}
        paths.append(imported.get("file"))
    untracked = [path for path in paths if path and not Path(f"{path}.dvc").exists()]
    if not untracked:
        return []
    return [f"dvc add {' '.join(shell_word(path) for path in untracked)}"]


def _release(name: str, choices: Mapping[str, str]) -> list[str]:
    """Return the step that names the target in recipes/release.yaml, and where in its order."""
    device = compose.option("device", choices["device"])
    platform = device.platform.value
    universal = options.universal_device(device)
    if universal is None:
        return [
            f"add it to `targets:` of recipes/release.yaml, as the last of {platform}: "
            "it runs on every device"
        ]
    inputs = [f"--{group} {choices[group]}" for group in ("data", "model") if group in choices]
    command = " ".join([f"edgebake init {name}_any --device {universal}", *inputs])
    return [
        "add it to `targets:` of recipes/release.yaml, before a target that runs on "
        f"every device of {platform}; `{command}` writes one from the same model"
    ]
