"""Kinds of operations by how their output channels depend on their input channels."""

# Each output channel is a sum over all input channels; kernel [..., in, out].
MIXING = ("Conv1D", "Conv2D", "Conv3D", "Dense")
# Activation functions of each number alone, whatever the other channels contain.
POINTWISE = (
    "linear",
    "relu",
    "relu6",
    "clipped_relu",
    "bent_relu",
    "leaky_relu",
    "elu",
    "selu",
    "celu",
    "gelu",
    "mish",
    "silu",
    "swish",
    "hard_silu",
    "hard_swish",
    "sigmoid",
    "hard_sigmoid",
    "tanh",
    "hard_tanh",
    "softplus",
    "softsign",
    "exponential",
)
ACTIVATION_OPERATIONS = (
    "Activation",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "Relu",
    "Relu6",
    "Silu",
    "Sigmoid",
    "HardSigmoid",
    "HardSilu",
    "HardSwish",
    "Tanh",
)
SCALING_LAYERS = ("BatchNormalization", "Rescaling")
TRAINING_LAYERS = (
    "Dropout",
    "SpatialDropout2D",
    "GaussianNoise",
    "ActivityRegularization",
    "Identity",
)
SPATIAL_LAYERS = (
    "MaxPooling1D",
    "MaxPooling2D",
    "AveragePooling1D",
    "AveragePooling2D",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "Cropping1D",
    "Cropping2D",
    "UpSampling1D",
    "UpSampling2D",
    "Resizing",
)
# Each output channel depends on the input channel of the same number alone.
CHANNELWISE = (*ACTIVATION_OPERATIONS, *SCALING_LAYERS, *TRAINING_LAYERS, *SPATIAL_LAYERS)
# Layers of keras.layers and operations of keras.ops share these names.
ELEMENTWISE = (
    "Add",
    "Subtract",
    "Multiply",
    "Average",
    "Maximum",
    "Minimum",
    "Divide",
    "TrueDivide",
)
# Operations of keras.ops with these names cannot be rebuilt with another number of channels.
REBUILDABLE_AS_LAYER = ("Flatten", "Reshape", "Concatenate", *MIXING)
