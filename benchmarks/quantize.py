"""Compare edgebake's quantized files with those of other tools for the same Keras model.

    python -m benchmarks.quantize
        [--architectures ds_cnn mobilenet_v2] [--model saved.keras --images folder]

Each architecture is trained on digits by its recipe. A saved model is evaluated on a folder of
images with one sub-folder per class. Every tool gets the same loaded model and the same calibration
samples. Schemes that train or search are left out, because no other tool here has an equivalent.
Operators without an integer kernel compute in float (`quantize.fallback: auto`), as other tools
leave them. Core ML packages run in edgebake's executor of their programs.

The columns: accuracy on the test split with its 95 % confidence interval; agreement of the top-1
predictions with Keras; latency as a ratio to edgebake's float file on this host, on one thread;
build time in seconds from the loaded model to the file, without imports.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.peers import converter, litert, measurement, olive, onnx_runtime, ours, verdict
from benchmarks.peers import subject as peer_subject
from benchmarks.peers.maker import Maker
from benchmarks.peers.measurement import Row
from benchmarks.peers.subject import Subject
from edgebake.models import keras_session

ARCHITECTURES = ("ds_cnn", "mobilenet_v2")
OPTIONS = ("none", "float16", "dynamic", "int8", "int16x8", "int4_weights")
RUNTIMES = ("litert", "onnxruntime")
FILE_COLUMNS = (
    "runtime",
    "scheme",
    "by",
    "accuracy",
    "95 %",
    "agreement",
    "bytes",
    "latency to float",
    "build s",
)
VERDICT_COLUMNS = (
    "runtime",
    "option",
    "right where the other is wrong",
    "size",
    "latency",
    "build",
)


def main() -> None:
    """Measure and print the tables of each model."""
    arguments = parse_arguments()
    console = Console(width=200)
    keras_session.start(threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        selected = list(makers(arguments, cache))
        for subject in _subjects(arguments, cache):
            rows = _measure(selected, subject, arguments.repeats)
            console.print(_files_table(subject, rows))
            if not arguments.without_peers:
                console.print(_verdicts_table(subject, rows))
            for row in rows:
                if row.error:
                    text = f"no file: {row.maker.label}, {row.maker.runtime}: {row.error}"
                    console.print(text, markup=False)


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--architectures", nargs="*", help="default: ds_cnn mobilenet_v2; none with --model")
    add("--model", type=Path, nargs="*", default=[], help="saved .keras files")
    add("--images", type=Path, help="folder of images for --model")
    add("--options", nargs="+", default=list(OPTIONS), choices=ours.options())
    add("--runtimes", nargs="+", default=list(RUNTIMES), choices=RUNTIMES)
    add("--coreml", action="store_true", help="also measure edgebake's Core ML packages")
    add("--without-peers", action="store_true", help="measure edgebake's files only")
    add("--olive", action="store_true", help="also measure Olive, which is installed if needed")
    add("--samples", type=int, default=100, help="calibration samples at most")
    add("--train-epochs", type=int, help="of each architecture; default: the recipe's")
    add("--repeats", type=int, default=2, help="builds of each file; the fastest counts")
    add("--cache", type=Path, help="keep trained models and Olive's environment in this folder")
    arguments = parser.parse_args()
    if arguments.model and arguments.images is None:
        parser.error("--model expects --images")
    if arguments.architectures is None and arguments.model:
        arguments.architectures = []
    elif arguments.architectures is None:
        arguments.architectures = list(ARCHITECTURES)
    return arguments


def makers(arguments: argparse.Namespace, cache: Path) -> Iterator[Maker]:
    """Yield edgebake's makers and those of other tools.

    Olive is left out with a message on standard error if it cannot be installed.
    """
    runtimes = list(arguments.runtimes)
    if arguments.coreml:
        runtimes.append("coreml")
    yield from ours.makers(arguments.options, runtimes)
    if arguments.without_peers:
        return
    peers = [*converter.makers(), *litert.makers(), *onnx_runtime.makers()]
    if arguments.olive:
        try:
            peers += olive.makers(cache)
        except olive.OliveError as error:
            sys.stderr.write(f"Olive is left out: {error}\n")
    schemes = ours.schemes(arguments.options)
    for peer in peers:
        if peer.runtime in arguments.runtimes and peer.scheme in schemes:
            yield peer


def _subjects(arguments: argparse.Namespace, cache: Path) -> Iterator[Subject]:
    samples = arguments.samples
    for architecture in arguments.architectures:
        yield peer_subject.train_on_digits(architecture, cache, samples, arguments.train_epochs)
    for model in arguments.model:
        yield peer_subject.load_saved(model, arguments.images, samples)


def _measure(selected: list[Maker], subject: Subject, repeats: int) -> list[Row]:
    """Build and measure all files; sort them by runtime and scheme, edgebake's first."""
    rows = []
    for maker in selected:
        start = time.perf_counter()
        row = measurement.measure(maker, subject, repeats)
        rows.append(row)
        seconds = time.perf_counter() - start
        progress = f"{subject.name}: {maker.label}, {maker.runtime}: {seconds:.0f} s"
        sys.stderr.write(f"{progress} {row.error}\n")
    for runtime in RUNTIMES:
        same_runtime = [row for row in rows if row.maker.runtime == runtime]
        measurement.time_in_turns(same_runtime, subject)
    return sorted(rows, key=_sort_key)


