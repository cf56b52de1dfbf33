"""Keys are withheld from the code that a build runs."""

import os
from pathlib import Path

import pytest
import yaml

from edgebake.cli.main import main
from edgebake.execution import runner
from edgebake.plan import variants
from edgebake.recipe import key_variables

PLAN = {
    **{stage: {} for stage in variants.STAGES},
    "package": {
        "android": {
            "signature": {"key": "env:SIGNING_KEY", "public_key": "keys/a.pub.pem"},
            "encryption_key": "env:MODEL_KEY",
        },
        "linux": {"signature": None, "encryption_key": "file:keys/model.key"},
    },
}


@pytest.fixture
def keys(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that names two keys of the environment; the test runs in its folder."""
    (project / "params.yaml").write_text(yaml.safe_dump(PLAN))
    for name in ("SIGNING_KEY", "MODEL_KEY", "EDGEBAKE_HSM_PIN", "OTHER"):
        monkeypatch.setenv(name, "secret")


def _left() -> list[str]:
    names = ("SIGNING_KEY", "MODEL_KEY", "EDGEBAKE_HSM_PIN", "OTHER")
    return [name for name in names if name in os.environ]


def test_the_variables_of_a_plan() -> None:
    assert key_variables.signing(PLAN) == {"SIGNING_KEY", "EDGEBAKE_HSM_PIN"}
    assert key_variables.signing({}) == {"EDGEBAKE_HSM_PIN"}
    assert key_variables.encryption_keys(PLAN) == {"env:MODEL_KEY", "file:keys/model.key"}


@pytest.mark.parametrize("stage", sorted({*variants.STAGES} - {"package"}))
@pytest.mark.usefixtures("keys")
def test_a_stage_gets_no_key(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[list[str]] = []
    monkeypatch.setattr(runner, "run", lambda *_: left.append(_left()))
    assert main([stage, "x"]) == 0
    assert left == [["OTHER"]]


@pytest.mark.usefixtures("keys")
def test_package_gets_the_key_that_encrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[list[str]] = []
    monkeypatch.setattr(runner, "run", lambda *_: left.append(_left()))
    assert main(["package", "android"]) == 0
    assert left == [["MODEL_KEY", "OTHER"]]
