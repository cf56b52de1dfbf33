"""What evaluation/latency/stopwatch.py wrote elsewhere, in a lab for one: an answer, or a list of answers."""

import json
from pathlib import Path
from typing import Any

from edgebake.errors import DataError
from edgebake.evaluation.latency import measurements, protocol, stopwatch
from edgebake.evaluation.latency.measurements import Answer, Metrics
from edgebake.evaluation.latency.request import TimingRequest, TimingResult, absent
from edgebake.measurement import not_measured

WHERE = "recorded"
LONGEST = 200  # letters of what is wrong; a whole window may be quoted
POSITIVE = {"type": "number", "exclusiveMinimum": 0}
WINDOW = {
    "type": "object",
    "required": ["runs", "mean_ms", "latencies_ms"],
    "properties": {
        "runs": {"type": "integer", "minimum": 1},
        "mean_ms": POSITIVE,
        "latencies_ms": {"type": "array", "minItems": 1, "items": POSITIVE},
    },
}
STATE = {
    "type": "object",
    "required": ["os", "cpu", "governor", "temperature_c"],
    "properties": {name: {"type": "string"} for name in ("os", "cpu", "governor")}
    | {"temperature_c": {"type": ["number", "null"]}},
}
PAIR = {
    "type": "object",
    "required": ["candidate"],
    "properties": {"candidate": WINDOW, "baseline": WINDOW},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "schema": {"const": stopwatch.SCHEMA},
        "request": {
            "type": "object",
            "required": sorted(stopwatch.WORDS),
            "properties": {"threads": {"enum": [1, None, "all"]}, "way": {"type": "string"}},
        },
        "sha256": {"type": "string"},
        "baseline_sha256": {"type": ["string", "null"]},
        "runtime": {"type": "string"},
        "threads": {"type": ["integer", "null"]},
        "before": STATE,
        "after": STATE,
        "load_ms": POSITIVE,
        "first_inference_ms": POSITIVE,
        "peak_memory_mb": {"type": ["number", "null"]},
        "windows": {"type": "array", "minItems": 1, "items": PAIR},
        "throughput": {
            "type": ["object", "null"],
            "required": ["batch"],
            "properties": {"windows": {"items": WINDOW}},
        },
        "sustained": {
            "type": ["object", "null"],
            "required": ["windows"],
            "properties": {"windows": {"items": WINDOW}},
        },
    },
}


def measure(job: TimingRequest) -> TimingResult:
    """Return what was recorded of this very file, or that nothing was measured and why.

    Raises:
        DataError: the file holds something else than answers of a stopwatch.
    """
    words = job.protocol.recorded
    path = Path(words.file if words else "")
    if not path.is_file():
        return absent(
            f"{path}: no such file" if words else "the recipe names no recording: validate.recorded"
        )
    answers = read(path)
    refused = _refused(job, answers)
    if refused:
        return absent(f"{path}: {refused}")
    compared, reason = _compared(job, answers)
    found = _timing(compared)
    speedup = {"speedup": not_measured("times", f"{path}: {reason}")} if reason else {}
    return TimingResult(found.metrics | speedup, found.resamples, found.latencies_ms)


def read(path: Path) -> list[Answer]:
    """Return the answers that a file holds.

    Raises:
        DataError: it holds something else; the message names the key.
    """
    from jsonschema import Draft202012Validator  # needed where there is a recording

    try:
        content: Any = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path}: not JSON: {error}") from None
    answers = content if isinstance(content, list) else [content]
    if not answers:
        raise DataError(
            f"{path}: no answers; expected what pipeline/edgebake/evaluation/latency/stopwatch.py writes"
        )
    validator = Draft202012Validator(SCHEMA | {"required": sorted(SCHEMA["properties"])})
    wrong = next((wrong for answer in answers for wrong in validator.iter_errors(answer)), None)
    if wrong:
        key = wrong.json_path.removeprefix("$").removeprefix(".")
        raise DataError(f"{path}: {key or 'answer'}: {wrong.message[:LONGEST]}")
    return answers


def _refused(job: TimingRequest, answers: list[Answer]) -> str:
    """Return why the answers say nothing of the file, or nothing of what the recipe asks; empty: they do."""
    own = stopwatch.digest(protocol.opened(job)[0])
    for answer in answers:
        if answer["sha256"] != own:
            return f"recorded of another file: sha256 {answer['sha256']}, this one is {own}"
    if (("", False)) not in map(_kind, answers):
        return "holds no answer of the first way on one thread"
    for answer in answers:
        windows = [pair["candidate"] for pair in answer["windows"]]
        runs = sum(window["runs"] for window in windows)
        seconds = sum(window["runs"] * window["mean_ms"] for window in windows) / 1e3
        # The sum is of rounded numbers.
        if runs < job.protocol.runs or seconds < job.protocol.seconds * 0.999:
            expected = f"{job.protocol.runs} in {job.protocol.seconds:g} s"
            return f"{runs} runs in {seconds:.3g} s; the recipe asks for at least {expected}"
    return ""


def _kind(answer: Answer) -> tuple[str, bool]:
    """Return in which way, and whether on all threads."""
    return answer["request"]["way"], answer["request"]["threads"] == "all"


def _compared(job: TimingRequest, answers: list[Answer]) -> tuple[list[Answer], str]:
    """Return the answers without a baseline that is not this one, and why there is none."""
    baseline = protocol.opened(job)[1]
    own = stopwatch.digest(baseline) if baseline else None
    others = [
        answer
        for answer in answers
        if _kind(answer) == ("", False) and answer["baseline_sha256"] != own
    ]
    if not others:
        return answers, ""
    theirs = others[0]["baseline_sha256"]
    reason = (
        f"recorded beside another baseline: sha256 {theirs}, this one is {own}"
        if theirs
        else "has no baseline"
    )
    alone = [
        answer | {"windows": [{"candidate": one["candidate"]} for one in answer["windows"]]}
        for answer in answers
    ]
    return alone, reason if baseline else ""


def _timing(answers: list[Answer]) -> TimingResult:
    first = measurements.timing(
        [answer for answer in answers if _kind(answer) == ("", False)], WHERE
    )
    metrics: Metrics = dict(first.metrics)
    for kind in sorted({_kind(answer) for answer in answers} - {("", False)}):
        way, on_all = kind
        found = measurements.timing([answer for answer in answers if _kind(answer) == kind], WHERE)
        ending = (f"_{way}" if way else "") + ("_all_threads" if on_all else "")
        metrics |= {f"{name}{ending}": metric for name, metric in found.metrics.items()}
    return TimingResult(metrics, first.resamples, first.latencies_ms)
