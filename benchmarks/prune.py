"""Compare pruned models with the unpruned one and with baselines of the same training budget.

    python -m benchmarks.prune
        [--architectures ds_cnn mobilenet_v2] [--macs 0.5] [--epochs 10] [--seeds 1 2 3]

Each architecture is trained on digits by its recipe, and pruned with recipes/prune/channels.yaml
and magnitude.yaml. There are two baselines: the architecture that `channels` produced, trained from
random weights for as many epochs as the original and the pruned model together; and the original
model, trained further for as many epochs as the pruned model is fine-tuned.

All columns except accuracy are ratios to the unpruned model. Its files are timed twice: the second
row of ratios is the noise of the measurement. Accuracy is that on the test split, the mean over
seeds of fine-tuning, with its 95 % confidence interval. Latency is that of one image on this host,
on one thread.
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from benchmarks.peers import subject
from benchmarks.pruned import entries, models, tables, verdicts
from benchmarks.pruned.entries import Entry
from benchmarks.pruned.models import ModelGroup, PruningMethod
from edgebake.models import keras_session

ARCHITECTURES = ("ds_cnn", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")
SAMPLES = 100  # of calibration, at most


def main() -> None:
    """Measure and print the tables and verdicts of each architecture."""
    arguments = _parse_arguments()
    console = Console(width=230)
    keras_session.start(threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        for architecture in arguments.architectures:
            cache = arguments.cache or Path(temporary)
            rows = _entries(arguments, architecture, cache)
            console.print(tables.models_table(rows), tables.files_table(rows))
            for line in _verdicts(rows, len(arguments.also)):
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--architectures", nargs="+", default=list(ARCHITECTURES))
    add("--macs", type=float, help="share of multiply-accumulates to keep; default: the recipe's")
    add("--epochs", type=int, help="of fine-tuning; default: the recipe's")
    add("--train-epochs", type=int, help="of each architecture; default: the recipe's")
    add("--seeds", type=int, nargs="+", default=[1], help="of fine-tuning and of the baselines")
    add(
        "--overrides",
        nargs="*",
        default=[],
        help="of channels.yaml, for example train@prune.fine_tune=distill",
    )
    add(
        "--also",
        nargs="*",
        default=[],
        help="overrides of one further row of channels each, for example 'prune.steps=3 ...'",
    )
    add("--cache", type=Path, help="keep trained models in this folder")
    return parser.parse_args()


def _pruning_methods(arguments: argparse.Namespace) -> list[PruningMethod]:
    """Return channels with its overrides, its further rows, and magnitude."""
    common = []
    if arguments.epochs is not None:
        common.append(f"prune.fine_tune.epochs={arguments.epochs}")
    if arguments.train_epochs is not None:
        # Of the original model. Training from scratch takes the sum of both.
        common.append(f"train.epochs={arguments.train_epochs}")
    channels = [*arguments.overrides, *common]
    if arguments.macs is not None:
        channels.append(f"prune.target.macs={arguments.macs}")
    methods = [PruningMethod("channels", "channels", tuple(channels))]
    for further in arguments.also:
        overrides = (*channels, *further.split())
        methods.append(PruningMethod(f"channels {further}", "channels", overrides))
    methods.append(PruningMethod("magnitude", "magnitude", tuple(common)))
    return methods


def _entries(arguments: argparse.Namespace, architecture: str, cache: Path) -> list[Entry]:
    """Return the timed rows of the tables.

    They are the original model twice, `channels`, its baselines, and the remaining methods.
    """
    original = subject.train_on_digits(architecture, cache, SAMPLES, arguments.train_epochs)
    methods = _pruning_methods(arguments)
    original_entry = entries.build_entry(ModelGroup(models.ORIGINAL, [original]))
    rows = [original_entry, entries.copy_for_noise(original_entry)]
    for group in models.make_models(original, methods, arguments.seeds):
        rows.append(entries.build_entry(group))
    entries.time_together(rows)
    return rows


def _verdicts(rows: list[Entry], further_rows: int) -> Iterator[str]:
    """Yield the absolute values of the original model, and the verdicts."""
    original, again, channels, scratch, trained_on, *remaining = rows
    further, magnitude = remaining[:further_rows], remaining[further_rows]
    for line in tables.absolute_values(original):
        yield f"{original.name}: {line}"
    yield verdicts.aim(channels, original)
    yield verdicts.compare_accuracy(channels, scratch)
    yield verdicts.compare_accuracy(channels, trained_on)
    for entry in further:  # their architecture is not that of the model trained from scratch
        yield verdicts.aim(entry, original)
        yield verdicts.compare_accuracy(entry, channels)
        yield verdicts.compare_accuracy(entry, trained_on)
    same_architecture = [(again, original), (trained_on, original), (scratch, channels)]
    noises = []
    for kind in tables.KINDS:
        noises.append(f"{tables.kind_name(kind)} {verdicts.noise(same_architecture, kind):.2f}")
    yield (
        "noise of latency, the worst ratio of two files of one architecture less 1: "
        f"{', '.join(noises)}"
    )
    yield from verdicts.compare_speed(magnitude, original, same_architecture)


if __name__ == "__main__":
    main()
