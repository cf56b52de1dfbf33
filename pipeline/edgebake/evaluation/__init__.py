"""Measure how good and how fast a converted model is, and decide whether it ships."""
