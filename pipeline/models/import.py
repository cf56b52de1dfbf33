"""A model that somebody trained, in a file that pipeline/formats reads; `edgebake inspect` says what is inside."""

MINIMUM_RESOLUTION = 1
