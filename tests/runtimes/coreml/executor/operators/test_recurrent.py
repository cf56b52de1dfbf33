"""Recurrent layers compared with their equations in NumPy, and worked out by hand."""

from collections.abc import Callable
from itertools import product

import numpy as np
import pytest

from tests.runtimes.coreml.checks import assert_computes, refusal
from tests.runtimes.coreml.programs import Argument, Array, real, text

LENGTH, BATCH, INPUTS, HIDDEN = 4, 2, 3, 5
ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "tanh": np.tanh,
    "scaled_tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "sigmoid_hard": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}
SIGMOID, TANH = ACTIVATIONS["sigmoid"], ACTIVATIONS["tanh"]
RANDOM = np.random.default_rng(7)


def _random(*shape: int) -> Array:
    return RANDOM.uniform(-1, 1, shape).astype(np.float32)


X, H, C = _random(LENGTH, BATCH, INPUTS), _random(BATCH, HIDDEN), _random(BATCH, HIDDEN)


def _weights(gates: int, suffix: str = "") -> dict[str, Array]:
    shapes = {
        "weight_ih": (gates * HIDDEN, INPUTS),
        "weight_hh": (gates * HIDDEN, HIDDEN),
        "bias": (gates * HIDDEN,),
    }
    return {name + suffix: _random(*shape) for name, shape in shapes.items()}


GRU, LSTM, BACK = _weights(3), _weights(4), _weights(4, "_back")
PEEPHOLE, PEEPHOLE_BACK = _random(3 * HIDDEN), _random(3 * HIDDEN)
STATES = {"initial_h": H, "initial_c": C}


def _same_in(direction: str, x: Array) -> Array:
    return x[::-1] if direction == "reverse" else x


def _sum(parameters: dict[str, Array], x: Array, h: Array, suffix: str = "") -> Array:
    total: Array = x @ parameters[f"weight_ih{suffix}"].T + h @ parameters[f"weight_hh{suffix}"].T
    return total + parameters.get(f"bias{suffix}", 0)


class _Lstm:
    """h and c step by step; what is not given is 0, or does not exist."""

    def __init__(
        self, parameters: dict[str, Array], peephole: Array | None = None, clip: float = np.inf
    ) -> None:
        self.parameters, self.clip = parameters, clip
        self.suffix = "_back" if "weight_ih_back" in parameters else ""
        self.peephole = np.split(np.zeros(3 * HIDDEN) if peephole is None else peephole, 3)
        self.gate, self.cell, self.out = SIGMOID, TANH, TANH

    def run(self, x: Array, h: Array = H, c: Array = C) -> tuple[Array, Array, Array]:
        every = []
        for step in x:
            i, f, o, z = np.split(_sum(self.parameters, step, h, self.suffix), 4, axis=1)
            i, f = self.gate(i + self.peephole[0] * c), self.gate(f + self.peephole[1] * c)
            c = np.clip(f * c + i * self.cell(z), -self.clip, self.clip)
            h = self.gate(o + self.peephole[2] * c) * self.out(c)
            every.append(h)
        return np.stack(every), h, c


def _gru(
    x: Array, gate: Callable[[Array], Array] = SIGMOID, out: Callable[[Array], Array] = TANH
) -> Array:
    """Return every state; the reset gate works on the state before the matrix does."""
    every, h = [], H
    weights = [np.split(GRU[name], 3) for name in ("weight_ih", "weight_hh", "bias")]
    (w_r, w_o, w_z), (r_r, r_o, r_z), (b_r, b_o, b_z) = weights
    for step in x:
        r, z = gate(step @ w_r.T + h @ r_r.T + b_r), gate(step @ w_z.T + h @ r_z.T + b_z)
        h = (1 - z) * out(step @ w_o.T + (r * h) @ r_o.T + b_o) + z * h
        every.append(h)
    return np.stack(every)


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        # 2 * 1 + 0.5 * 4 + 1 = 5, and 2 * 2 + 0.5 * 5 + 1 = 7.5
        ({"output_sequence": True}, [5.0, 7.5]),
        ({}, [7.5]),
        # 2 * 2 + 0.5 * 4 + 1 = 7, and 2 * 1 + 0.5 * 7 + 1 = 6.5
        ({"output_sequence": True, "direction": text("reverse")}, [7.0, 6.5]),
        ({"direction": text("reverse")}, [6.5]),
    ],
)
def test_rnn_by_hand(parameters: dict[str, Argument], expected: list[float]) -> None:
    fed = {"x": [[[1.0]], [[2.0]]], "initial_h": [[4.0]]}
    layer: dict[str, Argument] = {
        "weight_ih": [[2.0]],
        "weight_hh": [[0.5]],
        "bias": [1.0],
        "activation": text("linear"),
    }
    assert_computes(
        "rnn", fed, layer | parameters, np.reshape(expected, (-1, 1, 1)), [expected[-1:]]
    )


