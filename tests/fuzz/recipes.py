"""Parsers of recipes, plans and states of DVC."""

from contextlib import chdir
from pathlib import Path

from edgebake import strict_yaml, yaml_text
from edgebake.recipe import stage_params
from tests.fuzz import mutations
from tests.fuzz.target import Target

ROOT = Path(__file__).parents[2]


def _recipes() -> list[bytes]:
    files = sorted((ROOT / "recipes").rglob("*.yaml"))
    return [file.read_bytes() for file in files]


def _plan() -> list[bytes]:
    """The plan of the project, without most of its variants: short, so that it is read quickly."""
    lines = (ROOT / "params.yaml").read_text().splitlines(keepends=True)
    return ["".join(lines).encode()]


def _read_plan(data: bytes, folder: Path) -> None:
    (folder / stage_params.PARAMS).write_bytes(data)
    with chdir(folder):
        plan = stage_params.read_plan()
        for variant in list(plan.get("data", {}))[:1]:
            stage_params.read("data", variant)


TARGETS = [
    Target(
        "recipe yaml",
        _recipes,
        lambda data, _: strict_yaml.parse(data, strict_yaml.MAX_BYTES),
        refusals=(yaml_text.StrictYamlError,),
        mutate=mutations.change_text,
    ),
    Target("plan", _plan, _read_plan, mutate=mutations.change_text),
]
