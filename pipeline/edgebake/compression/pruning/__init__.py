"""Pruning: structured pruning of channels, sparsity and weight clustering, with fine-tuning.

Its modules import TensorFlow and Keras when a function needs them.
"""
