"""jsonschema is imported without parsers that take a second to build, and has them if needed."""

import subprocess
import sys

PROGRAM = """
import sys
from edgebake.documents import json_schema_library

jsonschema = json_schema_library.load()
built = [any(name.startswith("rfc3987_syntax") for name in sys.modules)]
checker = jsonschema.Draft7Validator.FORMAT_CHECKER
valid = [checker.conforms(text, "iri-reference") for text in ("https://\\u00fc.example/a", "a b")]
built.append("rfc3987_syntax" in sys.modules)
print(built, valid, json_schema_library.load() is jsonschema)
"""


def test_the_parsers_are_built_when_an_address_is_checked() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[False, True] [True, False] True\n"
