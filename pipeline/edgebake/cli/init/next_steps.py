"""The recipes that were written in, the lines that say what to do next out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from edgebake.cli.init import options
from edgebake.cli.init.recipe_yaml import MISSING
from edgebake.plan import compose
from edgebake.recipe.files import RECIPES, shown_option

ORIGINS = {"data": "origin", "model": "pretrained"}


def unsaid(choices: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each key that nobody said a value for, and the file that it belongs in."""
    found = []
    for group, word in ORIGINS.items():
        option = choices.get(group)
        words = (options.content(group, option).get(word) or {}) if option else {}
        file = str(RECIPES / group / f"{option}.yaml")
        found += [
            (f"{group}.{word}.{key}", file) for key, value in words.items() if value == MISSING
        ]
    return found


def lines(
    name: str, choices: Mapping[str, str], files: Sequence[Path], missing: Sequence[tuple[str, str]]
) -> list[str]:
    """Return what was written, and what is left to do, in its order."""
    keys: dict[str, list[str]] = {}
    for key, file in missing:
        keys.setdefault(file, []).append(key.partition(".")[2])
    steps = [f"fill in {', '.join(words)} in {file}" for file, words in keys.items()]
    steps += _tracking(choices)
    validate = choices.get("validate", "realtime")
    steps += [
        f"edgebake show {name}",
        *_release(name, choices),
        f"look at the budget that it has to meet: {shown_option('validate', validate)}; "
        f"what should differ goes below `validate: budget:` in recipes/target/{name}.yaml",
        "edgebake build",
    ]
    picked = ", ".join(f"{group} {option}" for group, option in choices.items())
    return [
        f"{name}: {picked}",
        *(f"wrote {file}" for file in files),
        "next:",
        *(f"  {step}" for step in steps),
    ]


def _tracking(choices: Mapping[str, str]) -> list[str]:
    """Return the call that puts what was brought under DVC, where it is not yet."""
    data = options.content("data", choices["data"]) if "data" in choices else {}
    model = options.content("model", choices["model"]) if "model" in choices else {}
    paths = [data.get("path") if data.get("source") not in ("keras", "digits") else None]
    paths.append((model.get("imported") or {}).get("file"))
    untracked = [path for path in paths if path and not Path(f"{path}.dvc").exists()]
    return [f"dvc add {' '.join(untracked)}"] if untracked else []


def _release(name: str, choices: Mapping[str, str]) -> list[str]:
    device = compose.option("device", choices["device"])
    platform, last = device.platform.value, options.fallback(device)
    if last is None:
        return [
            f"name it in targets: of recipes/release.yaml, the last of {platform}: it runs on every device"
        ]
    given = [f"--{group} {choices[group]}" for group in ("data", "model") if group in choices]
    call = " ".join([f"edgebake init {name}_any --device {last}", *given])
    return [
        f"name it in targets: of recipes/release.yaml, before one that every device of {platform} runs; "
        f"`{call}` writes one from the same model",
    ]
