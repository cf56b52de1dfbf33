"""Check what must hold between the fields of a recipe, one file per group."""
