"""How many examples the property tests try: the same few in every run, or many by `--hypothesis-profile thorough`."""

from hypothesis import Phase, settings

DEFAULT = "ci"
settings.register_profile(DEFAULT, max_examples=100, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=3000, deadline=None)


def one_in(divisor: int) -> settings:
    """Return settings for a property whose examples cost that much more: fewer, and a failing one is not shrunk."""
    return settings(max_examples=settings().max_examples // divisor, phases=[Phase.generate])
