"""Read the float values of every operation of an ML Program on one example."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from edgebake.runtimes.coreml import package, picture
from edgebake.runtimes.coreml.executor.executor import Executor
from edgebake.runtimes.coreml.executor.program import read_program
from edgebake.runtimes.coreml.executor.translation import Arithmetic, float_values
from edgebake.tasks.tensors import Feeds


def trace(files: dict[str, bytes], example: Feeds) -> Iterator[tuple[str, NDArray[Any]]]:
    """Run an example [1, ...]; yield kind and output of each operation, and its values.

    The executor runs the program, with the program's own float16 arithmetic.
    """
    contents = package.read(files)
    program = read_program(contents)
    names = float_values(program)
    executor = Executor(contents, Arithmetic.float16, extra_outputs=names)
    values = executor.predict(picture.package_inputs(example, contents))
    for operation in program.operations:
        for output in operation.outputs:
            if output.name in values:
                yield f"{operation.kind} {output.name!r}", values[output.name]
