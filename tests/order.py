"""Order in which parallel processes take files of tests."""

from pathlib import Path

ROOT = Path(__file__).parent

# Files that take a minute or more, the longest first, so that parallel processes finish together.
# The first two build the releases that other files read: those come later, and need not wait.
LONG = (
    "test_default_release.py",
    "test_same_bytes.py",
    "benchmarks/test_benchmarks.py",
    "test_edited_recipes.py",
    "test_bring_your_own.py",
    "test_edited_code.py",
    "test_kills.py",
    "test_own_project.py",
    "runtimes/coreml/test_apple_operators.py",
    "runtimes/test_all_architectures.py",
    "execution/test_release.py",
    "recipes/test_mutated_states.py",
    "recipes/test_mutated_recipes.py",
    "runtimes/coreml/test_convert.py",
    "runtimes/test_operators.py",
    "stages/test_convert.py",
    "docs/test_transcripts.py",
    "stages/test_task_recipes.py",
)


def position(file: Path) -> int:
    """Return the place of a file in the order; all that are not long share the last.

    coremltools' own tests, which test_apple_operators.py runs, are not below this folder.
    """
    if not file.is_relative_to(ROOT):
        return len(LONG)
    name = file.relative_to(ROOT).as_posix()
    return LONG.index(name) if name in LONG else len(LONG)
