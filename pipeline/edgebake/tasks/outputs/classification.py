"""Classification: one output with a probability of each label, and one label for each example."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgebake.recipe import Package
from edgebake.tasks.metric import Metric, Rows, Weights, share_metric
from edgebake.tasks.task import (
    AnswerComparison,
    CalibrationError,
    Columns,
    Fitting,
    Flags,
    Task,
    Truths,
)
from edgebake.tasks.tensors import ContractOutput, Outputs, Step

PROBABILITIES = "probabilities"  # name of the output
SMALLEST_PROBABILITY = 1e-7  # lower ones are raised to it: the logarithm of 0 is not finite

BINS = 15


def expected_calibration_error(
    confidences: NDArray[np.float64], correct: NDArray[np.bool_]
) -> float:
    """Return the mean distance between confidence and accuracy, 0 to 1.

    The expected calibration error with 15 bins of equal width (Guo, Pleiss, Sun & Weinberger 2017,
    equation 3).

    Args:
        confidences: probability of the predicted class, [n].
        correct: whether the predicted class is the label, [n].
    """
    last_bin = BINS - 1
    scaled = confidences * BINS
    bins = scaled.astype(int)
    bins = np.minimum(bins, last_bin)  # a confidence of 1 belongs to the last bin
    summed_confidence = np.bincount(bins, confidences, BINS)
    correct_count = np.bincount(bins, correct, BINS)
    gaps = np.abs(summed_confidence - correct_count)
    mean_gap = gaps.sum() / len(correct)
    return float(mean_gap)


def predicted_classes(outputs: Outputs) -> NDArray[np.int64]:
    """Return the number of the most probable class of each example, [n]; of equal ones, the first.

    The first is what an app shows that sorts the classes by probability and keeps their order.
    """
    probabilities = _probabilities(outputs)
    classes: NDArray[np.int64] = probabilities.argmax(axis=1)
    return classes


def _probabilities(outputs: Outputs) -> NDArray[np.float32]:
    """Return the only output, [n, classes]."""
    (probabilities,) = outputs.values()
    return probabilities


def _right(outputs: Outputs, truths: Truths) -> Flags:
    right: Flags = predicted_classes(outputs) == truths
    return right


def _class_rows(outputs: Outputs, truths: Truths) -> Rows:
    return {"label": truths, "answer": predicted_classes(outputs)}


def _true_classes(rows: Rows) -> Rows:
    labels = rows["label"]
    return {"label": labels, "answer": labels}


def macro_f1(rows: Rows, weights: Weights) -> float:
    """Return the mean F1 of the classes that have an example, 0 to 1."""
    labels = rows["label"]
    answers = rows["answer"]
    highest_class = max(labels.max(), answers.max())
    classes = highest_class + 1
    right = labels == answers
    counts = weights
    if counts is None:
        counts = np.ones(len(labels))
    of_class = np.bincount(labels, counts, classes)
    answered = np.bincount(answers, counts, classes)
    both = np.bincount(labels, counts * right, classes)
    either = of_class + answered
    tested = of_class > 0
    scores = 2 * both[tested] / either[tested]
    return float(scores.mean())


def _worth_of_rarest(rows: Rows) -> float:
    """Return what macro F1 loses per share of examples, if all are of the rarest class."""
    labels = rows["label"]
    counts = np.bincount(labels)
    tested = counts[counts > 0]
    mean_count = len(labels) / len(tested)
    worth = mean_count / tested.min()
    return float(worth)


ACCURACY = share_metric("accuracy", "share of examples whose predicted class is the label", _right)
MACRO_F1 = Metric(
    word="macro_f1",
    meaning="mean over the classes of F1, the harmonic mean of precision and recall",
    rows=_class_rows,
    value=macro_f1,
    best=_true_classes,
    worth=_worth_of_rarest,
)


class Classification:
    """A classifier whose answer is the most probable label."""

    METRICS = (ACCURACY, MACRO_F1)

    def outputs(self, labels: Sequence[str]) -> tuple[ContractOutput, ...]:
        """Return the probabilities of the labels."""
        shape = (len(labels),)
        bounds = (0.0, 1.0)
        output = ContractOutput(PROBABILITIES, shape, "probability of each label", bounds)
        return (output,)

    def fitting(self, shape: tuple[int, ...], *, is_mixed: bool) -> Fitting:
        """Return the cross entropy with the labels, or with their mixtures."""
        if not is_mixed:
            return Fitting("sparse_categorical_crossentropy", "accuracy", lambda truths: truths)
        (classes,) = shape
        identity = np.eye(classes, dtype=np.float32)
        return Fitting("categorical_crossentropy", "accuracy", lambda truths: identity[truths])

    def training_metrics(self, outputs: Outputs, truths: Truths) -> dict[str, float]:
        """Return the accuracy and the cross entropy."""
        rows = np.arange(len(truths))
        probabilities = _probabilities(outputs)
        of_label = probabilities[rows, truths]
        doubles = of_label.astype(np.float64)
        clipped = np.clip(doubles, SMALLEST_PROBABILITY, 1)
        losses = -np.log(clipped)
        right = self.right(outputs, truths)
        return {
            "validation_accuracy": float(np.mean(right)),
            "validation_cross_entropy": float(losses.mean()),
        }

    def same(self, outputs: Outputs, other: Outputs) -> Flags:
        """Return which examples have the same most probable label."""
        same: Flags = predicted_classes(outputs) == predicted_classes(other)
        return same

    def right(self, outputs: Outputs, truths: Truths) -> Flags:
        """Return of which examples the most probable label is theirs."""
        return _right(outputs, truths)

    def tied(self, outputs: Outputs) -> Flags:
        """Return which examples have several most probable labels."""
        margins = self.margins(outputs)
        tied: Flags = margins[PROBABILITIES] == 0
        return tied

    def margins(self, outputs: Outputs) -> Mapping[str, NDArray[np.float32]]:
        """Return the distance of the two highest probabilities."""
        ascending = np.sort(_probabilities(outputs), axis=1)
        highest = ascending[:, -1]
        second = ascending[:, -2]
        return {PROBABILITIES: highest - second}

    def turns(self, outputs: Outputs) -> NDArray[np.int64]:
        """Return the number of the most probable label."""
        return predicted_classes(outputs)

    def columns(self, outputs: Outputs, truths: Truths, labels: Sequence[str]) -> Columns:
        """Return the label, the most probable label and its probability."""
        answers = predicted_classes(outputs)
        confidences = _confidences(outputs)
        return Columns(
            label=[labels[number] for number in truths],
            answer=[labels[number] for number in answers],
            confidence=[f"{confidence:.6f}" for confidence in confidences],
        )

    def calibration_error(self, outputs: Outputs, truths: Truths) -> CalibrationError:
        """Return the expected calibration error."""
        confidences = _confidences(outputs)
        right = self.right(outputs, truths)
        columns = (confidences, right)
        return CalibrationError(expected_calibration_error, columns)

    def after(
        self, tensors: Sequence[Mapping[str, Any]], package: Package, labels_path: str
    ) -> list[Step]:
        """Return the steps to the most probable labels; of a stream, of a mean."""
        (tensor,) = tensors
        steps: list[Step] = []
        if tensor["scale"] is not None:
            dequantize: Step = {
                "step": "dequantize",
                "scale": tensor["scale"],
                "zero_point": tensor["zero_point"],
            }
            steps.append(dequantize)
        if package.smooth is not None:
            smooth: Step = {
                "step": "smooth",
                "over": package.smooth.over,
                "hold": package.smooth.hold,
            }
            steps.append(smooth)
        top_k: Step = {
            "step": "top_k",
            "k": package.top_k,
            "threshold": package.threshold,
            "labels": labels_path,
        }
        return [*steps, top_k]

    def compare(self, file: Outputs, source: Outputs) -> AnswerComparison:
        """Compare the labels and the probabilities."""
        probabilities = _probabilities(file)
        expected = _probabilities(source)
        n, classes = expected.shape
        predicted_counts = np.bincount(predicted_classes(file), minlength=classes)
        expected_counts = np.bincount(predicted_classes(source), minlength=classes)
        pairs = float(predicted_counts @ expected_counts)
        differences = np.abs(probabilities - expected)
        same = self.same(file, source)
        return AnswerComparison(
            n=n,
            same=int(same.sum()),
            largest_difference=float(differences.max()),
            same_by_chance=pairs / n,
        )


def _confidences(outputs: Outputs) -> NDArray[np.float64]:
    """Return the highest probability of each example, 0 to 1, [n]."""
    highest = _probabilities(outputs).max(axis=1)
    confidences: NDArray[np.float64] = highest.astype(np.float64)
    return confidences.clip(0, 1)


TASK: Task = Classification()
