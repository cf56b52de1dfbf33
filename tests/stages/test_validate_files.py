"""Tables of validate: the answers, the groups of examples, and the rows of metrics."""

import csv
from pathlib import Path

import numpy as np

from edgebake.data.dataset import Examples
from edgebake.evaluation.gates import metric_rows
from edgebake.evaluation.quality import Scored
from edgebake.evaluation.statistics.resampling import clusters_of
from edgebake.runtimes.run_modes import HOST, RunMode
from edgebake.stages import validate_files
from edgebake.tasks.outputs.classification import TASK
from tests.stages import alone

VOICES = ["Anna ", "=Bob", "Anna"]


def _scored() -> Scored:
    eye = np.eye(10, dtype=np.float32)
    return Scored(
        task=TASK,
        truths=np.array([0, 1, 2]),
        float_outputs={"probabilities": eye[[0, 1, 2]]},
        by_mode={RunMode("", HOST): {"probabilities": eye[[0, 1, 3]]}},
        clusters=clusters_of("voice", VOICES),
    )


def _examples() -> Examples:
    return Examples(
        list(np.zeros((3, 8, 8), np.uint8)),
        np.array([0, 1, 2]),
        alone.CONTRACT.labels,
        columns={"voice": VOICES},
        names=["a.wav", "b.wav", "c.wav"],
    )


def test_a_row_tells_the_group_of_an_example(tmp_path: Path) -> None:
    validate_files.write_answers(tmp_path, _examples(), _scored())
    with (tmp_path / "examples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("name", "label", "answer", "float_answer", "confidence", "group", "slice:voice")
    ]
    assert [row["group"] for row in rows] == ["Anna ", "'=Bob", "Anna"]
    assert [row["answer"] for row in rows] == ["0", "1", "3"]
    assert [row["float_answer"] for row in rows] == ["0", "1", "2"]
    np.testing.assert_array_equal(
        np.load(tmp_path / "answers.npy"), _scored().outputs["probabilities"]
    )


def test_spaces_make_no_other_group() -> None:
    clusters = clusters_of("voice", VOICES)
    assert (clusters.count, clusters.of_examples.tolist()) == (2, [1, 0, 1])


def test_rows_of_metrics_are_read_as_written(tmp_path: Path) -> None:
    validate_files.write_rows(tmp_path, _scored())
    rows = metric_rows.read(tmp_path, TASK)
    assert list(rows) == ["accuracy", "macro_f1"]
    assert rows["accuracy"].now["right"].tolist() == [True, True, False]
    assert rows["macro_f1"].before["answer"].tolist() == [0, 1, 2]
    assert rows["macro_f1"].now["answer"].tolist() == [0, 1, 3]
    assert rows["macro_f1"].now["label"].tolist() == [0, 1, 2]
