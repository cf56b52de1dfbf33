"""What the tables of the delegates say, whose they are, and how a placement reads."""

from itertools import pairwise, product

import numpy as np
import pytest

from edgebake import plugins
from edgebake.recipe import Accelerator, Platform
from edgebake.runtimes.delegates import table
from edgebake.runtimes.delegates.table import FOLDER, Delegate, find_delegate
from edgebake.runtimes.litert.workload import workload
from edgebake.runtimes.placement import Placement
from tests import placements
from tests.runtimes.litert.programs import Op, files

ALL = table._all_delegates()


def network(answer: Op) -> dict[str, bytes]:
    """Return a dense layer of 12 multiply-accumulates and what follows it."""
    dense = Op("FULLY_CONNECTED", ["image", "weights"], "logits", "FullyConnectedOptions")
    live = {name: ("float32", [1, 2]) for name in ("logits", answer.output)}
    live["image"] = ("float32", [1, 6])
    return files([dense, answer], live, {"weights": np.ones((2, 6), np.float32)})


SOFTMAX = Op("SOFTMAX", ["logits"], "probabilities", "SoftmaxOptions", {"beta": 1.0})


def test_there_are_tables_to_look_at() -> None:
    assert len(ALL) == len(list(FOLDER.glob("*.yaml"))) == 6


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_table_names_its_source_and_the_words_of_recipes(one: Delegate) -> None:
    assert one.source
    assert (
        ".com/" in one.source
        or ".io/" in one.source
        or " at " in one.source
        or "installed" in one.source
    )
    assert one.runtime in plugins.options("convert.runtime")
    assert one.name.startswith(f"{one.runtime}_")
    assert one.accelerators
    assert set(one.accelerators) <= {word.value for word in Accelerator} - {"cpu"}
    assert one.platforms
    assert set(one.platforms) <= {word.value for word in Platform}


@pytest.mark.parametrize(
    ("runtime", "platform", "accelerator"),
    product(
        ("litert", "onnxruntime", "coreml"),
        ("android", "ios", "linux"),
        ("gpu", "npu", "neural_engine"),
    ),
)
def test_no_two_delegates_answer_for_the_same_accelerator(
    runtime: str, platform: str, accelerator: str
) -> None:
    fits = [
        entry
        for entry in ALL
        if entry.runtime == runtime
        and platform in entry.platforms
        and accelerator in entry.accelerators
    ]
    assert len(fits) <= 1


def test_a_delegate_for_some_chips_serves_devices_that_have_no_others() -> None:
    def served(*soc: str) -> bool:
        return find_delegate("litert", "android", "npu", list(soc)) is not None

    assert served("Tensor G3")
    assert served("Tensor G3", "Tensor G4")
    assert not served("Tensor G3", "Exynos 850")
    assert not served("Exynos 850")
    assert not served()


def test_the_cpu_runs_everything_and_an_accelerator_that_nothing_reaches_is_left_out() -> None:
    predicted = placements.predict("litert", network(SOFTMAX), "linux", ["npu", "gpu", "cpu"], [])
    assert predicted == [Placement("cpu", "", 1.0, 1.0, "", "", "the runtime's own kernels")]


def test_the_order_is_that_of_the_device() -> None:
    predicted = placements.predict(
        "litert", network(SOFTMAX), "android", ["npu", "gpu", "cpu"], ["Tensor G3"]
    )
    assert [(entry.accelerator, entry.delegate) for entry in predicted] == [
        ("npu", "litert_google_tensor"),
        ("gpu", "litert_gpu"),
        ("cpu", ""),
    ]
    assert {(entry.operators, entry.macs, entry.first_off) for entry in predicted} == {
        (1.0, 1.0, "")
    }


def test_one_unsupported_operator_keeps_a_whole_file_off_the_gpu() -> None:
    (placement,) = placements.predict(
        "litert", network(Op("SQUEEZE", ["logits"], "out")), "android", ["gpu"], []
    )
    assert (placement.operators, placement.macs) == (0.0, 0.0)
    assert placement.whole_file
    assert placement.first_off == "operator 2 of 2: litert_gpu does not run SQUEEZE"
    assert placement.hint == "use a reshape to a fixed shape"
    assert placement.source.startswith(
        "google-ai-edge/LiteRT, tflite/tools/versioning/gpu_compatibility.cc at "
    )


def test_twelve_convolutions_and_a_log_softmax_are_all_on_the_cpu() -> None:
    # LiteRT 2.3.0's accelerator on Linux: "12 operations will run on the GPU, and the remaining 1
    # operations will run on the CPU", and CompiledModel with the GPU alone is not created.
    shape = [1, 8, 8, 4]
    names = ["image", *(f"features_{number}" for number in range(12))]
    layers = []
    for before, after in pairwise(names):
        strides = {"strideH": 1, "strideW": 1}
        layers.append(Op("CONV_2D", [before, "weights"], after, "Conv2DOptions", strides))
    end = Op("LOG_SOFTMAX", [names[-1]], "out")
    weights = {"weights": np.ones((4, 3, 3, 4), np.float32)}
    live = dict.fromkeys((*names, "out"), ("float32", shape))
    content = files([*layers, end], live, weights)
    (placement,) = placements.predict("litert", content, "android", ["gpu"], [])
    assert (placement.operators, placement.macs) == (0.0, 0.0)
    assert placement.first_off == "operator 13 of 13: litert_gpu does not run LOG_SOFTMAX"
    without = files(layers, {name: live[name] for name in names}, weights)
    (placement,) = placements.predict("litert", without, "android", ["gpu"], [])
    assert (placement.operators, placement.macs) == (1.0, 1.0)


def test_only_litert_takes_files_wholly_or_not_at_all() -> None:
    assert {one.name: one.whole_file for one in ALL} == {
        "coreml_gpu": False,
        "coreml_neural_engine": False,
        "litert_google_tensor": True,
        "litert_gpu": True,
        "onnxruntime_coreml": False,
        "onnxruntime_nnapi": False,
    }


def test_a_file_that_multiplies_nothing_is_placed_whole() -> None:
    content = files(
        [Op("RELU", ["image"], "out")],
        {"image": ("float32", [1, 2]), "out": ("float32", [1, 2])},
        {},
    )
    assert workload(content).macs == 0
    (placement,) = placements.predict("litert", content, "android", ["gpu"], [])
    assert (placement.operators, placement.macs) == (1.0, 1.0)
