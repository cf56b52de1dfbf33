"""Put the text of modules of edgebake into the Python sample, in place of their imports."""

import re
from importlib import resources
from textwrap import indent

from edgebake.tasks.inputs.interface import STEPS_FILE, load_input

IMPORT = re.compile(r"^from (edgebake\.[\w.]+) import (?:\([^)]*\)|.+)\n", re.MULTILINE)
KINDS_MARK = "# @KINDS@\n"
NOQA = re.compile(r"  # noqa: .+")


class Inliner:
    """Replaces imports by modules, each of them once."""

    def __init__(self) -> None:
        self._inlined: set[str] = set()

    def inline(self, code: str, kinds: list[str]) -> str:
        """Return the code of the sample with all that it imports from edgebake.

        Args:
            code: of the sample; the kinds' steps replace the line `# @KINDS@`.
            kinds: of input that the bundle takes.
        """
        code = self._replace_imports(code)
        steps = "".join(self._kind_steps(kind) for kind in kinds)
        code = code.replace(KINDS_MARK, steps.rstrip() + "\n")
        return NOQA.sub("", code)

    def _replace_imports(self, code: str) -> str:
        return IMPORT.sub(lambda match: self._module(match[1]), code)

    def _module(self, name: str) -> str:
        """Return the text of a module, its docstring as comments; empty if it is in the sample."""
        if name in self._inlined:
            return ""
        self._inlined.add(name)
        package, _, module = name.rpartition(".")
        text = (resources.files(package) / f"{module}.py").read_text()
        code = self._replace_imports(_comment_docstring(text))
        return f"{code.rstrip()}\n\n\n"

    def _kind_steps(self, kind: str) -> str:
        """Return a function that returns the steps of a kind of input.

        Its body is the kind's module `steps`, so that two kinds can use one name.
        """
        code = _comment_docstring(load_input(kind).app_code()[STEPS_FILE].decode())
        modules = "".join(self._module(match[1]) for match in IMPORT.finditer(code))
        body = indent(IMPORT.sub("", code).strip(), "    ")
        return (
            f"{modules}\n\n"
            f"def {kind}_steps() -> dict[str, StepFunction]:\n"
            f"{body}\n"
            "    return STEPS\n\n\n"
            f'KINDS["{kind}"] = {kind}_steps()\n'
        )


def _comment_docstring(text: str) -> str:
    """Return the text of a module with its docstring, if it has one, as comments."""
    if not text.startswith('"""'):
        return text
    _, docstring, code = text.split('"""', maxsplit=2)
    comments = [f"# {line}".rstrip() for line in docstring.strip().splitlines()]
    return "\n".join(comments) + "\n" + code.lstrip("\n")
