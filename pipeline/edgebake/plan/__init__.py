"""Turn recipes into params.yaml: compose, resolve, and merge what targets share."""
