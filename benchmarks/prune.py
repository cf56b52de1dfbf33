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
from benchmarks.pruned import files, models, tables, verdicts
from benchmarks.pruned.files import Entry
from benchmarks.pruned.models import Made, Way
from edgebake.models import keras_session

ARCHITECTURES = ("ds_cnn", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_b0")
EXAMPLES = 100  # calibrated on


def main() -> None:
    """Measure what was asked for and print it."""
    asked = _asked()
    console = Console(width=230)
    keras_session.start(threads=1)
    with tempfile.TemporaryDirectory() as temporary:
        for architecture in asked.architectures:
            entries = _entries(asked, architecture, asked.cache or Path(temporary))
            console.print(tables.models(entries), tables.files(entries))
            for line in _lines(entries, len(asked.also)):
                console.print(line, markup=False, highlight=False, soft_wrap=True)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--architectures", nargs="+", default=list(ARCHITECTURES))
    parser.add_argument(
        "--macs",
        type=float,
        help="share of the multiply-accumulates to be left; default: the recipe's",
    )
    parser.add_argument("--epochs", type=int, help="of fine-tuning; default: the recipe's")
    parser.add_argument(
        "--train-epochs", type=int, help="of each architecture; default: the recipe's"
    )
    parser.add_argument(
        "--seeds",
        type=int,
        nargs="+",
        default=[1],
        help="of fine-tuning and of what it has to beat",
    )
    parser.add_argument(
        "--words",
        nargs="*",
        default=[],
        help="override channels.yaml: train@prune.fine_tune=distill",
    )
    parser.add_argument(
        "--also", nargs="*", default=[], help="a further row of channels each: 'prune.steps=3 ...'"
    )
    parser.add_argument("--cache", type=Path, help="keep trained models in this folder")
    return parser.parse_args()


def _ways(asked: argparse.Namespace) -> list[Way]:
    """Return channels as asked for, as asked for otherwise, and magnitude."""
    epochs = () if asked.epochs is None else (f"prune.fine_tune.epochs={asked.epochs}",)
    macs = () if asked.macs is None else (f"prune.target.macs={asked.macs}",)
    # Also lengthens training from scratch: the epochs of the parent and the pruned model together.
    parent = () if asked.train_epochs is None else (f"train.epochs={asked.train_epochs}",)
    words = (*asked.words, *macs, *epochs, *parent)
    others = [Way(f"channels {also}", "channels", (*words, *also.split())) for also in asked.also]
    return [
        Way("channels", "channels", words),
        *others,
        Way("magnitude", "magnitude", (*epochs, *parent)),
    ]


def _entries(asked: argparse.Namespace, architecture: str, cache: Path) -> list[Entry]:
    """Return the timed rows of the tables.

    They are the parent twice, `channels`, its baselines, and the remaining pruning methods.
    """
    one = subject.trained(architecture, cache, EXAMPLES, asked.train_epochs)
    full = files.built(Made(models.PARENT, [one]))
    pruned = [files.built(made) for made in models.made(one, _ways(asked), asked.seeds)]
    entries = [full, files.again(full), *pruned]
    files.time_together(entries)
    return entries


def _lines(entries: list[Entry], also: int) -> Iterator[str]:
    """Yield the parent's own numbers and what the tables come to."""
    full, again, channels, scratch, trained_on, *others = entries
    yield from (f"{full.name}: {line}" for line in tables.absolute(full))
    yield verdicts.aim(channels, full)
    yield from (verdicts.beside(channels, other) for other in (scratch, trained_on))
    for entry in others[:also]:  # of another architecture than the one from scratch
        yield verdicts.aim(entry, full)
        yield from (verdicts.beside(entry, other) for other in (channels, trained_on))
    alike = [(again, full), (trained_on, full), (scratch, channels)]
    worst = ", ".join(
        f"{tables.named(file)} {verdicts.noise(alike, file):.2f}" for file in tables.FILES
    )
    yield f"noise of latency, the worst ratio of two files of one architecture less 1: {worst}"
    yield from verdicts.speed(others[also], full, alike)


if __name__ == "__main__":
    main()
