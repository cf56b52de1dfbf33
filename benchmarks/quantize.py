"""Compare edgebake's quantized files with those of other tools for the same Keras model.

    python -m benchmarks.quantize
        [--architectures ds_cnn mobilenet_v2] [--model saved.keras --images folder]

Each architecture is trained on digits by its recipe. A saved model is evaluated on a folder of
images with one sub-folder per class. Every tool gets the same loaded model and the same calibration
samples. Schemes that train or search are left out, because no other tool here has an equivalent.

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

from benchmarks.peers import (
    converter,
    litert,
    measured,
    olive,
    onnx_runtime,
    ours,
    subject,
    verdict,
)
from benchmarks.peers.maker import Maker
from benchmarks.peers.measured import Row
from benchmarks.peers.subject import Subject
from edgebake.models import keras_session

OPTIONS = ("none", "float16", "dynamic", "int8", "int16x8", "int4_weights")
RUNTIMES = ("litert", "onnxruntime")


def main() -> None:
    """Measure what was asked for and print it."""
    asked = options()
    console = Console(width=200)
    keras_session.start(threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        cache = asked.cache or Path(temporary)
        wanted = list(makers(asked, cache))
        for one in _subjects(asked, cache):
            rows = _rows(wanted, one, asked.repeats)
            for table in (_files(one, rows), _verdicts(one, rows)):
                console.print(table)
            for row in rows:
                if row.error:
                    maker = row.maker
                    console.print(
                        f"no file: {maker.who} {maker.way}, {maker.runtime}: {row.error}",
                        markup=False,
                    )


def options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--architectures", nargs="*", help="default: ds_cnn mobilenet_v2; none with --model"
    )
    parser.add_argument(
        "--model", type=Path, nargs="*", default=[], help="a saved .keras; more may follow"
    )
    parser.add_argument("--images", type=Path, help="folder of images for --model")
    parser.add_argument("--options", nargs="+", default=list(OPTIONS), choices=ours.options())
    parser.add_argument("--runtimes", nargs="+", default=list(RUNTIMES), choices=RUNTIMES)
    parser.add_argument(
        "--coreml", action="store_true", help="also edgebake's Core ML packages, in the executor"
    )
    parser.add_argument(
        "--olive", action="store_true", help="also Olive, in an environment that is made for it"
    )
    parser.add_argument("--examples", type=int, default=100, help="calibrate on no more than these")
    parser.add_argument(
        "--train-epochs", type=int, help="of each architecture; default: the recipe's"
    )
    parser.add_argument(
        "--repeats", type=int, default=2, help="builds of each file; the fastest counts"
    )
    parser.add_argument(
        "--cache", type=Path, help="keep trained models and Olive's environment in this folder"
    )
    asked = parser.parse_args()
    if asked.model and asked.images is None:
        parser.error("--model expects --images")
    if asked.architectures is None:
        asked.architectures = [] if asked.model else ["ds_cnn", "mobilenet_v2"]
    return asked


def makers(asked: argparse.Namespace, cache: Path) -> Iterator[Maker]:
    """Yield edgebake's makers and those of other tools.

    Olive is left out with a message on standard error if it cannot be installed.
    """
    yield from ours.makers(asked.options, [*asked.runtimes, *(["coreml"] if asked.coreml else [])])
    peers = [*converter.makers(), *litert.makers(), *onnx_runtime.makers()]
    if asked.olive:
        try:
            peers += olive.makers(cache)
        except olive.OliveError as error:
            sys.stderr.write(f"Olive is left out: {error}\n")
    wanted = ours.schemes(asked.options)
    yield from (one for one in peers if one.runtime in asked.runtimes and one.scheme in wanted)


def _subjects(asked: argparse.Namespace, cache: Path) -> Iterator[Subject]:
    for architecture in asked.architectures:
        yield subject.trained(architecture, cache, asked.examples, asked.train_epochs)
    yield from (subject.given(model, asked.images, asked.examples) for model in asked.model)


def _rows(wanted: list[Maker], one: Subject, repeats: int) -> list[Row]:
    rows = []
    for maker in wanted:
        start = time.perf_counter()
        rows.append(measured.build(maker, one, repeats))
        seconds = time.perf_counter() - start
        maker_name = f"{maker.who} {maker.way}, {maker.runtime}"
        sys.stderr.write(f"{one.name}: {maker_name}: {seconds:.0f} s {rows[-1].error}\n")
    for runtime in RUNTIMES:
        measured.time_in_turns([row for row in rows if row.maker.runtime == runtime], one)
    return sorted(
        rows, key=lambda row: (row.maker.runtime, row.maker.scheme, not row.maker.is_ours)
    )


def _files(one: Subject, rows: list[Row]) -> Table:
    """Return a row for each file."""
    exact = float((one.answers.argmax(axis=1) == one.labels).mean())
    title = (
        f"{one.name}: {one.model.count_params():,} parameters, "
        f"accuracy of Keras {exact:.4f} on {len(one.labels)} test images, "
        f"calibrated on {len(one.calibration())} examples"
    )
    heads = (
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
    table = Table(*heads, title=title)
    floats = {
        row.maker.runtime: row for row in rows if row.maker.is_ours and row.maker.way == "none"
    }
    for row in rows:
        maker = row.maker
        named = [maker.runtime, maker.scheme, f"{maker.who} {maker.way}"]
        table.add_row(
            *named, *(["none"] if row.error else _numbers(row, floats.get(maker.runtime)))
        )
    return table


def _numbers(row: Row, exact: Row | None) -> list[str]:
    low, high = measured.wilson(row.accuracy, len(row.right))
    ratio = f"{row.times(exact):.2f}" if exact and row.rounds and exact.rounds else "-"
    interval = f"{low:.4f} - {high:.4f}"
    return [
        f"{row.accuracy:.4f}",
        interval,
        f"{row.agreement:.4f}",
        f"{row.size:,}",
        ratio,
        f"{row.seconds:.2f}",
    ]


def _verdicts(one: Subject, rows: list[Row]) -> Table:
    """Return a row for each of edgebake's files that another tool makes too."""
    title = (
        f"{one.name}, edgebake to the best peer in each column. "
        f"BEATEN: fewer right answers beyond {verdict.SIGMAS} sigma, or above {verdict.SIZE} "
        f"of its size, {verdict.SPEED} of its latency, {verdict.BUILD} of its build time"
    )
    table = Table(
        "runtime",
        "option",
        "right where the other is wrong",
        "size",
        "latency",
        "build",
        title=title,
    )
    for row in rows:
        like = (row.maker.runtime, row.maker.scheme)
        others = [
            peer
            for peer in rows
            if (peer.maker.runtime, peer.maker.scheme) == like and not peer.error
        ]
        peers = [peer for peer in others if not peer.maker.is_ours]
        if row.maker.is_ours and peers:
            found = ["no file  BEATEN"] if row.error else map(str, verdict.of(row, peers))
            table.add_row(row.maker.runtime, row.maker.way, *found)
    return table


if __name__ == "__main__":
    main()
