"""edgebake: YAML recipes in, gated model bundles out."""