@pytest.mark.parametrize(("name", "activation"), ACTIVATIONS.items())
def test_rnn_with_each_activation(name: str, activation: Callable[[Array], Array]) -> None:
    layer = {"weight_ih": 4 * _random(HIDDEN, INPUTS), "weight_hh": _random(HIDDEN, HIDDEN)}
    expected, h = [], H
    for step in X:
        h = activation(_sum(layer, step, h))
        expected.append(h)
    parameters: dict[str, Argument] = {**layer, "activation": text(name), "output_sequence": True}
    assert_computes("rnn", {"x": X, "initial_h": H}, parameters, np.stack(expected), h)


def test_where_nothing_is_said_rnn_has_no_bias_and_takes_tanh_of_the_last_state() -> None:
    layer = {"weight_ih": _random(HIDDEN, INPUTS), "weight_hh": _random(HIDDEN, HIDDEN)}
    h = TANH(_sum(layer, X[1], TANH(_sum(layer, X[0], H))))
    assert_computes("rnn", {"x": X[:2], "initial_h": H}, {**layer}, h[None], h)


@pytest.mark.parametrize(("direction", "sequence"), product(("forward", "reverse"), (True, False)))
def test_gru_resets_the_state_before_the_matrix(direction: str, sequence: bool) -> None:
    expected = _gru(_same_in(direction, X)).astype(np.float32)
    parameters: dict[str, Argument] = {
        **GRU,
        "direction": text(direction),
        "output_sequence": sequence,
    }
    assert_computes(
        "gru",
        {"x": X, "initial_h": H},
        parameters,
        expected if sequence else expected[-1:],
        expected[-1],
    )


def test_gru_with_other_activations() -> None:
    expected = _gru(X, ACTIVATIONS["hard_sigmoid"], ACTIVATIONS["linear"]).astype(np.float32)
    parameters: dict[str, Argument] = {
        **GRU,
        "recurrent_activation": text("hard_sigmoid"),
        "activation": text("linear"),
    }
    assert_computes("gru", {"x": X, "initial_h": H}, parameters, expected[-1:], expected[-1])


def test_gru_that_resets_after_the_matrix_resets_the_bias_of_the_state_too() -> None:
    # Gates in the order r, o, z: r = sigmoid(0) = 0.5, z = 0, o = 3 + 10 + 0.5 (2 * 4 + 1) = 17.5.
    layer: dict[str, Argument] = {
        "weight_ih": [[0.0], [1.0], [0.0]],
        "weight_hh": [[0.0], [2.0], [0.0]],
    }
    layer |= {
        "bias": [0.0, 1.0, -1e4],
        "input_bias": [0.0, 10.0, 0.0],
        "activation": text("linear"),
    }
    fed = {"x": [[[3.0]]], "initial_h": [[4.0]]}
    assert_computes("gru", fed, layer | {"reset_after": True}, [[[17.5]]], [[17.5]])
    # Without it o = 3 + 10 + 2 (0.5 * 4) + 1 = 18.
    assert_computes("gru", fed, layer, [[[18.0]]], [[18.0]])


def test_lstm_by_hand() -> None:
    # Gates in the order i, f, o, z with linear activations: i = 1, f = 2, o = 3, z = 4.
    layer: dict[str, Argument] = {
        "weight_ih": [[1.0], [2.0], [3.0], [4.0]],
        "weight_hh": np.zeros((4, 1), np.float32),
    }
    layer |= {
        word: text("linear") for word in ("recurrent_activation", "cell_activation", "activation")
    }
    fed = {"x": [[[1.0]]], "initial_h": [[0.0]], "initial_c": [[5.0]]}
    # c = 2 * 5 + 1 * 4 = 14 and h = 3 * 14.
    assert_computes("lstm", fed, layer, [[[42.0]]], [[42.0]], [[14.0]])
    # The clipped cell is the one that goes on: h = 3 * 6.
    assert_computes("lstm", fed, layer | {"clip": 6.0}, [[[18.0]]], [[18.0]], [[6.0]])
    # i = 1 + 0.1 * 5, f = 2 + 0.2 * 5, c = 3 * 5 + 1.5 * 4 = 21.
    # o reads the new cell: 3 + 0.3 * 21 = 9.3.
    assert_computes(
        "lstm", fed, layer | {"peephole": [0.1, 0.2, 0.3]}, [[[195.3]]], [[195.3]], [[21.0]]
    )


