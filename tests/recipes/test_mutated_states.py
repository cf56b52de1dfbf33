"""params.yaml, dvc.lock and what stages wrote, broken at random: one message and no traceback."""

from pathlib import Path

import pytest

from tests.recipes import state_mutations

COUNT = 30
SEED = 1


@pytest.mark.slow
def test_mutated_states_are_refused_with_the_name_of_the_file(quick_release: Path) -> None:
    """Guards verbs against tracebacks and hangs on damaged files between builds.

    Slow: it takes a built release, and thirty runs of verbs, 60 seconds on one core.
    """
    complaints: list[str] = []
    codes: set[int] = set()
    for mutant, wrong, outcome in state_mutations.run(quick_release, COUNT, SEED):
        codes.add(outcome.code)
        if wrong:
            complaints.append(f"{mutant}: {wrong}: {outcome.output[-500:]}")
    assert complaints == []
    assert codes == {0, 1}
