"""A kind of input, a source, an architecture and a task of a project: levels of a sensor."""

KIND = '''\
"""Levels of a sensor [steps], whole numbers of 0 to 9."""

from dataclasses import dataclass

import numpy as np

from edgebake.recipe import plugin_options
from edgebake.tasks.tensors import ContractInput, TensorSpec
from plugins.inputs.levels.steps import STEPS


@dataclass
class Options:
    """Options of levels."""

    # Number of steps.
    length: int
    # float32 for levels of 0 to 1, int32 for ids.
    dtype: str = "float32"


class Levels:
    raw_form = "int32"
    tools = ("numpy",)
    options = Options
    steps = STEPS
    augments_pixels = False

    def check(self, recipe):
        options = plugin_options.typed(recipe.data.input.options, Options, "data.input.options")
        if options.length < 1:
            yield "data.input.options.length", f"{options.length}; expected 1 or more"

    def contract_input(self, options):
        own = plugin_options.typed(options.data.input.options, Options, "data.input.options")
        highest = 9 if own.dtype == "int32" else None
        tensor = TensorSpec("levels", (own.length,), own.dtype, highest)
        steps = ({"step": "levels.shorten", "length": own.length},)
        if own.dtype == "float32":
            steps = (*steps, {"step": "levels.divide", "by": 9.0})
        return ContractInput("levels", "levels", tensor, steps)

    def steps_to_cache(self, spec):
        return ()

    def check_raw(self, raw, data):
        return None if np.max(raw) <= 9 else "a level above 9"

    def digest(self, raw):
        return np.asarray(raw, "<i4").tobytes()

    def size(self, raw):
        return len(raw)

    def to_golden(self, raw):
        return np.asarray(raw, "<i4").tobytes()

    def tolerance(self, spec, tensor):
        return 0.0 if spec.tensor.dtype == "int32" else 1e-6

    def takes_raw(self, dtype):
        return False

    def published(self, spec, convert):
        return list(spec.steps)

    def describe(self, spec):
        return "levels of a sensor"

    def app_code(self):
        return {}


INPUT = Levels()
'''
STEPS = '''\
"""Steps from levels to the model's input."""

import numpy as np


def shorten(step, levels, _):
    return np.asarray(levels[: step["length"]], np.int32)


def divide(step, levels, _):
    return levels.astype(np.float32) / np.float32(step["by"])


STEPS = {"levels.shorten": shorten, "levels.divide": divide}
'''
SOURCE = '''\
"""Levels that rise or fall."""

from dataclasses import dataclass

import numpy as np

from edgebake.data.dataset import Examples
from edgebake.data.lazy import LazySequence
from edgebake.recipe import plugin_options

KIND = "levels"
TOOLS = ("numpy",)


@dataclass
class Options:
    """Options of ramps."""

    # Number of examples.
    count: int


def count(data):
    return {"": _options(data).count}


def columns(data):
    return []


def load(data):
    total = _options(data).count
    labels = np.arange(total) % 2

    def read(number):
        noise = np.random.default_rng(number).integers(0, 4, 10)
        ramp = np.arange(10) * 6 // 9
        return (ramp if labels[number] else ramp[::-1]) + noise

    return Examples(LazySequence(total, read), labels, ["falls", "rises"])


def _options(data):
    return plugin_options.typed(data.source_options, Options, "data.source_options")
'''
ARCHITECTURE = '''\
"""One hidden layer; ids are embedded first."""

KINDS = ("levels",)


def build(model, contract):
    import keras

    tensor = contract.single_input.tensor
    levels = keras.Input(tensor.shape, dtype=tensor.dtype, name=tensor.name)
    x = levels
    if tensor.dtype == "int32":
        x = keras.layers.Embedding(tensor.highest + 1, 4)(x)
        x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(16, activation="relu")(x)
    x = keras.layers.Dense(len(contract.labels), activation="softmax", name="probabilities")(x)
    return keras.Model(levels, x)
'''
TASK = '''\
"""Whether levels rise: a classification that is judged by macro F1."""

import numpy as np

from edgebake.tasks.metric import share_metric
from edgebake.tasks.outputs.classification import MACRO_F1, Classification


def _surely_right(outputs, truths):
    (probabilities,) = outputs.values()
    of_label = probabilities[np.arange(len(truths)), truths]
    return of_label >= 0.8


SURELY_RIGHT = share_metric(
    "surely_right", "share of examples whose label has a probability of 0.8 or more", _surely_right
)


class Rising(Classification):
    METRICS = (MACRO_F1, SURELY_RIGHT)


TASK = Rising()
'''
DATA = """\
source: ramps
path: data.txt
origin: { name: Ramps, author: The authors of ramps, license: CC0-1.0, source: plugins }
input: { kind: levels, options: { length: 8, dtype: DTYPE } }
source_options: { count: 120 }
seed: 0
splits: { by: seed, train: 0.5, calibration: 0.1, validation: 0.2, test: 0.2 }
on_corrupt: stop
"""
TARGET = """\
# @package _global_
defaults:
  - override /device: {device}
  - override /data: ramps
  - override /task: {task}
  - override /model: one_layer
  - override /quantize: {quantize}
  - override /validate: untimed

train: {{ epochs: 15, batch_size: 8 }}
validate:
  budget:
    accuracy: {{ at_least: 0.5, inconclusive: passes }}
    accuracy_drop: {{ inconclusive: passes }}
    class_accuracy: {{ at_least: 0.3, inconclusive: passes }}
    parity: {{ at_least: 0.5, inconclusive: passes }}
    parity_difference: {{ at_most: 1, required: false }}
"""
OWN_METRICS = """\
    metrics:
      surely_right: { at_least: 0.1, required: true, inconclusive: passes }
      surely_right_drop: { at_most: 0.5, required: true, inconclusive: passes }
"""
RELEASE = """\
name: levels
version: 0.1.0
author: The authors of ramps
license: Apache-2.0
description: Tells whether levels rise.
card: { intended_use: [Trying out edgebake.], limits: [It has seen ramps alone.] }
licenses: { allow: [Apache-2.0, CC0-1.0, MIT], review: [], deny: [] }
signature: null
encryption_key: null
targets: [small, any]
"""


def files(dtype: str, task: str) -> dict[str, str]:
    """Return the files of a project whose model takes levels as float32, or as ids."""
    small = TARGET.format(device="raspberry_pi_5", quantize="int8", task=task)
    if task == "rising":
        small += OWN_METRICS
    return {
        "data.txt": "",
        "plugins/inputs/levels/__init__.py": KIND,
        "plugins/inputs/levels/steps.py": STEPS,
        "plugins/sources/ramps.py": SOURCE,
        "plugins/architectures/one_layer.py": ARCHITECTURE,
        "recipes/data/ramps.yaml": DATA.replace("DTYPE", dtype),
        "recipes/model/one_layer.yaml": (
            "{ architecture: one_layer, width_multiplier: 1.0, resolution: null, "
            "pretrained: null }\n"
        ),
        "plugins/tasks/rising.py": TASK,
        "recipes/task/rising.yaml": "{ output: rising, options: {} }\n",
        "recipes/target/small.yaml": small + "quantize: { calibration: { samples: 12 } }\n",
        "recipes/target/any.yaml": TARGET.format(device="linux_any", quantize="none", task=task),
        "recipes/release.yaml": RELEASE,
    }