def _sort_key(row: Row) -> tuple[str, str, bool]:
    return row.maker.runtime, row.maker.scheme, not row.maker.is_ours


def _files_table(subject: Subject, rows: list[Row]) -> Table:
    """Return a table with a row for each file."""
    accuracy = float((subject.predictions.argmax(axis=1) == subject.labels).mean())
    title = (
        f"{subject.name}: {subject.model.count_params():,} parameters, "
        f"accuracy of Keras {accuracy:.4f} on {len(subject.labels)} test images, "
        f"calibrated on {len(subject.calibration_samples())} examples"
    )
    table = Table(*FILE_COLUMNS, title=title)
    float_rows = {}
    for row in rows:
        if row.maker.is_ours and row.maker.method == "none":
            float_rows[row.maker.runtime] = row
    for row in rows:
        maker = row.maker
        cells = ["none"]
        if not row.error:
            cells = _file_cells(row, float_rows.get(maker.runtime))
        table.add_row(maker.runtime, maker.scheme, maker.label, *cells)
    return table


def _file_cells(row: Row, float_row: Row | None) -> list[str]:
    """Return the cells from accuracy to build time; `float_row` is the baseline of latency."""
    low, high = measurement.wilson_interval(row.accuracy, len(row.correct))
    latency = "-"
    if float_row and row.latencies and float_row.latencies:
        latency = f"{row.latency_ratio(float_row):.2f}"
    return [
        f"{row.accuracy:.4f}",
        f"{low:.4f} - {high:.4f}",
        f"{row.agreement:.4f}",
        f"{row.size:,}",
        latency,
        f"{row.build_seconds:.2f}",
    ]


def _verdicts_table(subject: Subject, rows: list[Row]) -> Table:
    """Return a table with a row for each of edgebake's files that another tool makes too."""
    title = (
        f"{subject.name}, edgebake to the best peer in each column. "
        f"BEATEN: fewer right answers beyond {verdict.SIGMAS} sigma, or above {verdict.SIZE} "
        f"of its size, {verdict.SPEED} of its latency, {verdict.BUILD} of its build time"
    )
    table = Table(*VERDICT_COLUMNS, title=title)
    for row in rows:
        peers = _peers(row, rows)
        if not row.maker.is_ours or not peers:
            continue
        cells = ["no file  BEATEN"]
        if not row.error:
            cells = [str(comparison) for comparison in verdict.compare(row, peers)]
        table.add_row(row.maker.runtime, row.maker.method, *cells)
    return table


def _peers(row: Row, rows: list[Row]) -> list[Row]:
    """Return the files of other tools for the same runtime and scheme."""
    peers = []
    for peer in rows:
        is_same_runtime = peer.maker.runtime == row.maker.runtime
        is_same_scheme = peer.maker.scheme == row.maker.scheme
        if is_same_runtime and is_same_scheme and not peer.error and not peer.maker.is_ours:
            peers.append(peer)
    return peers


if __name__ == "__main__":
    main()
