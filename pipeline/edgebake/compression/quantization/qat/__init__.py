"""Quantization-aware training: a trained model in, the same model with weights made for a coarse grid out.

`train.py` is the way in. To import a module is light: TensorFlow, Keras and NumPy wait until a function needs them.
"""
