"""What a bundle of edgebake.manifest/2 may not say: each case is refused by name."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from edgebake.bundle.trust import golden_check, manifest_check
from edgebake.cli import verify
from edgebake.cli.verify import VerifyOptions
from edgebake.errors import ProofError
from edgebake.recipe.stage_params import Plan
from tests import second_form
from tests.signed import Signed, rewrite

VARIANT = "digits-ds_cnn-int8-onnxruntime"
GOLDEN = f"golden/{VARIANT}.json"
MEL = f"models/{VARIANT}.sound.mel.f32"
TARGET = "manifest.json: targets.raspberry_pi_5"
STEP = "a step of edgebake.manifest/2, or KIND.STEP of a project's own kind or task"
Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    return second_form.make(tmp_path_factory.mktemp("sound"), planned)


@pytest.fixture
def victim(sound: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signed:
    monkeypatch.chdir(tmp_path)  # without the project's plugins
    return sound.copied(tmp_path)


def _targets(edit: Callable[[Any], object]) -> Damage:
    def edit_all(content: dict[str, Any]) -> None:
        for target in content["targets"].values():
            edit(target)

    return lambda folder: rewrite(folder, edit_all)


def _input(number: int, edit: Callable[[Any], object]) -> Damage:
    return _targets(lambda target: edit(target["inputs"][number]))


def _step(number: int, name: str, **values: Any) -> Damage:
    def edit(entry: Any) -> None:
        for step in entry["preprocessing"]:
            if step["step"] == name:
                step.update(values)

    return _input(number, edit)


def _put(path: str, data: bytes) -> Damage:
    def put(folder: Path) -> None:
        (folder / path).write_bytes(data)
        rewrite(folder, lambda _: None)

    return put


def _golden(edit: Callable[[Any], object]) -> Damage:
    def damage(folder: Path) -> None:
        content = json.loads((folder / GOLDEN).read_text())
        edit(content)
        _put(GOLDEN, json.dumps(content).encode())(folder)

    return damage


def _raw(name: str, **values: Any) -> Damage:
    return _golden(lambda golden: golden["examples"][1]["raw"][name].update(values))


def _tensor(name: str, **values: Any) -> Damage:
    return _golden(lambda golden: golden["examples"][1]["tensors"][name].update(values))


def _tolerance(end: str, name: str, value: Any) -> Damage:
    return _golden(lambda golden: golden["tolerances"][end].update({name: value}))


def _ids(*ids: int) -> Damage:
    return _tensor("text", data=_data(np.array(ids, "<i4")))


def _data(values: Any) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _numbers(*, last: float) -> Damage:
    numbers = second_form.MEL.copy()
    numbers[-1, -1] = last
    return _put(MEL, numbers.tobytes())


def _elf_as_numbers(folder: Path) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00"
    plain = second_form.MEL.tobytes()
    _put(MEL, header + plain[len(header) :])(folder)


def _encrypted(folder: Path) -> None:
    entry = {
        "scheme": "tink-aes256-gcm-hkdf-1mb",
        "key_id": "ab" * 32,
        "plain_sha256": "ab" * 32,
        "plain_size": 1040,
    }

    def edit(content: dict[str, Any]) -> None:
        for file in content["files"]:
            if file["path"] == MEL:
                file["encryption"] = entry

    rewrite(folder, edit)


HALVES = np.full((16, 2), np.nan, "<f4")
CASES: dict[str, tuple[Damage, str]] = {
    "a manifest of both forms": (
        _targets(lambda target: target.update(input=target["inputs"][0]["tensor"])),
        f"{TARGET}: Additional properties are not allowed ('input' was unexpected)",
    ),
    "the first form with keys of the second": (
        lambda folder: rewrite(
            folder, lambda content: content.update(schema="edgebake.manifest/1")
        ),
        f"{TARGET}: Additional properties are not allowed ('inputs', 'outputs', 'score' were "
        "unexpected)",
    ),
    "no inputs": (
        _targets(lambda target: target.update(inputs=[])),
        f"{TARGET}.inputs: [] should be non-empty",
    ),
    "21 inputs": (
        _targets(lambda target: target.update(inputs=target["inputs"][:1] * 21)),
        f"{TARGET}.inputs: 21 entries; expected at most 20",
    ),
    "an input twice": (
        _input(1, lambda entry: entry.update(name="sound")),
        f"{TARGET}.inputs: sound: 2 of this name; expected one",
    ),
    "an output twice": (
        _targets(lambda target: target.update(outputs=target["outputs"] * 2)),
        f"{TARGET}.outputs: probabilities: 2 of this name; expected one",
    ),
    "a step that begins with no output": (
        _targets(lambda target: target["postprocessing"][1].update(output="boxes")),
        f"{TARGET}.postprocessing: top_k: output: boxes: not among the outputs",
    ),
    "a score that was not measured": (
        _targets(lambda target: target.update(score="auc")),
        f"{TARGET}.score: auc: not among the metrics",
    ),
    "a form of data that no app reads": (
        _input(0, lambda entry: entry["raw"].update(form="mp3")),
        f"{TARGET}.inputs[0].raw.form: "
        "'mp3' is not one of ['png', 'pcm16', 'float32', 'utf8', 'int32']",
    ),
    "a step without a name of its own": (
        _step(1, "motion.smoothed", step="smoothed"),
        f"{TARGET}.inputs[1].preprocessing[1]: {{'step': 'smoothed', 'over': 3}}; expected {STEP}",
    ),
    "a step of a project with a program as value": (
        _step(1, "motion.smoothed", over={"eval": "1"}),
        f"{TARGET}.inputs[1].preprocessing[1].over: "
        "{'eval': '1'} is not valid under any of the given schemas",
    ),
    "a clip of 10^12 samples": (
        _step(0, "clip", samples=10**12),
        f"{TARGET}.inputs[0].preprocessing[1].samples: "
        "1000000000000 is greater than the maximum of 16777216",
    ),
    "a transform of 10^9 samples": (
        _step(0, "power_spectrum", fft=10**9),
        f"{TARGET}.inputs[0].preprocessing[5].fft: 1000000000 is greater than the maximum of 65536",
    ),
    "a text of 10^9 bytes": (
        _step(2, "bytes", length=10**9),
        f"{TARGET}.inputs[2].preprocessing[1].length: "
        "1000000000 is greater than the maximum of 16777216",
    ),
    "a logarithm of zero": (
        _step(0, "log", plus=0),
        f"{TARGET}.inputs[0].preprocessing[7].plus: 0 is less than or equal to the minimum of 0",
    ),
    "a matrix outside of the bundle": (
        _step(0, "matrix", file="../mel.f32"),
        "manifest.json: targets.raspberry_pi_5.inputs.0.preprocessing.6.file: "
        "'../mel.f32': a path outside of the bundle; expected one inside it",
    ),
    "a matrix that is a model": (
        _step(0, "matrix", file=f"models/{VARIANT}.onnx"),
        f"{TARGET}.inputs[0].preprocessing[6].file: 'models/{VARIANT}.onnx'; "
        "expected models/NAME.f32",
    ),
    "a matrix that is not there": (
        _step(0, "matrix", file="models/mel.f32"),
        f"{TARGET}: models/mel.f32: not among the files",
    ),
    "a matrix of another size": (
        _step(0, "matrix", rows=64),
        f"{MEL}: 1,040 bytes; expected 1,024: 64 x 4 numbers of 4 bytes",
    ),
    "a matrix of 17 GB": (
        _step(0, "matrix", rows=65_536, columns=65_536),
        f"{MEL}: 1,040 bytes; expected 17,179,869,184: 65,536 x 65,536 numbers of 4 bytes",
    ),
    "a matrix with NaN": (
        _numbers(last=float("nan")),
        f"{MEL}: NaN or infinity; expected finite numbers",
    ),
    "a matrix with infinity": (
        _numbers(last=float("inf")),
        f"{MEL}: NaN or infinity; expected finite numbers",
    ),
    "a program as a matrix": (
        _elf_as_numbers,
        f"{MEL}: has an ELF program inside; expected the model alone",
    ),
    "an encrypted matrix": (_encrypted, f"{MEL}: encrypted; expected plain numbers"),
    "a matrix of no step": (
        _put("models/other.f32", bytes(4)),
        "models/other.f32: of no target; expected only files that a target names",
    ),
    "labels fewer than the model's outputs": (
        _targets(lambda target: target.update(labels=target["labels"][:1])),
        f"{TARGET}.labels: 1 labels for an output of 10; expected one for each class",
    ),
    "golden vectors of another format": (
        _golden(lambda golden: golden.update(format="edgebake.golden/3")),
        f"{GOLDEN}: format: 'edgebake.golden/3'; expected edgebake.golden/1 or edgebake.golden/2",
    ),
    "golden vectors of one image": (
        _golden(lambda golden: golden.update(format="edgebake.golden/1")),
        f"{GOLDEN}: format: edgebake.golden/1; expected edgebake.golden/2 for other than one image",
    ),
    "golden vectors that accept any sound": (
        _tolerance("inputs", "sound", 1e9),
        f"{GOLDEN}: tolerances.inputs.sound: 1000000000.0; "
        "expected a number above 0, at most 0.05528",
    ),
    "golden vectors that accept any measurement": (
        _tolerance("inputs", "moved", 0.1),
        f"{GOLDEN}: tolerances.inputs.moved: 0.1; expected a number above 0, at most 0.0011",
    ),
    "golden vectors that accept another text": (
        _tolerance("inputs", "text", 1),
        f"{GOLDEN}: tolerances.inputs.text: 1; expected 0, since its values are integers",
    ),
    "golden vectors that accept no output": (
        _tolerance("outputs", "probabilities", 0),
        f"{GOLDEN}: tolerances.outputs.probabilities: 0; expected a number above 0, at most 0.1",
    ),
    "golden vectors that accept any output": (
        _tolerance("outputs", "probabilities", 1),
        f"{GOLDEN}: tolerances.outputs.probabilities: 1; expected a number above 0, at most 0.1",
    ),
    "golden vectors without the tolerance of an input": (
        _golden(lambda golden: golden["tolerances"]["inputs"].pop("moved")),
        f"{GOLDEN}: tolerances.inputs.moved: None; expected a number above 0, at most 0.0011",
    ),
    "golden vectors without tolerances": (
        _golden(lambda golden: golden.update(tolerances=[])),
        f"{GOLDEN}: tolerances.inputs.sound: None; expected a number above 0, at most 0.05528",
    ),
    "golden vectors of null": (
        _golden(lambda golden: golden.update(examples=[None])),
        f"{GOLDEN}: examples[0]: expected an object",
    ),
    "golden vectors without a name": (
        _golden(lambda golden: golden["examples"][1].pop("name")),
        f"{GOLDEN}: examples[1]: name: expected a text",
    ),
    "golden vectors without an input": (
        _golden(lambda golden: golden["examples"][1]["raw"].pop("moved")),
        f"{GOLDEN}: examples[1]: raw.moved: form: None; expected float32",
    ),
    "golden vectors that are a list where names should be": (
        _golden(lambda golden: golden["examples"][1].update(raw=[])),
        f"{GOLDEN}: examples[1]: raw.sound: form: None; expected pcm16",
    ),
    "golden vectors of another form": (
        _raw("sound", form="png"),
        f"{GOLDEN}: examples[1]: raw.sound: form: 'png'; expected pcm16",
    ),
    "golden vectors of half a sound": (
        _raw("sound", shape=[1600]),
        f"{GOLDEN}: examples[1]: raw.sound: data: 1,600 bytes; expected 3,200",
    ),
    "golden vectors of a negative shape": (
        _raw("sound", shape=[-800]),
        f"{GOLDEN}: examples[1]: raw.sound: expected form, shape, and data in base64",
    ),
    "golden vectors of no base64": (
        _raw("sound", data="\u266b"),
        f"{GOLDEN}: examples[1]: raw.sound: expected form, shape, and data in base64",
    ),
    "golden vectors of NaN": (
        _raw("moved", data=_data(HALVES)),
        f"{GOLDEN}: examples[1]: raw.moved: data: NaN or infinity; expected finite numbers",
    ),
    "golden vectors of no text": (
        _raw("text", data="/////////w=="),
        f"{GOLDEN}: examples[1]: raw.text: data: expected a text in UTF-8",
    ),
    "golden vectors without a tensor": (
        _golden(lambda golden: golden["examples"][1]["tensors"].pop("text")),
        f"{GOLDEN}: examples[1]: tensors.text: another dtype or shape than the target's input; "
        "expected the same",
    ),
    "golden vectors of another shape": (
        _tensor("sound", shape=[1, 4, 8, 1]),
        f"{GOLDEN}: examples[1]: tensors.sound: another dtype or shape than the target's input; "
        "expected the same",
    ),
    "golden vectors of another dtype": (
        _tensor("moved", dtype="int32"),
        f"{GOLDEN}: examples[1]: tensors.moved: another dtype or shape than the target's input; "
        "expected the same",
    ),
    "golden vectors of a tensor cut short": (
        _tensor("sound", data="AAAA"),
        f"{GOLDEN}: examples[1]: tensors.sound: data: 3 bytes; expected 32",
    ),
    "golden vectors of a tensor of NaN": (
        _tensor("moved", data=_data(HALVES)),
        f"{GOLDEN}: examples[1]: tensors.moved: data: NaN or infinity; expected finite numbers",
    ),
    "golden vectors with an id behind the table": (
        _ids(1, 2, 3, 4, 5, 6, 7, 257),
        f"{GOLDEN}: examples[1]: tensors.text: data: the id 257; expected none above 256",
    ),
    "golden vectors with a negative id": (
        _ids(-1, 2, 3, 4, 5, 6, 7, 256),
        f"{GOLDEN}: examples[1]: tensors.text: data: the id -1; expected none below 0",
    ),
    "golden vectors without an output": (
        _golden(lambda golden: golden["examples"][1].pop("outputs")),
        f"{GOLDEN}: examples[1]: outputs.probabilities: "
        "another shape than the target's output; expected the same",
    ),
    "golden vectors of text for numbers": (
        _golden(
            lambda golden: golden["examples"][1]["outputs"]["probabilities"].update(
                values=["1"] * 10
            )
        ),
        f"{GOLDEN}: examples[1]: outputs.probabilities: values: expected 10 numbers",
    ),
    "golden vectors of another label": (
        _golden(lambda golden: golden["examples"][1].update(label="eleven")),
        f"{GOLDEN}: examples[1]: label: expected one of the target's labels",
    ),
    "golden vectors without an answer": (
        _golden(lambda golden: golden["examples"][1].pop("answer")),
        f"{GOLDEN}: examples[1]: answer: expected a list of labels and probabilities",
    ),
    "golden vectors for a type of no runtime": (
        _input(1, lambda entry: entry["tensor"].update(dtype="float24")),
        f"{GOLDEN}: examples[0]: tensors.moved: dtype: float24; "
        "expected one of float32, float16, int8, uint8, int16, int32",
    ),
}


def _verify(bundle: Path) -> list[str]:
    output = io.StringIO()
    verify.verify(VerifyOptions(bundle, unsigned=True), Console(file=output, width=500))
    return output.getvalue().splitlines()


def test_the_bundle_is_sound_where_its_kinds_are_unknown(victim: Signed) -> None:
    lines = _verify(victim.folder)
    assert lines[-1] == "digits 1.0.0 for linux: sound, but unsigned"
    assert (
        "kinds       models by their first bytes, no archive or program in them; plain texts; "
        "JSON; numbers by their size"
    ) in lines


@pytest.mark.parametrize("case", CASES)
def test_a_hostile_bundle_is_refused(case: str, victim: Signed) -> None:
    damage, message = CASES[case]
    damage(victim.folder)
    with pytest.raises(ProofError) as refused:
        _verify(victim.folder)
    assert str(refused.value) == message


def test_answers_of_another_task_are_its_own(victim: Signed) -> None:
    def count(golden: Any) -> None:
        for example in golden["examples"]:
            example.update(label="three birds", answer=3)

    def own_answers(target: Any) -> None:
        target["task"] = "counting"
        target["postprocessing"].append({"step": "birds.count"})

    _targets(own_answers)(victim.folder)
    for file in (victim.folder / "golden").iterdir():
        golden = json.loads(file.read_text())
        count(golden)
        file.write_text(json.dumps(golden))
    content = manifest_check.read_manifest(victim.folder)
    checked = golden_check.check_golden_vectors(victim.folder, content)
    assert checked == "4 examples, labels as in the manifest"
    _golden(lambda golden: golden["examples"][1].pop("answer"))(victim.folder)
    with pytest.raises(ProofError) as refused:
        _verify(victim.folder)
    assert str(refused.value) == f"{GOLDEN}: examples[1]: expected a label and an answer"


def test_numbers_are_read_up_to_a_size(victim: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    from edgebake.bundle.trust import numbers_check

    monkeypatch.setattr(numbers_check, "MAX_BYTES", 1000)
    with pytest.raises(ProofError) as refused:
        _verify(victim.folder)
    assert str(refused.value) == f"{MEL}: 1,040 bytes; expected at most 1,000"
