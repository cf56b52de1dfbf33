"""Confidence bounds from counts, resampling, and the number of examples that a decision needs."""
