"""Names that fields of recipes had before 0.1.0, which this release still reads.

A recipe with an old name is read, and a `RenamedFieldWarning` names the new one. params.yaml is
generated, so its old names are read without a warning. The next release reads the new names only.
"""

import warnings
from collections.abc import Mapping
from typing import Any

from edgebake.errors import RenamedFieldWarning

Params = dict[str, Any]  # nested mappings and lists, as YAML has them

# Dotted old name -> last part of the new name.
FIELDS = {
    "data.colour": "color",
    "model.width": "width_multiplier",
    "model.imported.across": "image_width",
    "model.imported.trust": "allow_code",
    "quantize.keep": "fallback_dtype",
    "quantize.ladder": "candidates",
    "quantize.training": "qat",
    "quantize.calibration.examples": "samples",
    "validate.budget.loss": "accuracy_drop",
    "validate.budget.calibration_error": "expected_calibration_error",
    "validate.budget.placement": "accelerator_coverage",
}
HINT = "the next release reads the new name only"
GATES = {
    "loss": "accuracy_drop",
    "calibration_error": "expected_calibration_error",
    "placement": "accelerator_coverage",
}
# Dotted new name of a field -> old value -> new value.
VALUES = {"data.color": {"grey": "grayscale"}, "validate.waivers.gate": GATES}


def rename_in_file(options: Any, package: str, file: str) -> Any:
    """Return the content of a recipe file with the new names; warn about each old one.

    Args:
        options: nested mappings and lists, as YAML has them.
        package: dotted key below which the file is merged; empty for a target.
        file: name of the file in warnings.
    """
    renamed, notices = _rename(options, package)
    for notice in notices:
        warnings.warn(f"{file}: {notice}", RenamedFieldWarning, stacklevel=2)
    return renamed


def rename_override(override: str) -> str:
    """Return an override of the command line with the new names; warn about an old one."""
    key, equals, value = override.partition("=")
    prefix = key[: len(key) - len(key.lstrip("+~"))]
    parent, _, name = key.removeprefix(prefix).rpartition(".")
    renamed, notices = _rename({name: value}, parent)
    for notice in notices:
        warnings.warn(f"command line: {notice}", RenamedFieldWarning, stacklevel=2)
    for new_name, new_value in renamed.items():
        new_key = f"{parent}.{new_name}" if parent else new_name
        override = f"{prefix}{new_key}{equals}{new_value}"
    return override


def rename_in_plan(plan: Params, stages: tuple[str, ...]) -> Params:
    """Return the content of params.yaml with the new names."""
    renamed = dict(plan)
    if "ladder" in renamed:
        renamed["candidates"] = renamed.pop("ladder")
    for stage in stages:
        variants: Params = plan.get(stage, {})
        renamed[stage] = {name: _rename_params(stage, variants[name]) for name in variants}
    return renamed


def _rename_params(stage: str, params: Params) -> Params:
    """Return the parameters of a variant with the new names."""
    if stage == "quantize":
        params, _ = _rename(params, "quantize")
        if "loss" in params:  # the gate that `mixed` has to pass
            params["accuracy_drop"] = params.pop("loss")
    if stage == "package":
        targets = params.get("targets") or {}
        params = {**params, "targets": {name: _target(entry) for name, entry in targets.items()}}
    return params | _renamed_groups(params, ("data", "model"), "")


def _target(params: Params) -> Params:
    return params | _renamed_groups(params, ("budget", "waivers"), "validate")


def _renamed_groups(params: Params, keys: tuple[str, ...], prefix: str) -> Params:
    renamed: Params = {}
    for key in keys:
        if key in params:
            renamed[key], _ = _rename(params[key], f"{prefix}.{key}" if prefix else key)
    return renamed


def _rename(node: Any, key: str) -> tuple[Any, list[str]]:
    """Rename below a dotted key.

    Returns:
        The renamed node, and a notice per old name: `quantize.keep: renamed to fallback_dtype`.
    """
    if isinstance(node, list):
        return _rename_list(node, key)
    if not isinstance(node, Mapping):
        return _rename_value(node, key)
    renamed: dict[object, object] = {}
    notices: list[str] = []
    for name, child in node.items():
        child_key = f"{key}.{name}" if key else str(name)
        new_name = FIELDS.get(child_key, name)
        if new_name != name:
            notices.append(f"{child_key}: renamed to {new_name}; {HINT}")
            child_key = f"{key}.{new_name}"
        renamed[new_name], child_notices = _rename(child, child_key)
        notices += child_notices
    return renamed, notices


def _rename_list(nodes: list[object], key: str) -> tuple[list[object], list[str]]:
    renamed: list[object] = []
    notices: list[str] = []
    for node in nodes:
        new_node, node_notices = _rename(node, key)
        renamed.append(new_node)
        notices += node_notices
    return renamed, notices


def _rename_value(value: object, key: str) -> tuple[object, list[str]]:
    new_value = VALUES.get(key, {}).get(str(value), value)
    if new_value == value:
        return value, []
    return new_value, [f"{key}: {value} is renamed to {new_value}; {HINT}"]
