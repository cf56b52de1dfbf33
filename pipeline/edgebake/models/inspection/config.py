"""The config of a Keras model in, its layers along the way from image to answer out. Nothing is made of it."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from edgebake.models.inspection import affine
from edgebake.models.inspection.affine import Step
from edgebake.models.inspection.model_info import LOGITS, TensorInfo

Layer = dict[str, Any]

MODELS = ("Functional", "Sequential", "Model")
PASSING = (
    "Reshape",
    "Flatten",
    "Dropout",
    "Identity",
    "Activation",
    "Softmax",
    "BatchNormalization",
    "ReLU",
)
INERT = ("InputLayer", "Resizing", "CenterCrop", "Identity", "Dropout", "GaussianNoise")
# What TensorFlow and Keras call the same arithmetic.
DIVIDE, MULTIPLY, ADD, SUBTRACT = (
    ("truediv", "truedivide", "divide"),
    ("multiply", "mul"),
    ("add",),
    ("subtract", "sub"),
)


def is_model(layer: Layer) -> bool:
    """Return whether a layer is a model whose own layers the config lists."""
    return layer["class_name"] in MODELS


def layers(model: Layer) -> list[Layer]:
    """Return the layers of a model; before Keras 2.3 the config of a Sequential was a list."""
    config = model["config"]
    found: list[Layer] = config if isinstance(config, list) else config["layers"]
    return found


def kinds(model: Layer) -> Counter[str]:
    """Count the layers of a model, and of the models within it, by kind."""
    found: Counter[str] = Counter()
    for layer in layers(model):
        found += kinds(layer) if is_model(layer) else Counter([str(layer["class_name"])])
    del found["InputLayer"]
    return found


def backwards(model: Layer) -> Iterator[Layer]:
    """Yield the layers from the answer to the image; where several come together, along the first."""
    named = {_name(layer): layer for layer in layers(model)}
    order = list(named)
    name: str | None = (
        order[-1]
        if model["class_name"] == "Sequential"
        else _first(model["config"]["output_layers"])
    )
    while name in named:
        layer = named.pop(name)
        yield from backwards(layer) if is_model(layer) else [layer]
        before = order[: order.index(name)][-1:]
        name = (
            next(iter(before), None)
            if model["class_name"] == "Sequential"
            else _first(layer.get("inbound_nodes"))
        )


def inputs(model: Layer) -> tuple[TensorInfo, ...]:
    """Return what goes in; nothing where the model does not say it."""
    config = model["config"]
    if model["class_name"] != "Sequential":
        names = _references(config["input_layers"])
        named = {_name(layer): layer for layer in layers(model)}
        return tuple(_end(named[name]) for name in names if name in named)
    first = layers(model)[0]
    if is_model(first):
        return inputs(first)
    if _shape(first) is None and isinstance(config, dict) and config.get("build_input_shape"):
        first = {**first, "config": {**first["config"], "batch_shape": config["build_input_shape"]}}
    return (_end(first),) if _shape(first) else ()


def outputs(model: Layer) -> tuple[TensorInfo, ...]:
    """Return what comes out; how many numbers, as far as the last layers say it."""
    names = (
        [] if model["class_name"] == "Sequential" else _references(model["config"]["output_layers"])
    )
    name = _name(next(backwards(model)))
    classes = next(
        (units for layer in backwards(model) if (units := _units(layer)) is not None), -1
    )
    ends = names or [name]
    return tuple(
        TensorInfo(one, (None, classes if classes > 0 else None), "float32") for one in ends
    )


def activation(model: Layer) -> str | None:
    """Return the activation at the end; None where it cannot be told."""
    for layer in backwards(model):
        kind, said = layer["class_name"], layer["config"].get("activation")
        if kind in ("Reshape", "Flatten", "Dropout", "Identity") or (
            kind == "Activation" and _word(said) == LOGITS
        ):
            continue
        if kind in ("Softmax", "Sigmoid"):
            return str(kind.lower())
        if said is None:
            return LOGITS if kind.startswith("GlobalAverage") else None
        return _word(said)
    return None


def steps(model: Layer) -> list[Step | str]:
    """Return what happens to the image first, arithmetic as steps, all else by name."""
    found: list[Step | str] = []
    for layer in reversed(list(backwards(model))):
        kind = layer["class_name"]
        step = _step(layer)
        if step is not None:
            found.append(step)
        elif kind == "Normalization":
            found.append(f"{_name(layer)}: Normalization by values that lie among its weights")
        elif kind in ("Resizing", "CenterCrop") or kind.startswith("Random"):
            found.append(f"{_name(layer)}: {kind}")
        elif kind not in INERT:
            break
    return found


def _step(layer: Layer) -> Step | None:
    kind, config, name = layer["class_name"], layer["config"], _name(layer)
    if kind == "Rescaling" and _numbers(config["scale"]):
        return Step(
            _numbers(config["scale"]), _numbers(config.get("offset", 0.0)), f"{name}: Rescaling"
        )
    if kind == "Normalization":
        mean, variance = _numbers(config.get("mean")), _numbers(config.get("variance"))
        return affine.normalized(mean, variance, f"{name}: Normalization")
    function = re.sub(r"[_.]", " ", str(config.get("function", kind))).split()[-1].lower()
    values = _constant(layer.get("inbound_nodes"))
    if not values:
        return None
    if function in DIVIDE:
        return affine.divided(values, f"{name}: divide")
    if function in MULTIPLY:
        return Step(values, name=f"{name}: multiply")
    signs = {**dict.fromkeys(ADD, 1), **dict.fromkeys(SUBTRACT, -1)}
    return (
        Step(offset=tuple(signs[function] * one for one in values), name=name)
        if function in signs
        else None
    )


def _constant(nodes: Any) -> tuple[float, ...]:
    """Return what a layer of arithmetic is called with beside its tensor."""
    if not isinstance(nodes, list) or len(nodes) != 1:
        return ()
    if isinstance(nodes[0], dict):
        rest = nodes[0]["args"][1:]
        return _numbers(rest[0]) if len(rest) == 1 else ()
    call = nodes[0] if nodes[0] and isinstance(nodes[0][0], str) else (nodes[0] or [None])[0]
    return (
        _numbers(call[3].get("y")) if isinstance(call, list) and len(call) > 3 and call[3] else ()
    )


def _numbers(value: Any) -> tuple[float, ...]:
    """Return a number or a list of them, however deep it lies."""
    if isinstance(value, dict):
        return _numbers(value.get("config", {}).get("value", value.get("value")))
    if isinstance(value, list):
        return tuple(number for item in value for number in _numbers(item))
    return (float(value),) if isinstance(value, int | float) and not isinstance(value, bool) else ()


def _name(layer: Layer) -> str:
    config = layer["config"]
    return str(
        layer.get("name")
        or (config.get("name") if isinstance(config, dict) else "")
        or layer["class_name"]
    )


def _word(value: Any) -> str | None:
    """Return the name of an activation, which Keras writes as a text or as an object."""
    if isinstance(value, dict):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name")
    return str(value).lower() if value else None


def _shape(layer: Layer) -> Any:
    return layer["config"].get("batch_shape") or layer["config"].get("batch_input_shape")


def _end(layer: Layer) -> TensorInfo:
    dtype = layer["config"].get("dtype", "float32")
    return TensorInfo(
        _name(layer), tuple(_shape(layer) or ()), dtype if isinstance(dtype, str) else "float32"
    )


def _units(layer: Layer) -> int | None:
    """Return how many numbers a layer puts out per place: None where those before it decide, -1 where none can say."""
    kind, config = layer["class_name"], layer["config"]
    if kind == "Reshape":
        size = config["target_shape"][-1]
        return size if size and size > 0 else None
    for word in ("units", "filters"):
        if isinstance(config.get(word), int):
            return int(config[word])
    return None if kind in PASSING or "Pooling" in kind else -1


def _references(value: Any) -> list[str]:
    """Return the names of the layers that a part of a config refers to, in order."""
    if isinstance(value, dict):
        history = (
            value.get("config", {}).get("keras_history")
            if value.get("class_name") == "__keras_tensor__"
            else None
        )
        return (
            [history[0]]
            if history
            else [name for item in value.values() for name in _references(item)]
        )
    if not isinstance(value, list):
        return []
    if (
        len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(item, int) for item in value[1:3])
    ):
        return [value[0]]
    return [name for item in value for name in _references(item)]


def _first(value: Any) -> str | None:
    return next(iter(_references(value)), None)
