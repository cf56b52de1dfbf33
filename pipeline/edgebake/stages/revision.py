"""Record the commit that a bundle is built from, and whether the working tree differs from it.

Reads git and params.yaml. Writes artifacts/revision/<platform>.json.
"""

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
    for platform, params in plan["package"].items():
        is_dirty = (
            shared_is_dirty
            or _recipes(plan, platform) != _recipes(committed_plan, platform)
            or _has_uncommitted_key(params)
        )
        revision = {
            "git_commit": commit,
            "dirty": is_dirty,
            "expired_waivers": _expired_waivers(params),
        }
        artifacts.write_json(FOLDER / f"{platform}.json", revision)
    return commit


def _has_uncommitted_imports(plan: Plan) -> bool:
    """Return whether some dataset or imported model is neither committed nor tracked by DVC."""
    paths: set[str] = set()
    for params in plan["train"].values():
        paths.add(params["data_file"])
        paths.add(params["file"])
    paths.discard(NO_FILE)
    return any(_is_uncommitted(path) for path in paths)


def _is_uncommitted(path: str) -> bool:
    """Return whether a path differs from the commit, and DVC does not track it."""
    named = Path(path)
    for folder in (named, *named.parents):
        if _is_tracked_by_dvc(folder):
            return False  # git ignores the data on purpose; its .dvc file is committed
    real = named.resolve()
    if not real.is_relative_to(git.top()):
        return True
    pathspec = _literal(real)
    # Git lists no file of a path that it ignores as a whole. Single ignored files of a folder do
    # not count: nothing reads them.
    if real.exists() and not git.run("ls-files", "--", pathspec):
        return True
    return git.changed(pathspec)


def _is_tracked_by_dvc(path: Path) -> bool:
    if not path.name:
        return False
    dvc_file = path.with_name(f"{path.name}.dvc")
    return dvc_file.exists()


def _literal(path: Path) -> str:
    """Return a path as a pathspec without special characters."""
    return f":(literal){path}"


def _has_uncommitted_key(params: dict[str, Any]) -> bool:
    """Return whether the public key of the manifest's signature differs from the commit."""
    signature = params.get("signature")
    if not signature:
        return False
    return _is_uncommitted(signature["public_key"])


def _expired_waivers(params: dict[str, Any]) -> list[str]:
    """Return the waivers whose last day is over; one more makes package judge again."""
    today = date.today()
    expired = []
    for name, target in params["targets"].items():
        for fields in target.get("waivers", []):
            waiver = Waiver(**fields)
            if has_expired(waiver, today):
                expired.append(f"{name}: {waiver.gate} until {waiver.until}")
    return expired


def _committed_plan() -> Plan:
    text = git.committed(PARAMS) or ""
    return yaml.safe_load(text) or {}


def _recipes(plan: Plan, platform: str) -> tuple[object, dict[str, str]] | None:
    """Return the parameters of a platform, and the digest of each target's whole recipe."""
    packages = plan.get("package", {})
    params = packages.get(platform)
    if params is None:
        return None
    digests = {}
    for name, target in params["targets"].items():
        lineage = trace(plan, target["validate"])
        digests[name] = recipe_digest(lineage, target)
    return params, digests
