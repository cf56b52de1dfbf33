"""All parsers that are fuzzed, by name."""

from tests.fuzz import bundles, columns, data, devices, models, recipes
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {}
for _module in (models, bundles, recipes, data, columns, devices):
    for _target in _module.TARGETS:
        TARGETS[_target.name] = _target
