"""Samples fit the features of a bundle, parse in every combination, and name their release."""

import json
import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
import tree_sitter_kotlin
import tree_sitter_swift
from tree_sitter import Language, Node, Parser

from edgebake.bundle import samples
from tests.bundle import small, small2
from tests.bundle.small import Target

DIGITS = [str(digit) for digit in range(10)]
TARGETS = {
    "litert": Target(
        small.litert_model(), small.contract(labels=DIGITS), accelerators=("npu", "gpu", "cpu")
    ),
    "onnxruntime": Target(small.onnx_model(), small.contract()),
    "coreml": Target(
        small.core_ml_model(), small.contract(), accelerators=("neural_engine", "cpu")
    ),
}
RUNTIMES = {
    "android": [("litert",), ("onnxruntime",), ("litert", "onnxruntime")],
    "ios": [("coreml",), ("onnxruntime",), ("coreml", "onnxruntime")],
    "linux": [("onnxruntime",), ("litert",), ("litert", "onnxruntime")],
}
COMBINATIONS = [
    (platform, runtimes, encrypted)
    for platform, choices in RUNTIMES.items()
    for runtimes, encrypted in product(choices, (False, True))
]
PARSERS = {
    "kt": Parser(Language(tree_sitter_kotlin.language())),
    "swift": Parser(Language(tree_sitter_swift.language())),
}
FEATURES = [
    *("encrypted", "plain", "litert", "onnxruntime", "coreml", "android", "ios", "linux"),
    *("python", "streams", "image", "audio", "signal", "text"),
]
SHARED = {
    "android": [
        "AndroidDevice.kt",
        "BundleTest.kt",
        "Classifier.kt",
        "GoldenVectors.kt",
        "ImageSteps.kt",
        "ModelBundle.kt",
        "Pictures.kt",
        "Postprocessing.kt",
        "Preprocessing.kt",
    ],
    "ios": [
        "BundleTests.swift",
        "Classifier.swift",
        "GoldenVectors.swift",
        "ImageSteps.swift",
        "ModelBundle.swift",
        "Pictures.swift",
        "Postprocessing.swift",
        "Preprocessing.swift",
    ],
}


def _made(platform: str, runtimes: tuple[str, ...], encrypted: bool = False) -> dict[str, str]:
    files = small.bundle(platform, {name: TARGETS[name] for name in runtimes}, encrypted=encrypted)
    made = samples.render(json.loads(files["manifest.json"]), files)
    return {name: content.decode() for name, content in made.items()}


def _errors(node: Node) -> Iterator[str]:
    if node.is_error or node.is_missing:
        yield f"line {node.start_point.row + 1}: {(node.text or b'').decode()[:60]!r}"
    for child in node.children:
        yield from _errors(child)


@pytest.mark.parametrize(("platform", "runtimes", "encrypted"), COMBINATIONS)
def test_every_file_parses_whatever_the_bundle_holds(
    platform: str, runtimes: tuple[str, ...], encrypted: bool
) -> None:
    parsed = 0
    for name, text in _made(platform, runtimes, encrypted).items():
        parser = PARSERS.get(name.rpartition(".")[2])
        if parser:
            assert list(_errors(parser.parse(text.encode()).root_node)) == [], name
            parsed += 1
        if name.endswith(".py"):
            compile(text, name, "exec")
            parsed += 1
    assert parsed >= (1 if platform == "linux" else 6)


@pytest.mark.parametrize("platform", ["android", "ios", "linux"])
@pytest.mark.parametrize("kinds", [("audio",), ("signal",), ("text",), ("audio", "signal", "text")])
def test_every_kind_of_input_brings_code_that_parses(platform: str, kinds: tuple[str, ...]) -> None:
    files = small2.bundle(platform, *kinds)
    made = samples.render(json.loads(files["manifest.json"]), files)
    for name, content in made.items():
        text = content.decode()
        assert re.findall(r"@[A-Z]+@", text) == [], name
        parser = PARSERS.get(name.rpartition(".")[2])
        if parser:
            assert list(_errors(parser.parse(content).root_node)) == [], name
        if name.endswith(".py"):
            compile(text, name, "exec")
    steps = {name.partition("Steps.")[0].lower() for name in made if "Steps." in name}
    assert steps == (set() if platform == "linux" else set(kinds))
    assert "bitmap" not in made["README.md"].decode()


@pytest.mark.parametrize("language", PARSERS)
def test_a_parser_sees_a_slip(language: str) -> None:
    assert list(_errors(PARSERS[language].parse(b"class Broken { fun ) }").root_node))


@pytest.mark.parametrize(("platform", "runtimes", "encrypted"), COMBINATIONS)
def test_no_mark_and_no_word_of_the_templates_is_left(
    platform: str, runtimes: tuple[str, ...], encrypted: bool
) -> None:
    for name, text in _made(platform, runtimes, encrypted).items():
        assert re.findall(rf"</?(?:{'|'.join(FEATURES)})>", text) == [], name
        assert re.findall(r"@[A-Z]+@", text) == [], name


