"""A model that somebody trained, in a file that pipeline/formats reads; `edgebake inspect` says what is inside."""

# ruff: noqa: N999 - the recipe says `model: import`

MINIMUM_RESOLUTION = 1