@pytest.mark.parametrize(("direction", "sequence"), product(("forward", "reverse"), (True, False)))
@pytest.mark.parametrize("peephole", [None, PEEPHOLE])
@pytest.mark.parametrize("clip", [None, 0.2])
def test_lstm_in_one_direction(
    direction: str, sequence: bool, peephole: Array | None, clip: float | None
) -> None:
    every, h, c = _Lstm(LSTM, peephole, clip or np.inf).run(_same_in(direction, X))
    parameters: dict[str, Argument] = {
        **LSTM,
        "direction": text(direction),
        "output_sequence": sequence,
    }
    parameters |= {} if peephole is None else {"peephole": peephole}
    parameters |= {} if clip is None else {"clip": clip}
    expected = [value.astype(np.float32) for value in (every if sequence else h[None], h, c)]
    assert_computes("lstm", {"x": X, **STATES}, parameters, *expected)


@pytest.mark.parametrize("sequence", [True, False])
@pytest.mark.parametrize("peephole", [None, PEEPHOLE_BACK])
@pytest.mark.parametrize("clip", [None, 0.2])
def test_lstm_in_both_directions(
    sequence: bool, peephole: Array | None, clip: float | None
) -> None:
    # States of the way back stand at the place that they have seen last.
    limit, fed = (
        clip or np.inf,
        {name: np.concatenate([state, -state], axis=1) for name, state in STATES.items()},
    )
    there, back = _Lstm(LSTM, clip=limit).run(X), _Lstm(BACK, peephole, limit).run(X[::-1], -H, -C)
    every = np.concatenate([there[0], back[0][::-1]], axis=2)
    h, c = (np.concatenate([there[number], back[number]], axis=1) for number in (1, 2))
    parameters: dict[str, Argument] = {
        **LSTM,
        **BACK,
        "direction": text("bidirectional"),
        "output_sequence": sequence,
    }
    parameters |= {} if peephole is None else {"peephole_back": peephole}
    parameters |= {} if clip is None else {"clip": clip}
    expected = [value.astype(np.float32) for value in (every if sequence else h[None], h, c)]
    assert_computes("lstm", {"x": X, **fed}, parameters, *expected)


@pytest.mark.parametrize("clip", [None, 0.2])
@pytest.mark.parametrize(
    ("gate", "cell", "out"),
    [("hard_sigmoid", "linear", "relu"), ("tanh", "hard_sigmoid", "linear")],
)
def test_lstm_with_other_activations(gate: str, cell: str, out: str, clip: float | None) -> None:
    layer = _Lstm(
        {name: value for name, value in LSTM.items() if name != "bias"}, clip=clip or np.inf
    )
    layer.gate, layer.cell, layer.out = (ACTIVATIONS[name] for name in (gate, cell, out))
    names = {
        "recurrent_activation": text(gate),
        "cell_activation": text(cell),
        "activation": text(out),
    }
    every, h, c = (value.astype(np.float32) for value in layer.run(X))
    parameters: dict[str, Argument] = {**layer.parameters, **names, "output_sequence": True}
    parameters |= {} if clip is None else {"clip": clip}
    assert_computes("lstm", {"x": X, **STATES}, parameters, every, h, c)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"activation": text("gelu")}, "activation gelu"),
        ({"cell_activation": text("gelu"), "clip": 1.0}, "cell_activation gelu"),
        ({"direction": text("backward")}, "direction backward"),
    ],
)
def test_what_is_not_documented_is_refused(parameters: dict[str, Argument], reason: str) -> None:
    outputs = real(1, BATCH, HIDDEN), real(BATCH, HIDDEN), real(BATCH, HIDDEN)
    assert refusal("lstm", {"x": X, **STATES}, {**LSTM, **parameters}, *outputs) == reason
