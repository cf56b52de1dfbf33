"""The stopwatch: turns, warm-up runs, memory, batches, and its independence of edgebake."""

import ast
import hashlib
import json
import mmap
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgebake import plugins
from edgebake.evaluation.latency import stopwatch
from edgebake.runtimes.coreml import apple
from tests import handmade, other_system, timings

MEGABYTE = 1_000_000
SOURCE = Path(stopwatch.__file__)


def resident_pages(size: int) -> mmap.mmap:
    """Return memory in use, of `size` bytes."""
    pages = mmap.mmap(-1, max(size, mmap.PAGESIZE))
    count = len(range(0, len(pages), mmap.PAGESIZE))
    pages[:: mmap.PAGESIZE] = b"x" * count
    return pages


class Interpreter:
    """Stands for LiteRT's: remembers what was done to it, and takes its time."""

    made: "list[Interpreter]" = []  # noqa: RUF012 - shared on purpose
    load_s, run_s, kept_mb = 0.0, 0.0, 0
    dtype: type[np.generic] = np.int8
    batches = True  # whether a resized input gives as many predictions

    def __init__(self, model_path: str, num_threads: int) -> None:
        time.sleep(self.load_s)
        # Pages of its own: other tests of the process may have made malloc keep freed memory.
        self.kept = resident_pages(self.kept_mb * MEGABYTE)
        self.path, self.threads, self.size = model_path, num_threads, 1
        self.fed: list[Any] = []
        self.runs = 0
        self.made.append(self)

    def get_input_details(self) -> list[dict[str, Any]]:
        shape = np.array([self.size, 4, 4, 1])
        return [{"index": 0, "name": "ids", "shape": shape, "dtype": self.dtype}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"shape": np.array([self.size if self.batches else 1, 10])}]

    def resize_tensor_input(self, _: int, shape: list[int]) -> None:
        self.size = shape[0]

    def allocate_tensors(self) -> None:
        pass

    def set_tensor(self, _: int, value: Any) -> None:
        self.fed.append(value)

    def invoke(self) -> None:
        self.runs += 1
        time.sleep(self.run_s)


@pytest.fixture
def interpreter(monkeypatch: pytest.MonkeyPatch) -> type[Interpreter]:
    """The class that stands for LiteRT's, with none made yet; its attributes may be set."""
    module = ModuleType("ai_edge_litert.interpreter")
    made = type("Made", (Interpreter,), {"made": []})
    module.Interpreter = made  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", module)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "model.tflite").write_bytes(b"a model")
    return tmp_path / "model.tflite"


def _asked(request: dict[str, Any], program: Path = SOURCE) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(program)]
    return subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, check=False
    )


def _ticking(*rounds: list[float]) -> Callable[[int], list[float]]:
    """Stand for a session: each call takes the next latencies, over and over the last."""
    left = list(rounds)
    return lambda count: (left.pop(0) if len(left) > 1 else left[0])[:1] * count


