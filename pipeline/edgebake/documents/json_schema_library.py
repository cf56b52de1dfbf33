"""Import jsonschema without the parsers of a format that schemas of edgebake do not use.

If rfc3987-syntax is installed, jsonschema imports it for the formats `iri` and `iri-reference`, and
it builds 39 parsers at import: 1.4 s of CPU time in every stage that reads a recording or writes a
manifest. CycloneDX's validator checks those formats; it gets the parsers when it does.
"""

import importlib.util
import sys
from types import ModuleType

PARSERS = "rfc3987_syntax"


def load() -> ModuleType:
    """Import jsonschema; parsers of internationalized addresses are built once one is checked."""
    if PARSERS not in sys.modules and importlib.util.find_spec(PARSERS):
        sys.modules[PARSERS] = _deferred()
    try:
        import jsonschema
    finally:
        if isinstance(sys.modules.get(PARSERS), _Deferred):
            del sys.modules[PARSERS]
    module: ModuleType = jsonschema
    return module


class _Deferred(ModuleType):
    """A module that stands for another one until its function is called."""


def _deferred() -> _Deferred:
    """Return a module with the function that jsonschema takes from rfc3987-syntax."""
    module = _Deferred(PARSERS)
    vars(module)["is_valid_syntax"] = _is_valid_syntax
    return module


def _is_valid_syntax(term: str, value: str) -> bool:
    """Return whether a text is an `iri` or `iri_reference`; the first call takes 1.4 s."""
    import rfc3987_syntax

    return bool(rfc3987_syntax.is_valid_syntax(term, value))
