"""Record the commit that a bundle is built from, and whether the working tree differs from it.

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
from edgebake.recipe.stage_params import NO_FILE, PARAMS, Plan, read_plan

FOLDER = artifacts.ROOT / "revision"
# The sources of every bundle, of any platform; recipes count through params.yaml.
SHARED = (
    "pipeline",
    "plugins",
    "dvc.yaml",
    "requirements.txt",
    "LICENSES",
    ":(glob)**/*.dvc",
    ":(exclude,glob)**/__pycache__/**",
)


def write() -> str:
    """Write a file per platform, on which package depends, and return the commit's hash.

    A file changes only with the commit, with the platform's own part of the plan, or on the day on
    which a waiver ends: an edit for one platform does not package the others again.

    Raises:
        HostError: git is not installed, or there is no commit.
    """
    commit = git.head()
    plan = read_plan()
    committed_plan = _committed_plan()
    shared_is_dirty = git.changed(*SHARED) or _has_uncommitted_imports(plan)
    for platform in plan["package"]:
        is_dirty = (
            shared_is_dirty
            or _recipes(plan, platform) != _recipes(committed_plan, platform)
            or _has_uncommitted_key(plan, platform)
        )
        content = {
            "git_commit": commit,
            "dirty": is_dirty,
            "expired_waivers": _expired_waivers(plan["package"][platform]),
        }
        text = json.dumps(content, indent=2) + "\n"
        artifacts.write(FOLDER / f"{platform}.json", text.encode())
    return commit


def _has_uncommitted_imports(plan: Plan) -> bool:
    """Return whether some dataset or imported model is neither committed nor tracked by DVC."""
    paths: set[str] = set()
    for params in plan["train"].values():
        paths.update((params["data_file"], params["file"]))
    paths.discard(NO_FILE)
    return any(_is_uncommitted(path) for path in paths)


def _is_uncommitted(path: str) -> bool:
    """Return whether a path differs from the commit, and DVC does not track it."""
    named = Path(path)
    if any(_is_tracked_by_dvc(folder) for folder in (named, *named.parents)):
        return False  # git ignores the data on purpose; its .dvc file is committed
    real = named.resolve()
    if not real.is_relative_to(git.top()):
        return True
    # Git lists no file of a path that it ignores as a whole. Single ignored files of a folder do
    # not count: nothing reads them.
    is_ignored = real.exists() and not git.run("ls-files", "--", _literal(real))
    return is_ignored or git.changed(_literal(real))


def _is_tracked_by_dvc(path: Path) -> bool:
    return bool(path.name) and path.with_name(f"{path.name}.dvc").exists()


def _literal(path: Path) -> str:
    """Return a path as a pathspec without special characters."""
    return f":(literal){path}"


def _has_uncommitted_key(plan: Plan, platform: str) -> bool:
    """Return whether the public key of the manifest's signature differs from the commit."""
    signature = plan["package"][platform].get("signature")
    return bool(signature) and _is_uncommitted(signature["public_key"])


def _expired_waivers(params: dict[str, Any]) -> list[str]:
    """Return the waivers whose last day is over; one more makes package judge again."""
    today = date.today()
    expired = []
    for name, target in params["targets"].items():
        for waiver in target.get("waivers", []):
            if has_expired(Waiver(**waiver), today):
                expired.append(f"{name}: {waiver['gate']} until {waiver['until']}")
    return expired


def _committed_plan() -> Plan:
    return yaml.safe_load(git.committed(PARAMS) or "") or {}


def _recipes(plan: Plan, platform: str) -> tuple[object, dict[str, str]] | None:
    """Return the parameters of a platform, and the digest of each target's whole recipe."""
    params = plan.get("package", {}).get(platform)
    if params is None:
        return None
    digests = {}
    for name, target in params["targets"].items():
        digests[name] = recipe_digest(trace(plan, target["validate"]), target)
    return params, digests
