"""Kinds of inputs: a package each, whose `__init__` ends with INPUT (see `interface`)."""
