"""`edgebake init`: write the recipes of a target, and of its data and model, from a few answers."""
