"""Check the golden vectors and labels of an untrusted bundle against its manifest.

Without golden vectors, or with endless tolerances, an app would accept any model. The code of a
project's own kinds of inputs is not run.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from edgebake.bundle import manifest
from edgebake.bundle.manifest_types import Manifest, TargetEntry
from edgebake.bundle.tensors_of import outputs_with_labels
from edgebake.bundle.trust import bounded_read, golden_first_form, golden_second_form
from edgebake.bundle.trust.bounded_read import UnreadableFileError
from edgebake.bundle.trust.golden_values import NUMERIC
from edgebake.documents import strict_json
from edgebake.documents.strict_json import StrictJsonError
from edgebake.errors import ProofError
from edgebake.evaluation import golden_forms
from edgebake.terminal.printable import printable

MAX_BYTES = 64 << 20  # of a file of golden vectors; five images of 1,000 pixels a side take 60 MB
MAX_LABEL_BYTES = 4 << 20
MAX_EXAMPLES = 1_000
FORMS = {
    golden_forms.FIRST: golden_first_form.find_problems,
    golden_forms.SECOND: golden_second_form.find_problems,
}
# The forms that apps of a form of the manifest read.
READ_WITH = {
    manifest.SCHEMA: (golden_forms.FIRST,),
    manifest.SCHEMA_2: (golden_forms.FIRST, golden_forms.SECOND),
}


def check_golden_vectors(folder: Path, content: Manifest) -> str:
    """Check the golden vectors and the labels of every target.

    Raises:
        ProofError: there are none, they do not fit the target, or tolerances are too large.
    """
    count = 0
    checked = set()
    for name, target in content["targets"].items():
        _check_labels(folder, name, target)
        golden = _read(folder, target["golden"])
        for problem in find_problems(golden, target, READ_WITH[content["schema"]]):
            raise ProofError(f"{target['golden']}: {problem}")
        if target["golden"] not in checked:
            checked.add(target["golden"])
            count += len(golden["examples"])
    return f"{count} examples, labels as in the manifest"


def _check_labels(folder: Path, name: str, target: TargetEntry) -> None:
    """Compare a target's labels with its labels.txt and with the width of its output."""
    labels = target["labels"]
    key = f"{manifest.FILE}: targets.{name}"
    for output in outputs_with_labels(target):
        if NUMERIC.fullmatch(output["dtype"]) and output["shape"][-1] != len(labels):
            raise ProofError(
                f"{key}.labels: {len(labels):,} labels for an output of {output['shape'][-1]:,}; "
                "expected one for each class"
            )
    expected = "".join(f"{label}\n" for label in labels).encode()
    for step in target["postprocessing"]:
        if "labels" in step and _read_file(folder, step["labels"], MAX_LABEL_BYTES) != expected:
            raise ProofError(f"{step['labels']}: not the labels of {key}.labels; expected the same")


def _read(folder: Path, path: str) -> Any:
    try:
        return strict_json.parse(_read_file(folder, path, MAX_BYTES), MAX_BYTES)
    except StrictJsonError as error:
        raise ProofError(f"{path}: expected JSON: {error}") from None


def _read_file(folder: Path, path: str, max_bytes: int) -> bytes:
    try:
        return bounded_read.read(folder / path, max_bytes)
    except UnreadableFileError as error:
        raise ProofError(f"{path}: {error}") from None


def find_problems(golden: Any, target: TargetEntry, forms: Sequence[str]) -> Iterator[str]:
    """Yield the mistakes in golden vectors of one of the forms."""
    examples = golden.get("examples") if isinstance(golden, dict) else None
    if not isinstance(examples, list) or not examples:
        yield "examples: none; expected at least one"
        return
    if len(examples) > MAX_EXAMPLES:
        yield f"examples: {len(examples):,}; expected at most {MAX_EXAMPLES:,}"
        return
    form = golden.get("format")
    if form not in forms:
        shown = printable(repr(form), max_length=100)
        yield f"format: {shown}; expected {' or '.join(forms)}"
        return
    yield from FORMS[form](golden, target)
