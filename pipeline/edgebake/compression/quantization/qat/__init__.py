"""Quantization-aware training: fine-tune a model while weights and activations are quantized.

`train.py` is the entry point. Its modules import TensorFlow and Keras when a function needs them.
"""
