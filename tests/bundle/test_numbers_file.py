"""Large constants of steps: their bytes, their path, and the step that names them."""

import numpy as np

from edgebake.bundle import manifest, numbers_file
from edgebake.bundle.trust import bundle_diff
from edgebake.tasks.tensors import ContractInput, TensorSpec

MATRIX = np.array([[1.0, 2.0], [0.5, -1.0]], np.float32)
SPEC = ContractInput("audio", "audio", TensorSpec("audio", (4,), "float32"), (), {"mel": MATRIX})
PATH = "models/words-int8.audio.mel.f32"


def test_rows_follow_each_other_as_little_endian_floats() -> None:
    # 1, 2, 0.5 and -1 as IEEE 754: sign, exponent 127 + 0, + 1, - 1 and + 0.
    written = bytes.fromhex("0000803f 00000040 0000003f 000080bf")
    assert numbers_file.render([SPEC], "words-int8") == {PATH: written}


def test_a_step_names_the_file() -> None:
    step = {"step": "matrix", "file": "mel", "rows": 2, "columns": 2}
    assert numbers_file.name_file(step, "words-int8", SPEC) == {**step, "file": PATH}
    other = {"step": "log", "base": "e", "plus": 1.0}
    assert numbers_file.name_file(other, "words-int8", SPEC) == other


def test_the_file_is_no_part_of_the_model_which_alone_is_encrypted() -> None:
    assert not manifest.belongs_to(PATH, "models/words-int8.tflite")
    assert not manifest.belongs_to(PATH, "models/words-int8.mlpackage")


def test_a_difference_is_said_by_its_byte() -> None:
    ours = numbers_file.render([SPEC], "words-int8")
    theirs = {PATH: ours[PATH][:-1] + b"\x3f"}
    assert bundle_diff.differences(ours, theirs) == [
        f"{PATH}: byte 15 is the first to differ, ours has 16 bytes, theirs 16"
    ]