@pytest.mark.parametrize(
    ("platform", "runtimes", "encrypted", "more"),
    [
        ("android", ("litert",), False, ["LiteRtSession.kt", "classify.py"]),
        ("android", ("onnxruntime",), False, ["OnnxSession.kt", "classify.py"]),
        (
            "android",
            ("litert", "onnxruntime"),
            True,
            ["Decrypt.kt", "LiteRtSession.kt", "OnnxSession.kt", "classify.py"],
        ),
        ("ios", ("coreml",), False, ["CoreMLSession.swift"]),
        ("ios", ("onnxruntime",), True, ["Decrypt.swift", "OnnxSession.swift"]),
        ("linux", ("onnxruntime",), True, ["classify.py"]),
    ],
)
def test_a_bundle_gets_the_files_that_it_needs(
    platform: str, runtimes: tuple[str, ...], encrypted: bool, more: list[str]
) -> None:
    assert sorted(_made(platform, runtimes, encrypted)) == sorted(
        ["README.md", *SHARED.get(platform, []), *more]
    )


def test_an_app_gets_no_runtime_that_its_bundle_does_not_use() -> None:
    for name, text in _made("android", ("litert",)).items():
        assert "OnnxSession" not in text, name
        assert "onnxruntime-android" not in text, name
    assert "LiteRtSession" not in _made("android", ("onnxruntime",))["AndroidDevice.kt"]
    assert "CoreMLSession" not in _made("ios", ("onnxruntime",))["Classifier.swift"]
    assert "onnxruntime-swift-package-manager" not in _made("ios", ("coreml",))["README.md"]


def test_every_file_says_from_which_release_and_commit_it_is() -> None:
    for name, text in _made("android", ("litert",)).items():
        head = " ".join(text.splitlines()[:4])
        assert "small 1.0.0" in head, name
        assert "ab" * 20 in head, name


def test_uncommitted_changes_are_said() -> None:
    files = small.bundle("linux", {"any": TARGETS["onnxruntime"]})
    manifest: Any = json.loads(files["manifest.json"])
    manifest["source"]["dirty"] = True
    text = samples.render(manifest, files)["classify.py"].decode()
    assert f"from commit {'ab' * 20}, with changes that are not committed.\n" in text


def test_a_name_of_two_lines_stays_in_its_comment() -> None:
    files = small.bundle("android", {"any": TARGETS["litert"]})
    manifest: Any = json.loads(files["manifest.json"])
    manifest["name"] = "two\nimport lines"
    for name, content in samples.render(manifest, files).items():
        assert "\nimport lines" not in content.decode(), name


def test_the_readme_names_targets_in_the_order_of_the_chain_with_their_sizes() -> None:
    text = _made("android", ("litert", "onnxruntime"))["README.md"]
    size = len(small.litert_model().files[".tflite"]) / 1e6
    rows = [line for line in text.splitlines() if line.startswith("| ")][2:]
    assert rows[0] == f"| litert | litert | litert on npu, gpu, cpu | {size:.3f} MB |"
    assert rows[1].startswith("| onnxruntime | onnxruntime | onnxruntime on cpu | ")


def test_the_readme_names_what_python_needs() -> None:
    assert (
        "pip install numpy 'pillow>=13' onnxruntime==1.32.0\n"
        in _made("linux", ("onnxruntime",))["README.md"]
    )
    text = _made("android", ("litert",), encrypted=True)["README.md"]
    assert "pip install numpy 'pillow>=13' cryptography ai-edge-litert==2.3.0\n" in text
    assert "pip install" not in _made("ios", ("coreml",))["README.md"]


def test_nothing_works_on_the_thread_of_the_user_interface() -> None:
    kotlin, swift = _made("android", ("litert",)), _made("ios", ("coreml", "onnxruntime"))
    # open, classify
    assert kotlin["Classifier.kt"].count("withContext(Dispatchers.Default)") == 2
    assert swift["Classifier.swift"].count("Task.detached") == 2
    for session in ("CoreMLSession", "OnnxSession"):
        assert f"actor {session}: Session" in swift[f"{session}.swift"]


def test_an_app_compares_what_it_decrypted_before_it_loads_it() -> None:
    kotlin = _made("android", ("litert",), encrypted=True)["ModelBundle.kt"]
    swift = _made("ios", ("coreml",), encrypted=True)["ModelBundle.swift"]
    for text, steps in (
        (
            kotlin,
            (
                "decrypt(",
                'getLong("plain_size")',
                'getString("plain_sha256")',
                "return load(plain)",
            ),
        ),
        (
            swift,
            ("decrypted(", "said.plainSize", "said.plainSha256", "return try await load(plain"),
        ),
    ):
        places = [text.index(step) for step in steps]
        assert places == sorted(places)


def test_the_same_bundle_gives_the_same_samples() -> None:
    assert _made("android", ("litert", "onnxruntime")) == _made(
        "android", ("litert", "onnxruntime")
    )


def test_boxes_are_suppressed_as_in_the_reference() -> None:
    # Compiled and compared with tasks/postprocess.py by hand; here, the lines that decide.
    kotlin = _made("android", ("litert",))["Postprocessing.kt"]
    assert "it % width >= 4 && values[it] >= threshold" in kotlin
    assert "pairs.sortedByDescending { values[it] }" in kotlin  # stable: row, then class
    assert "selected.filter { it % width == pair % width }" in kotlin
    assert '>= step.getDouble("iou")' in kotlin
    swift = _made("ios", ("coreml",))["Postprocessing.swift"]
    assert "$0 % width >= 4 && values[$0] >= threshold" in swift
    assert "(values[$0], -$0) > (values[$1], -$1)" in swift
    assert "selected.filter { $0 % width == pair % width }" in swift
    assert "$0 - $0 % width) >= iou" in swift
