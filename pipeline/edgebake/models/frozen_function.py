"""Freeze TensorFlow functions: variables become constants.

TensorFlow has no public function for it; this module alone imports the private one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def freeze(
    concrete: tf.types.experimental.ConcreteFunction,
) -> tf.types.experimental.ConcreteFunction:
    """Return a function with all variables as constants."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    return convert_variables_to_constants_v2(concrete)
