"""Read and check each recipe file once while the targets of a release are composed.

Targets share most of their files. Outside `enabled`, nothing is kept: a file may change any time.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_results: ContextVar[dict[Any, Any] | None] = ContextVar("_results", default=None)


@contextmanager
def enabled() -> Iterator[None]:
    """Keep the results of functions marked with `once` until the outermost such block ends."""
    if _results.get() is not None:
        yield
        return
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


def once(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Call a function once per arguments within `enabled`; its results are not to be edited.

    Args:
        function: its positional arguments can be hashed, and it has no keyword arguments.
    """

    @functools.wraps(function)
    def wrapper(*arguments: Parameters.args, **options: Parameters.kwargs) -> Result:
        results = _results.get()
        if results is None:
            return function(*arguments, **options)
        key = (function, *arguments)
        if key not in results:
            results[key] = function(*arguments, **options)
        result: Result = results[key]
        return result

    return wrapper
