"""What is asked of a model, one file each: how its answers are scored."""
