"""Settings of property tests: the same few examples in every run.

`--hypothesis-profile thorough` runs many more.
"""

from hypothesis import Phase, settings

DEFAULT = "ci"
settings.register_profile(DEFAULT, max_examples=100, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=3000, deadline=None)


def one_in(divisor: int) -> settings:
    """Return settings for slow examples: fewer of them, and failing examples are not shrunk."""
    return settings(max_examples=settings().max_examples // divisor, phases=[Phase.generate])
