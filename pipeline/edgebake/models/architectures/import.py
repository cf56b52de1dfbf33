"""A model that somebody trained, in a file that models/importers reads; `edgebake inspect` says what is inside."""

# ruff: noqa: N999 - the recipe says `model: import`

MINIMUM_RESOLUTION = 1
