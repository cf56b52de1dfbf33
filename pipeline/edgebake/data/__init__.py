"""Read a dataset: where it comes from, how it is split, and how its files are decoded."""
