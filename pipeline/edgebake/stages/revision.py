"""Which commit a bundle is built from, and whether what it is built from differs from that commit.

Reads git and params.yaml. Writes artifacts/revision/<platform>.json.
"""

import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from edgebake import artifacts
from edgebake.bundle.lineage import recipe_digest, trace
from edgebake.bundle.trust import git
from edgebake.evaluation.gates.waivers import has_expired
from edgebake.recipe import Waiver
from edgebake.recipe.stage_params import NO_FILE, PARAMS, read_plan

FOLDER = artifacts.ROOT / "revision"
# What every bundle is built from, whatever its platform; recipes reach it through params.yaml.
SHARED = (
    *("pipeline", "plugins", "dvc.yaml", "requirements.txt", "LICENSES", ":(glob)**/*.dvc"),
    ":(exclude,glob)**/__pycache__/**",
)


def write() -> str:
    """Write a file per platform, on which package depends, and return the commit's hash.

    A file changes only if the commit does, the platform's own part of the plan, or the day on which a waiver ends: an
    edit for one platform does not package the others again.

    Raises:
        HostError: git is not there, or this is no repository with a commit.
    """
    commit = git.head()
    now, committed = read_plan(), _plan_of_commit()
    imported = {
        path
        for section in now["train"].values()
        for path in (section["data_file"], section["file"])
    }
    imported.discard(NO_FILE)
    shared = git.changed(*SHARED) or any(map(_is_loose, imported))
    for platform in now["package"]:
        dirty = (
            shared
            or _recipes(now, platform) != _recipes(committed, platform)
            or _has_loose_key(now, platform)
        )
        content = {
            "git_commit": commit,
            "dirty": dirty,
            "expired_waivers": _expired(now["package"][platform]),
        }
        artifacts.write(
            FOLDER / f"{platform}.json", (json.dumps(content, indent=2) + "\n").encode()
        )
    return commit


def _is_loose(path: str) -> bool:
    """Return whether the commit does not hold a path as it lies there, and DVC does not track it either."""
    named = Path(path)
    if any(
        one.name and one.with_name(f"{one.name}.dvc").exists() for one in (named, *named.parents)
    ):
        return False  # git ignores it on purpose, and its .dvc file is shared
    real = named.resolve()
    if not real.is_relative_to(git.top()):
        return True
    # A folder may hold files that git ignores and nobody reads; what git ignores as a whole is in no list of its files.
    ignored = real.exists() and not git.run("ls-files", "--", _literal(real))
    return ignored or git.changed(_literal(real))


def _literal(path: Path) -> str:
    """Return a path as a pathspec in which no character has a meaning of its own."""
    return f":(literal){path}"


def _has_loose_key(plan: dict[str, dict[str, Any]], platform: str) -> bool:
    """Return whether the public key that the manifest is to name is not in the commit as it lies there."""
    signature = plan["package"][platform].get("signature")
    return bool(signature and _is_loose(signature["public_key"]))


def _expired(section: dict[str, Any]) -> list[str]:
    """Return the waivers whose last day is over: package has to judge again when one more has run out."""
    return [
        f"{name}: {waiver['gate']} until {waiver['until']}"
        for name, target in section["targets"].items()
        for waiver in target.get("waivers", [])
        if has_expired(Waiver(**waiver), date.today())
    ]


def _plan_of_commit() -> dict[str, dict[str, Any]]:
    return yaml.safe_load(git.committed(PARAMS) or "") or {}


def _recipes(plan: dict[str, dict[str, Any]], platform: str) -> Any:
    """Return all that the plan says of a platform, down to train."""
    section = plan.get("package", {}).get(platform)
    if section is None:
        return None
    return section, {
        name: recipe_digest(trace(plan, target["validate"]), target)
        for name, target in section["targets"].items()
    }
