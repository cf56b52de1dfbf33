"""Imported model: the file of `model.imported.file`, which a module of models/importers/ reads."""

# ruff: noqa: N999 - the recipe says `architecture: import`

MINIMUM_RESOLUTION = 1
