"""The workflow on GitHub: who may run what, and what the code of a branch is told.

The signing key is in one step of one job, which runs on protected references after a review.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

WORKFLOWS = sorted((Path(__file__).parents[1] / ".github/workflows").glob("*.y*ml"))
BUILD = next(path for path in WORKFLOWS if path.stem == "build")
JOBS: dict[str, Any] = yaml.safe_load(BUILD.read_text())["jobs"]
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
SECRET = re.compile(r"secrets\.(\w+)|secrets\[|toJSON\(\s*secrets")
KEY = "EDGEBAKE_KEY"
PROTECTED = "release"  # the environment with required reviewers
ONLY_MAIN = "remote"  # the environment of the branch main
# Commands that run no code of the commit, so that they may have credentials.
FETCH = (
    '[ -n "$AWS_ACCESS_KEY_ID" ]',
    "dvc remote add",
    "dvc pull",
    "dvc fetch",
    "dvc push",
    "git ls-files",
)


def _secrets(node: object) -> set[str]:
    """Return the names of secrets in a part of a workflow, `*` for all of them."""
    return {name or "*" for name in SECRET.findall(yaml.safe_dump(node))}


def _steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in JOBS.items():
        for step in job["steps"]:
            yield name, step


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.stem)
def test_every_action_is_pinned_by_its_commit_and_names_its_version(file: Path) -> None:
    lines = [line for line in file.read_text().splitlines() if re.search(r"\buses:", line)]
    assert lines
    assert [line for line in lines if not PINNED.search(line)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_can_only_read_the_repository(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in workflow["jobs"].items() if "permissions" in job] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda path: path.stem)
def test_no_workflow_runs_the_code_of_a_fork_with_secrets(file: Path) -> None:
    triggers = yaml.safe_load(file.read_text())[True]  # YAML 1.1 reads `on` so
    assert set(triggers) <= {"push", "pull_request"}


def test_the_signing_key_is_in_one_step_of_the_job_sign() -> None:
    holders = [(name, step["run"]) for name, step in _steps() if KEY in _secrets(step)]
    assert holders == [("sign", ".venv/bin/edgebake release --only sign")]
    assert BUILD.read_text().count(f"secrets.{KEY}") == 1


def test_the_job_sign_runs_on_protected_references_and_builds_nothing() -> None:
    sign = JOBS["sign"]
    assert sign["environment"] == PROTECTED
    assert sign["needs"] == "release"
    assert sign["if"] == JOBS["release"]["if"]
    assert sign["if"].split(" && ") == [
        "github.event_name == 'push'",
        "vars.SIGN_RELEASES == 'true'",
        "(github.ref == 'refs/heads/main' || startsWith(github.ref, 'refs/tags/v'))",
    ]
    commands = [step["run"] for step in sign["steps"] if "run" in step]
    assert commands == ["make setup", ".venv/bin/edgebake release --only sign"]


def test_what_is_signed_was_built_from_the_commit_alone() -> None:
    commands = [step.get("run", "") for step in JOBS["release"]["steps"]]
    assert "edgebake release --only build" in commands
    assert not any("repro" in command or "run-cache" in command for command in commands)


def test_secrets_are_told_to_single_steps_that_run_no_code_of_the_commit() -> None:
    for job in JOBS.values():
        rest = {key: value for key, value in job.items() if key != "steps"}
        assert _secrets(rest) == set()
    for name, step in _steps():
        if name == "sign" or not _secrets(step):
            continue
        commands = [line.strip() for line in step["run"].strip().splitlines()]
        assert [line for line in commands if not line.startswith(FETCH)] == []


def test_write_access_to_the_remote_is_for_main_alone() -> None:
    for name, step in _steps():
        writes = {secret for secret in _secrets(step) if secret.startswith("WRITE_")}
        if writes or "push" in step.get("run", ""):
            assert JOBS[name]["environment"] == ONLY_MAIN
            assert "github.ref == 'refs/heads/main'" in JOBS[name]["if"]


def test_no_text_of_an_event_is_part_of_a_script() -> None:
    """A branch's name or a title of a pull request would be run by the shell."""
    for _, step in _steps():
        for expression in re.findall(r"\$\{\{\s*([\w.-]+)", step.get("run", "")):
            assert expression.startswith("matrix.")


def test_no_step_leaves_the_token_of_the_repository_to_later_ones() -> None:
    checkouts = [step for _, step in _steps() if "actions/checkout" in step.get("uses", "")]
    assert len(checkouts) == len(JOBS)
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)
