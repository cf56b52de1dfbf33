"""edgebake: build gated model bundles from YAML recipes."""
