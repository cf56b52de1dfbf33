"""Meanings of the metrics in a model card."""

from collections.abc import Iterable

from edgebake.tasks.task import load_task

MEANINGS = {
    "accuracy": "share of the test examples that the file classifies correctly",
    "float_accuracy": "share that the float model classifies correctly, before quantization",
    "loss": "float_accuracy minus accuracy",  # in edgebake.manifest/1
    "accuracy_drop": "float_accuracy minus accuracy",
    "agreement_with_float": (
        "share of the test examples that the file and the float model classify alike"
    ),
    "calibration_error": "expected calibration error: mean difference of confidence and accuracy",
    "expected_calibration_error": "mean difference of confidence and accuracy",
    "false_alarms_per_hour": "answers per hour to a stream that holds nothing to hear",
    "size_mb": "all files of the model; 1 MB = 1,000,000 bytes",
    "macs": "multiply-accumulate operations for one example",
    "parameters": "weights and biases",
    "activation_peak_mb": "largest sum of activations in memory at a time; 1 MB = 1,000,000 bytes",
}


def of(tasks: Iterable[str]) -> dict[str, str]:
    """Return what metrics mean by name: those of every task, and those of these tasks."""
    meanings = dict(MEANINGS)
    for name in tasks:
        for metric in load_task(name).METRICS:
            word = metric.word
            meanings.setdefault(word, metric.meaning)
            meanings.setdefault(f"float_{word}", f"{word} of the float model, before quantization")
            meanings.setdefault(f"{word}_drop", f"by how much {word} is worse than float_{word}")
    return meanings
