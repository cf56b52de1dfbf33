"""The lists of keras_layers.yaml: what layers compute at inference, by version of Keras."""

import functools
from pathlib import Path

import yaml

LISTS = Path(__file__).parent / "keras_layers.yaml"


@functools.cache
def classes(effect: str, version: int) -> frozenset[str]:
    """Return the classes with an effect, `inert` or `same`, in a major version of Keras."""
    document = yaml.safe_load(LISTS.read_text())
    return frozenset(document[effect][f"keras_{version}"])
