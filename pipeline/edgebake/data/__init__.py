"""Datasets: data sources, readers of their files, splits and preprocessed images."""
