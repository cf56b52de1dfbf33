"""Kinds of model outputs, one module each: metrics of the predictions."""
