"""requirements.txt pins every tool once for all Pythons, with hashes, for any package index."""

import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake import plugins
from edgebake.errors import HostError

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
# A requirement begins a line; its hashes and comments are indented below it.
ENTRIES = re.findall(r"^[^\s#].*\n(?:[ ].*\n)*", LOCK, re.MULTILINE)


def _requirement(entry: str) -> Requirement:
    return Requirement(entry.splitlines()[0].removesuffix("\\"))


REQUIREMENTS = [_requirement(entry) for entry in ENTRIES]
PINNED = {canonicalize_name(requirement.name) for requirement in REQUIREMENTS}


def _tools(plan: dict[str, Any]) -> Iterator[str]:
    """Yield the name of every tool of every section."""
    for key, value in plan.items():
        if key == "tools":
            yield from value
        elif isinstance(value, dict):
            yield from _tools(value)


def test_every_line_is_a_requirement() -> None:
    lines = [line for line in LOCK.splitlines() if line and not line.startswith((" ", "#"))]
    assert len(REQUIREMENTS) == len(lines) > 100


def test_every_python_gets_the_same_version() -> None:
    names = [canonicalize_name(requirement.name) for requirement in REQUIREMENTS]
    assert [name for name in names if names.count(name) > 1] == []


def test_a_plan_is_the_same_on_every_python() -> None:
    plan = yaml.safe_load((ROOT / "params.yaml").read_text())
    tools = {canonicalize_name(name) for name in _tools(plan)}
    names = [canonicalize_name(requirement.name) for requirement in REQUIREMENTS]
    assert {"coremltools", "numpy", "scipy", "tensorflow"} <= tools
    assert {name: names.count(name) for name in sorted(tools) if names.count(name) != 1} == {}
    markers = {
        str(requirement.marker)
        for requirement in REQUIREMENTS
        if canonicalize_name(requirement.name) in tools and requirement.marker
    }
    assert [marker for marker in markers if "python" in marker] == []


@pytest.mark.parametrize("entry", ENTRIES, ids=[requirement.name for requirement in REQUIREMENTS])
def test_each_is_pinned_with_hashes(entry: str) -> None:
    assert re.fullmatch(r"==[^*,]+", str(_requirement(entry).specifier))
    assert re.search(r"^ +--hash=sha256:[0-9a-f]{64}", entry, re.MULTILINE)


def test_no_index_is_named() -> None:
    assert (
        re.findall(
            r"^.*(?:://|-index|--find-links).*$",
            LOCK.replace("--no-emit-index-url", ""),
            re.MULTILINE,
        )
        == []
    )


def test_what_builds_packages_is_pinned_too() -> None:
    """`make setup` builds without isolation, so nothing else than these can take part."""
    built_with = re.search(r"listed = /\^\(([a-z|]+)\)==/", MAKEFILE)
    assert built_with
    builders = set(built_with[1].split("|"))
    ours = {
        canonicalize_name(Requirement(line).name) for line in PROJECT["build-system"]["requires"]
    }
    assert ours <= builders <= PINNED
    assert "--no-build-isolation" in MAKEFILE


def test_one_package_alone_is_built_here() -> None:
    sources = re.findall(r"--no-binary (\S+)", MAKEFILE)
    assert sources == ["antlr4-python3-runtime"]
    assert set(sources) <= PINNED


PLATFORMS = [("linux", "x86_64", True), ("linux", "aarch64", False), ("darwin", "arm64", True)]


@pytest.mark.parametrize(("system", "machine", "has_wheel"), PLATFORMS)
def test_core_ml_is_left_out_where_its_converter_has_no_wheel(
    system: str, machine: str, has_wheel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"sys_platform": system, "platform_machine": machine}
    dependencies = [Requirement(line) for line in PROJECT["project"]["dependencies"]]
    for requirements in (dependencies, REQUIREMENTS):
        marker = next(
            requirement.marker
            for requirement in requirements
            if requirement.name == plugins.NEEDS_X86_OR_MAC
        )
        assert Marker(str(marker)).evaluate(environment) is has_wheel

    monkeypatch.setattr("sys.platform", system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(plugins, "version", _not_installed)
    plugins._version.cache_clear()
    with pytest.raises(HostError) as refused:
        plugins.tools("coremltools")
    expected = "coremltools: not installed; expected it in this environment: run `make setup`"
    if not has_wheel:
        expected = (
            "coremltools: not installed, it has no wheel for linux on aarch64; "
            "expected targets that do without: drop those of iOS, and those with `prune: cluster`, "
            "from `targets:` in recipes/release.yaml"
        )
    assert str(refused.value) == expected


def _not_installed(name: str) -> str:
    raise PackageNotFoundError(name)
