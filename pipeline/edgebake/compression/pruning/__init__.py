"""What pruners share: dependencies between channels, scores, costs, fine-tuning and what pruning has to beat.

To import a module is light: TensorFlow, Keras and NumPy wait until a function needs them.
"""
