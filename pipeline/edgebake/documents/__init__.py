"""JSON and YAML of strangers and of earlier runs: bounded, strict, and with one meaning only."""
