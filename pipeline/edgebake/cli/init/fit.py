"""Find a runtime, and options of it, with which an option of `quantize` fits a device and a model.

The rules are those of the planner, so that what is found passes `edgebake check`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from edgebake.compression.quantization.schemes import AUTO
from edgebake.errors import Problem, RecipeError, listed
from edgebake.plan import unused_options
from edgebake.plan.checks import recipe as recipe_checks
from edgebake.plan.checks.recipe import PartialRecipe
from edgebake.recipe import Device, files
from edgebake.runtimes.interface import load_runtime, schemes_of


@dataclass(frozen=True)
class Fit:
    """A runtime with which a scheme fits."""

    runtime: str  # an option of recipes/convert/
    overrides: dict[str, object]  # values of `convert` that differ from those of the option


class FitSearch:
    """Search for options that fit a device, and models of a format.

    Args:
        device: the device.
        model_format: None for an architecture that edgebake builds.
        is_trainable: whether the model's file holds layers that can be trained.
    """

    def __init__(
        self, device: Device, model_format: str | None = None, is_trainable: bool = True
    ) -> None:
        self._device = device
        self._model_format = model_format
        self._is_trainable = is_trainable
        self._options: dict[tuple[str, str], Any] = {}

    def choose(self, quantize: str, runtimes: Sequence[str]) -> Fit:
        """Return the first runtime with which an option of `quantize` fits.

        Raises:
            RecipeError: there is none; the message names the options that fit.
        """
        for runtime in runtimes:
            fit = self._find(quantize, runtime)
            if isinstance(fit, Fit):
                return fit
        reason = self._find(quantize, runtimes[0])
        expected = "another device"
        fitting = list(self.fitting(runtimes))
        if fitting:
            expected = f"one of: {listed(fitting)}"
        raise RecipeError(f"--quantize: {quantize}: {reason}; expected {expected}")

    def fitting(self, runtimes: Sequence[str]) -> Iterator[str]:
        """Yield the options of `quantize` that fit with one of some runtimes."""
        for option in files.options("quantize"):
            if any(isinstance(self._find(option, runtime), Fit) for runtime in runtimes):
                yield option

    def runtime_of(self, convert: str) -> str:
        """Return the runtime of an option of recipes/convert/."""
        return str(self._read("convert", convert).runtime)

    def _find(self, quantize: str, convert: str) -> Fit | str:
        """Return the values with which two options fit, or else the reason why they do not."""
        groups = {
            "device": self._device,
            "quantize": self._read("quantize", quantize),
            "convert": self._read("convert", convert),
        }
        problems = self._problems(groups)
        if not problems:
            return Fit(convert, {})
        recipe: Any = PartialRecipe(groups)
        runtime = load_runtime(groups["convert"].runtime)
        for values in runtime.other_options(recipe):
            problems = self._problems({**groups, "convert": with_values(groups["convert"], values)})
            if not problems:
                return Fit(convert, values)
        return _reason(problems[0])

    def _problems(self, groups: Mapping[str, Any]) -> list[Problem]:
        quantize = groups["quantize"]
        runtime = groups["convert"].runtime
        if self._model_format is not None and quantize.scheme != AUTO:
            schemes = schemes_of(runtime, self._model_format)
            if quantize.scheme not in schemes:
                problem = f"{self._model_format} models have no {quantize.scheme} in {runtime}"
                return [("quantize", problem)]
        if not self._is_trainable and quantize.qat is not None:
            return [
                ("quantize", "the model's file holds a finished graph, which cannot be trained")
            ]
        recipe: Any = PartialRecipe(groups)
        return recipe_checks.check_fit(recipe)

    def _read(self, group: str, option: str) -> Any:
        key = (group, option)
        if key not in self._options:
            values = unused_options.read(group, option)
            if values is None:
                file = files.shown_option(group, option)
                raise RecipeError(f"{file}: has values that are missing; expected a complete file")
            self._options[key] = values
        return self._options[key]


def with_values(options: Any, values: Mapping[str, Any]) -> Any:
    """Return a dataclass with some values replaced, those of nested dataclasses by mappings."""
    replaced: dict[str, Any] = {}
    types = {field.name: type(getattr(options, field.name)) for field in fields(options)}
    for name, value in values.items():
        current = getattr(options, name)
        if is_dataclass(current):
            replaced[name] = with_values(current, value)
        else:
            replaced[name] = types[name](value)
    return replace(options, **replaced)


def _reason(problem: Problem) -> str:
    """Return what is wrong, without what was expected where the option itself is wrong."""
    key, text = problem
    if key == "quantize":
        return text.partition(";")[0]
    name = key.rpartition(".")[2]
    return f"{name} {text.replace('; ', ', ')}"
