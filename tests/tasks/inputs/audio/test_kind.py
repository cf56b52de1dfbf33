"""Sounds as a kind of input: the contract, golden vectors, and options that cannot be."""

from typing import Any

import numpy as np
import pytest

from edgebake.recipe import Data, DataInput, Model, Recipe, Task
from edgebake.tasks import contract
from edgebake.tasks.inputs.audio import INPUT
from edgebake.tasks.inputs.audio.mel import mel_matrix
from edgebake.tasks.inputs.audio.options import MAX_SAMPLES, AudioOptions, problems
from edgebake.tasks.options import ContractOptions
from tests.sounds import tone

LABELS = ["no", "yes"]


def _options(**options: Any) -> ContractOptions:
    data = Data(source="espeak", input=DataInput("audio", options))
    return ContractOptions(data, Model(), Task())


def test_the_contract_has_every_number_that_an_app_needs() -> None:
    spec = INPUT.contract_input(_options(mean=-3.0, scale=0.25))
    assert spec.tensor.shape == (49, 40, 1)
    assert spec.steps == (
        {"step": "sound", "rate": 16000, "channels": 1, "format": "pcm16"},
        {"step": "clip", "samples": 16000, "hop": 8000, "short": "zeros_behind"},
        {"step": "scale", "by": 1 / 32768},
        {"step": "frames", "length": 480, "hop": 320, "centred": False},
        {"step": "window", "shape": "hann", "periodic": True},
        {"step": "power_spectrum", "fft": 512},
        {"step": "matrix", "file": "mel", "rows": 257, "columns": 40},
        {"step": "log", "base": "e", "plus": 1e-6},
        {"step": "normalize", "mean": -3.0, "scale": 0.25},
    )
    assert np.array_equal(spec.numbers["mel"], mel_matrix(16000, 512, 40, 20, 7600))


def test_a_contract_read_from_its_file_prepares_the_same_tensors() -> None:
    written = contract.from_recipe(_options(), LABELS)
    read = contract.from_json(written.to_json())
    sounds = [tone(1600), tone(16000)]
    prepared = written.prepare({"audio": sounds})["audio"]
    assert prepared.shape == (2, 49, 40, 1)
    assert prepared.dtype == np.float32
    assert np.array_equal(read.prepare({"audio": sounds})["audio"], prepared)


def test_silence_is_the_normalized_logarithm_of_what_is_added() -> None:
    spec = contract.from_recipe(_options(mean=-3.0, scale=0.25), LABELS)
    silence = spec.prepare({"audio": [np.zeros(16000, np.int16)]})["audio"]
    # (ln 1e-6 + 3) / 4 = (-13.8155 + 3) / 4
    assert silence == pytest.approx(np.full((1, 49, 40, 1), -2.70388), abs=1e-4)


def test_a_sound_that_is_longer_than_a_clip_cannot_be_used() -> None:
    data = _options().data
    assert INPUT.check_raw(tone(16000), data) is None
    expected = "expected at most 16,000, 1 s: cut it"
    assert INPUT.check_raw(tone(24000), data) == f"has 24,000 samples; {expected}"
    floats = np.zeros((4, 2), np.float32)
    assert INPUT.check_raw(floats, data) == "is float32 [4, 2]; expected int16 [samples]"


def test_a_golden_vector_holds_the_samples_in_little_endian() -> None:
    assert INPUT.raw_form == "pcm16"
    assert INPUT.to_golden(np.array([1, -2], np.int16)) == b"\1\0\xfe\xff"
    assert INPUT.size(tone(30)) == 30


def test_sounds_of_the_same_samples_have_the_same_digest() -> None:
    assert INPUT.digest(tone(30)) == INPUT.digest(tone(30).copy())
    assert INPUT.digest(tone(30)) != INPUT.digest(tone(31))


def test_a_tensor_may_be_off_by_a_thousandth_of_a_nat_and_a_quantization_step() -> None:
    spec = INPUT.contract_input(_options(scale=0.25))
    assert INPUT.tolerance(spec, {"scale": None}) == pytest.approx(0.00025 * 1.01)
    assert INPUT.tolerance(spec, {"scale": 0.04}) == pytest.approx(0.04 + 0.00025 * 1.01)


def test_model_files_say_what_they_hear() -> None:
    spec = INPUT.contract_input(_options())
    form = "as logarithms of 40 mel bands in 49 frames"
    assert INPUT.describe(spec) == f"1 s of sound at 16,000 Hz, {form}"


KEY = "data.input.options"


@pytest.mark.parametrize(
    ("options", "key", "problem"),
    [
        ({"rate": 0}, "rate", "0; expected 1 to 192,000"),
        ({"samples": MAX_SAMPLES + 1}, "samples", "1,920,001; expected 1 to 1,920,000"),
        ({"hop": 0}, "hop", "0; expected 1 to 1,920,000"),
        ({"frame_hop": 0}, "frame_hop", "0; expected 1 to 16,000"),
        ({"fft": 256}, "fft", "256; expected 480 to 8,192"),
        ({"fft": 600}, "fft", "600; expected a power of two"),
        ({"log_plus": 0.0}, "log_plus", "0; expected more than 0"),
        ({"scale": -1.0}, "scale", "-1; expected more than 0"),
        (
            {"highest_hz": 9000.0},
            "highest_hz",
            "the bands span 20 to 9000 Hz; expected a range within 0 to 8000, half of the rate",
        ),
        (
            {"highest_hz": 600.0},
            "bands",
            "40, of which 4 lie between the frequencies of the spectrum, 31.25 Hz apart; "
            "expected fewer, or a longer fft",
        ),
    ],
)
def test_options_that_make_no_input_are_problems(
    options: dict[str, Any], key: str, problem: str
) -> None:
    assert list(problems(AudioOptions(**options))) == [(f"{KEY}.{key}", problem)]


def test_a_recipe_of_sounds_is_checked() -> None:
    recipe = Recipe()
    recipe.data.input = DataInput("audio", {"fft": 600})
    assert list(INPUT.check(recipe)) == [(f"{KEY}.fft", "600; expected a power of two")]
