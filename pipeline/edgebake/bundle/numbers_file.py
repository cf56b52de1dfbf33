"""Large constants of steps as files of the bundle, such as the matrix of a mel spectrum.

A file holds the rows of a matrix one after the other, as little-endian float32. In contract.json a
step names it by a key of the input's `numbers`, in the manifest by its path.
"""

from collections.abc import Iterable

from edgebake.tasks.tensors import ContractInput, Step

SUFFIX = ".f32"
LITTLE_ENDIAN = "<f4"
ITEM_BYTES = 4


def path(variant: str, spec: ContractInput, key: str) -> str:
    """Return the path in the bundle of constants that an input has under a key."""
    return f"models/{variant}.{spec.name}.{key}{SUFFIX}"


def render(inputs: Iterable[ContractInput], variant: str) -> dict[str, bytes]:
    """Return the files of all constants of a converted file by path."""
    files = {}
    for spec in inputs:
        for key, values in spec.numbers.items():
            little_endian = values.astype(LITTLE_ENDIAN)
            files[path(variant, spec, key)] = little_endian.tobytes()
    return files


def name_file(step: Step, variant: str, spec: ContractInput) -> Step:
    """Return a step whose `file`, if it has one, is a path in the bundle."""
    if "file" not in step:
        return step
    return {**step, "file": path(variant, spec, step["file"])}
