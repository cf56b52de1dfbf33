"""Name the environment variables that hold keys of a release, from its plan."""

import os
from collections.abc import Mapping
from typing import Any

PREFIX = "env:"
HSM_PIN = "EDGEBAKE_HSM_PIN"  # PIN of a signing key `hsm:`


def signing(plan: Mapping[str, Any]) -> set[str]:
    """Return the variables with which bundles are signed."""
    variables = {HSM_PIN}
    for params in _packages(plan):
        signature = params.get("signature")
        if signature and signature["key"].startswith(PREFIX):
            variables.add(signature["key"].removeprefix(PREFIX))
    return variables


def encryption_keys(plan: Mapping[str, Any]) -> set[str]:
    """Return the URIs of the keys that encrypt models."""
    uris = {params.get("encryption_key") for params in _packages(plan)}
    return {str(uri) for uri in uris if uri}


def withheld(plan: Mapping[str, Any], stage: str) -> set[str]:
    """Return the variables with keys that a stage does not need.

    Only `package` needs one: it encrypts models.
    """
    variables = signing(plan)
    if stage != "package":
        for uri in encryption_keys(plan):
            variables.add(uri.removeprefix(PREFIX))  # a path is the name of no variable
    return variables


def withhold(plan: Mapping[str, Any], stage: str) -> None:
    """Remove the keys that a stage does not need from the environment of this process."""
    for name in withheld(plan, stage):
        os.environ.pop(name, None)


def withhold_key(uri: str) -> None:
    """Remove a key from the environment of this process, if it is there."""
    os.environ.pop(uri.removeprefix(PREFIX), None)


def _packages(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the parameters of each platform's bundle, none for a plan without bundles."""
    packages = plan.get("package") or {}
    return list(packages.values())
