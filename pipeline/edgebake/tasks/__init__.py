"""Tasks: a model's input and output contract, its metrics, and the postprocessing in an app."""
