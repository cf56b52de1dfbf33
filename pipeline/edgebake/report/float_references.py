"""Tell what `float` is in the table of results, and what shows that it answers as the model."""

from collections.abc import Iterator, Mapping

from edgebake.evaluation.float_reference import FloatReference


def lines(references: Mapping[str, FloatReference | None]) -> Iterator[str]:
    """Yield a line for each float reference, with the targets that are compared with it."""
    targets: dict[str, list[str]] = {}
    for name, reference in references.items():
        if reference is not None:
            targets.setdefault(reference.describe(), []).append(name)
    for description, names in targets.items():
        yield f"float of {', '.join(names)}: {description}"
