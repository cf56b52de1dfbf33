"""Record the commit that a bundle is built from, and whether the working tree differs from it.

Reads git and params.yaml. Writes artifacts/revision/<platform>.json.
"""

import sys
from collections.abc import Iterator
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Any, TypedDict

from edgebake import artifacts
from edgebake.bundle.trust import git, work_tree
from edgebake.bundle.trust.work_tree import Entry
from edgebake.errors import RecipeError
from edgebake.evaluation.gates.waivers import has_expired
from edgebake.recipe import Waiver
from edgebake.recipe.lineage import recipe_digest, trace
from edgebake.recipe.stage_params import NO_FILE, PARAMS, Plan, parse_plan, read_plan

FOLDER = artifacts.ROOT / "revision"
# The sources of every bundle, of any platform; recipes count through params.yaml.
SHARED = ("dvc.yaml", "requirements.txt", "LICENSES")
CODE = ("pipeline", "plugins")
# What `import` finds in the project's top folder, which is on the path of `python -m edgebake`, and
# in any other folder of the project that is on the path: sitecustomize.py is imported unasked.
IMPORTABLE = ("*.py", "*.pyc", "*.so", "*/__init__.py", "*/__init__.pyc", "*/__init__.so")
DVC_FILE = ".dvc"


class Revision(TypedDict):
    """The content of artifacts/revision/<platform>.json."""

    git_commit: str
    dirty: bool
    expired_waivers: list[str]


def write() -> str:
    """Write a file per platform, on which package depends, and return the commit's hash.

    A file changes only with the commit, with the platform's own part of the plan, or on the day on
    which a waiver ends: an edit for one platform does not package the others again.

    Returns:
        The hash of the commit, and the first file that differs from it, if any.

    Raises:
        HostError: git is not installed, or there is no commit.
    """
    commit = git.head()
    plan = read_plan()
    committed_plan = _committed_plan()
    committed = work_tree.committed_files()
    changes = _shared_changes(plan, committed)
    first_change = next(changes, None)
    for platform, params in plan["package"].items():
        is_dirty = (
            first_change is not None
            or _recipes(plan, platform) != _recipes(committed_plan, platform)
            or any(_key_changes(params, committed))
        )
        revision: Revision = {
            "git_commit": commit,
            "dirty": is_dirty,
            "expired_waivers": _expired_waivers(params),
        }
        artifacts.write_json(FOLDER / f"{platform}.json", revision)
    if first_change is None:
        return commit
    return f"{commit}, changed: {first_change}"


def _shared_changes(plan: Plan, committed: dict[Path, Entry]) -> Iterator[str]:
    """Yield what differs from the commit in the sources of every bundle, of any platform."""
    project = Path.cwd().resolve()
    code = [project / name for name in CODE]
    roots = [*(project / name for name in SHARED), *code]
    importable = set(_importable_files(project))
    importable.update(path for path in committed if _is_top_module(path, project))
    tracked = [path for path in committed if _is_dvc_file(path, project)]
    yield from work_tree.differences([*roots, *sorted(importable), *tracked], committed)
    yield from work_tree.stale_byte_code([*code, *sorted(importable)])
    for path in sorted(_data_and_models(plan)):
        yield from _changes_of(path, committed)


def _importable_files(project: Path) -> Iterator[Path]:
    """Yield the files that a module could be imported from, of folders that are on the path."""
    environment = Path(sys.prefix).resolve()
    folders = {project}
    for entry in sys.path:
        folder = Path(entry).resolve()
        if folder.is_relative_to(project) and not folder.is_relative_to(environment):
            folders.add(folder)
    for folder in sorted(folders):
        yield from chain.from_iterable(folder.glob(pattern) for pattern in IMPORTABLE)


def _is_top_module(path: Path, project: Path) -> bool:
    return path.suffix == ".py" and path.parent == project


def _is_dvc_file(path: Path, project: Path) -> bool:
    return path.suffix == DVC_FILE and path.is_relative_to(project)


def _data_and_models(plan: Plan) -> set[str]:
    """Return the paths of all datasets, files of labels, imported models and their weights.

    Of other files, such as recorded measurements, the plan has the digests.
    """
    paths: set[str] = set()
    for params in plan["train"].values():
        paths |= {params["data_file"], params["file"], params["weights"]}
    for params in plan["data"].values():
        paths.add(params["classes"])
    paths.discard(NO_FILE)
    return paths


def _changes_of(path: str, committed: dict[Path, Entry]) -> Iterator[str]:
    """Yield how a path differs from the commit, unless DVC tracks it by a committed .dvc file."""
    named = Path(path)
    for folder in (named, *named.parents):
        dvc_file = folder.with_name(f"{folder.name}{DVC_FILE}") if folder.name else None
        if dvc_file and dvc_file.exists():
            # Git ignores the data on purpose; the .dvc file has their hash.
            yield from work_tree.differences([dvc_file.resolve()], committed)
            return
    real = named.resolve()
    if not real.is_relative_to(git.top()):
        yield f"{path}: outside the repository"
        return
    yield from work_tree.differences([real], committed)


def _key_changes(params: dict[str, Any], committed: dict[Path, Entry]) -> Iterator[str]:
    """Yield how the public key of the manifest's signature differs from the commit."""
    signature = params.get("signature")
    if signature:
        yield from _changes_of(signature["public_key"], committed)


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
    """Return the plan of the commit; none if that is damaged, as it differs from every other."""
    text = git.committed(PARAMS) or ""
    try:
        return parse_plan(text.encode())
    except RecipeError:
        return {}


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