def test_it_needs_nothing_of_edgebake_and_python_3_9(file: Path) -> None:
    tree = ast.parse(SOURCE.read_text(), feature_version=(3, 9))
    modules = [
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    ]
    modules += [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in modules} - set(sys.stdlib_module_names) == {
        "numpy",
        "PIL",
    }
    top = [alias.name for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    assert "numpy" not in top


def test_every_runtime_of_ours_can_be_timed() -> None:
    assert sorted(stopwatch.RUNTIMES) == plugins.options("convert.runtime")


def test_ways_of_core_ml_are_those_of_validate() -> None:
    assert {way.name: units for way, units in apple.UNITS.items()} == stopwatch.COMPUTE_UNITS


def test_a_file_is_opened_once_on_the_threads_asked_for(
    interpreter: type[Interpreter], file: Path
) -> None:
    stopwatch.time_model(timings.stopwatch_request(file, threads=2))
    assert [(one.path, one.threads) for one in interpreter.made] == [(str(file), 2)]


def test_all_threads_are_those_that_the_process_may_use(
    interpreter: type[Interpreter], file: Path
) -> None:
    recording: Any = stopwatch.time_model(timings.stopwatch_request(file, threads="all"))
    assert interpreter.made[0].threads == recording["threads"] == stopwatch.all_threads()
    assert recording["request"]["threads"] == "all"


def test_the_first_run_and_warm_ups_are_not_among_the_timings(
    interpreter: type[Interpreter], file: Path
) -> None:
    recording: Any = stopwatch.time_model(timings.stopwatch_request(file, warmup=5, runs=60))
    timed = sum(pair["candidate"]["runs"] for pair in recording["windows"])
    assert interpreter.made[0].runs == 1 + 5 + timed
    assert timed >= 60
    assert recording["first_inference_ms"] > 0


def test_noise_of_every_level_is_fed_in_the_dtype_of_the_file(
    interpreter: type[Interpreter], file: Path
) -> None:
    stopwatch.time_model(timings.stopwatch_request(file))
    (fed,) = interpreter.made[0].fed
    assert (fed.shape, fed.dtype) == ((1, 4, 4, 1), np.int8)
    many = stopwatch.noise((1, 64, 64, 3), "int8")
    assert (many.min(), many.max()) == (-128, 127)


def test_numbers_of_rows_are_fed_up_to_the_largest(
    interpreter: type[Interpreter], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "dtype", np.int32)
    stopwatch.time_model(timings.stopwatch_request(file, largest={"ids": 5}))
    (fed,) = interpreter.made[0].fed
    assert (fed.dtype, fed.min(), fed.max()) == (np.int32, 0, 5)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_floats_are_those_of_a_scaled_image(dtype: str) -> None:
    noise = stopwatch.noise((1, 64, 64, 3), dtype)
    assert noise.dtype == dtype
    assert -1 <= noise.min() < -0.9
    assert 0.9 < noise.max() <= 1


def test_candidate_and_baseline_take_turns_of_equally_many_runs(
    interpreter: type[Interpreter], tmp_path: Path
) -> None:
    order: list[str] = []

    def noted(name: str, ms: float) -> Callable[[int], list[float]]:
        return lambda count: order.append(name) or [ms] * count  # type: ignore[func-returns-value]

    found = stopwatch.time_windows(noted("c", 2.0), noted("b", 4.0), 90, 1e-6, 2.0)
    assert "".join(order[:8]) == "cbbccbbc"
    assert len(found) == stopwatch.WINDOWS
    assert {(pair["candidate"]["runs"], pair["baseline"]["runs"]) for pair in found} == {(3, 3)}
    assert list(found[0]) == ["candidate", "baseline"]
    assert list(found[1]) == ["baseline", "candidate"]


def test_there_are_at_least_so_many_runs_and_seconds() -> None:
    many = stopwatch.time_windows(_ticking([1.0]), None, 100, 1e-6, 1.0)
    assert sum(pair["candidate"]["runs"] for pair in many) == 30 * 4
    # 3 s of 10 ms are 300 runs, ten in each of 30 windows; at 5 ms it takes twice as many windows.
    lasting = stopwatch.time_windows(_ticking([10.0]), None, 1, 3.0, 10.0)
    faster = stopwatch.time_windows(_ticking([5.0]), None, 1, 3.0, 10.0)
    assert [len(one) for one in (lasting, faster)] == [30, 60]


def test_a_short_window_is_kept_as_it_was() -> None:
    assert stopwatch.summarize([3.0, 1.0, 2.0]) == {
        "runs": 3,
        "mean_ms": 2.0,
        "latencies_ms": [3.0, 1.0, 2.0],
    }


def test_of_a_long_window_200_evenly_spaced_order_statistics_are_kept() -> None:
    # Of 1 to 1,000, the one at (i + 0.5) / 200 is the fifth of each: 3, 8, 13 and so on.
    found = stopwatch.summarize([float(number) for number in range(1000, 0, -1)])
    assert found["latencies_ms"] == [float(5 * i + 3) for i in range(200)]
    assert (found["runs"], found["mean_ms"]) == (1000, 500.5)


def test_loading_and_each_run_are_timed_in_milliseconds(
    interpreter: type[Interpreter], file: Path
) -> None:
    interpreter.load_s, interpreter.run_s = 0.03, 0.002
    recording: Any = stopwatch.time_model(timings.stopwatch_request(file))
    # sleep() never returns early; how late it is says nothing.
    assert recording["load_ms"] >= 30
    assert all(
        latency >= 2
        for pair in recording["windows"]
        for latency in pair["candidate"]["latencies_ms"]
    )


def test_memory_is_what_the_candidate_alone_added(
    interpreter: type[Interpreter], file: Path
) -> None:
    if not Path("/proc/self/clear_refs").exists():
        other_system.skip("only Linux can forget a peak")
    resident_pages(300 * MEGABYTE).close()
    interpreter.kept_mb = 60
    recording: Any = stopwatch.time_model(
        timings.stopwatch_request(file, baseline=str(file), batch=2)
    )
    assert len(interpreter.made) == 3
    assert 55 < recording["peak_memory_mb"] < 100


def test_throughput_runs_whole_batches(interpreter: type[Interpreter], file: Path) -> None:
    recording: Any = stopwatch.time_model(timings.stopwatch_request(file, batch=8))
    assert [one.size for one in interpreter.made] == [1, 8]
    assert interpreter.made[1].fed[0].shape == (8, 4, 4, 1)
    assert recording["throughput"]["batch"] == 8
    assert len(recording["throughput"]["windows"]) == stopwatch.WINDOWS


def test_a_file_that_answers_once_for_a_batch_has_no_throughput(
    interpreter: type[Interpreter], file: Path
) -> None:
    interpreter.batches = False
    recording: Any = stopwatch.time_model(timings.stopwatch_request(file, batch=8))
    assert recording["throughput"] == {
        "batch": 8,
        "reason": "the file does not run on 8 images at once: it returns 1 predictions",
    }


def test_an_onnx_file_of_one_image_has_no_throughput(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(handmade.constant_onnx(3))
    recording: Any = stopwatch.time_model(
        timings.stopwatch_request(tmp_path / "model.onnx", runtime="onnxruntime", batch=8)
    )
    assert (
        recording["throughput"]["reason"]
        == "the file does not run on 8 images at once: its batch is fixed"
    )
    assert recording["runtime"].startswith("onnxruntime ")


def test_sustained_mode_has_windows_of_equal_time(
    interpreter: type[Interpreter], file: Path
) -> None:
    interpreter.run_s = 0.001
    recording: Any = stopwatch.time_model(
        timings.stopwatch_request(file, sustained_minutes=0.1 / 60)
    )
    assert recording["sustained"]["window_seconds"] == pytest.approx(0.05)
    assert len(recording["sustained"]["windows"]) == 2


def test_the_answer_tells_which_files_were_timed(
    interpreter: type[Interpreter], file: Path, tmp_path: Path
) -> None:
    (tmp_path / "other.tflite").write_bytes(b"another")
    recording: Any = stopwatch.time_model(
        timings.stopwatch_request(file, baseline=str(tmp_path / "other.tflite"))
    )
    assert recording["sha256"] == hashlib.sha256(b"a model").hexdigest()
    assert recording["baseline_sha256"] == hashlib.sha256(b"another").hexdigest()


def test_the_digest_of_a_folder_is_that_of_its_sorted_sums(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two").write_bytes(b"2")
    (tmp_path / "one").write_bytes(b"1")
    lines = sorted(
        f"{hashlib.sha256(text).hexdigest()}  {name}\n"
        for text, name in ((b"2", "b/two"), (b"1", "one"))
    )
    assert stopwatch.digest(tmp_path) == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_core_ml_is_fed_images_of_its_own_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = SimpleNamespace(colorSpace=20, width=6, height=4)
    kind = SimpleNamespace(imageType=image, WhichOneof=lambda _: "imageType")
    inputs = [SimpleNamespace(name="image", type=kind)]
    model = SimpleNamespace(
        get_spec=lambda: SimpleNamespace(description=SimpleNamespace(input=inputs)), fed=[]
    )
    model.predict = model.fed.append
    units: list[str] = []
    module = ModuleType("coremltools")
    module.__version__, module.__spec__ = "9.0", SimpleNamespace()  # type: ignore[attr-defined, assignment]
    module.ComputeUnit = {"CPU_ONLY": "cpu"}  # type: ignore[attr-defined]
    module.models = SimpleNamespace(  # type: ignore[attr-defined]
        MLModel=lambda _, compute_units: units.append(compute_units) or model  # type: ignore[func-returns-value]
    )
    monkeypatch.setitem(sys.modules, "coremltools", module)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(
        stopwatch, "cpu_model", lambda: "Apple M2"
    )  # a Mac asks sysctl, which Linux may lack
    (tmp_path / "model.mlpackage").mkdir()
    asked = timings.stopwatch_request(
        tmp_path / "model.mlpackage", runtime="coreml", threads=None, way="cpu_only", batch=3
    )
    recording: Any = stopwatch.time_model(asked)
    assert (recording["runtime"], recording["threads"], set(units)) == (
        "coremltools 9.0",
        None,
        {"cpu"},
    )
    assert (model.fed[0]["image"].size, model.fed[0]["image"].mode) == ((6, 4), "RGB")
    assert len(model.fed[-1]) == 3  # the last runs are of whole batches


def test_a_copy_elsewhere_answers_in_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(handmade.constant_tflite(3))
    copy = tmp_path / "elsewhere" / "stopwatch.py"
    copy.parent.mkdir()
    copy.write_bytes(SOURCE.read_bytes())
    done = _asked(timings.stopwatch_request(tmp_path / "model.tflite", batch=2), copy)
    recording: Any = json.loads(done.stdout.splitlines()[-1])
    assert recording["schema"] == "edgebake.timing/1"
    assert recording["runtime"].startswith("ai-edge-litert ")
    assert recording["before"] == stopwatch.machine_state()
    assert len(recording["windows"]) == 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"file": "nowhere.tflite"}, "stopwatch: nowhere.tflite: no such file"),
        ({"runtime": "coreml"}, "stopwatch: Core ML is a part of macOS and iOS; this is "),
    ],
)
def test_what_cannot_be_timed_ends_with_one_line(
    file: Path, words: dict[str, Any], said: str
) -> None:
    done = _asked(timings.stopwatch_request(file) | words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().startswith(said)
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_word_that_is_missing_is_named(file: Path) -> None:
    asked = timings.stopwatch_request(file)
    del asked["runs"]
    with pytest.raises(stopwatch.RefusalError, match=r"^the request lacks runs$"):
        stopwatch.time_model(asked)


def test_a_runtime_that_is_not_installed_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        stopwatch.RefusalError, match=r"^ai_edge_litert or tflite_runtime: not installed for "
    ):
        stopwatch.time_model(timings.stopwatch_request(file))


def test_the_older_name_of_litert_is_used_where_it_is_what_is_installed(
    interpreter: type[Interpreter], file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = ModuleType("tflite_runtime")
    older.__version__ = "2.14.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tflite_runtime", older)
    monkeypatch.setitem(
        sys.modules, "tflite_runtime.interpreter", sys.modules["ai_edge_litert.interpreter"]
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name == "tflite_runtime" or None)
    assert (
        stopwatch.time_model(timings.stopwatch_request(file))["runtime"] == "tflite-runtime 2.14.0"
    )
