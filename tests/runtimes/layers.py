"""Layers, activations and functions of Keras for images, each as a function of a [n, 8, 8, 8]."""

from collections.abc import Callable
from typing import Any

Layers = dict[str, Callable[[Any], Any]]

POSITIONS = 64  # of an image of 8 x 8
CHANNELS = 8


def activations(keras: Any) -> Layers:
    layers = keras.layers
    own = {
        "gelu_tanh": lambda x: keras.activations.gelu(x + 0.1, approximate=True),
        "relu_max": layers.ReLU(max_value=3, negative_slope=0.1, threshold=0.2),
        "prelu": layers.PReLU(),
        "prelu_shared": layers.PReLU(shared_axes=[1, 2]),
        "softmax_rows": layers.Softmax(axis=1),
        "glu_of_channels": lambda x: keras.activations.glu(x, axis=-1),
        "threshold": lambda x: keras.activations.threshold(x, 0.2, -1.0),
    }
    names = (
        "celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear "
        "log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus "
        "softsign sparse_plus sparse_sigmoid sparsemax squareplus tanh tanh_shrink"
    )
    return {name: keras.layers.Activation(name) for name in names.split()} | own


def convolutions(keras: Any) -> Layers:
    layers = keras.layers
    conv, conv_1d = layers.Conv2D, layers.Conv1D

    def of_positions(layer: Any) -> Callable[[Any], Any]:
        return lambda x: layer(layers.Reshape((POSITIONS, CHANNELS))(x))

    def of_volumes(layer: Any) -> Callable[[Any], Any]:
        return lambda x: layer(layers.Reshape((8, 8, 4, 2))(x))

    return {
        "groups_2": conv(6, 3, groups=2),
        "groups_all": conv(8, 3, groups=8, padding="same"),
        "groups_all_twice": conv(16, 3, groups=8, padding="same"),
        "groups_strides": conv(8, 3, groups=4, strides=2, padding="same"),
        "groups_dilated": conv(8, 3, groups=4, dilation_rate=2, padding="same"),
        "groups_all_dilated": conv(8, 3, groups=8, dilation_rate=2),
        "groups_all_uneven": conv(8, 3, groups=8, strides=(1, 2), padding="same"),
        "groups_relu": conv(8, 3, groups=2, activation="relu"),
        "dilated": conv(6, 3, dilation_rate=2, padding="same"),
        "uneven": conv(6, (3, 1), strides=(2, 1), padding="same"),
        "depthwise": layers.DepthwiseConv2D(3, padding="same"),
        "depthwise_twice": layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2),
        "depthwise_dilated": layers.DepthwiseConv2D(3, dilation_rate=2),
        "separable": layers.SeparableConv2D(6, 3, strides=2, depth_multiplier=2),
        "transposed": layers.Conv2DTranspose(6, 3, strides=2, padding="same"),
        "transposed_valid": layers.Conv2DTranspose(6, 3, strides=2),
        "transposed_padded": layers.Conv2DTranspose(6, 3, 2, "same", output_padding=1),
        "line": of_positions(conv_1d(6, 3, strides=2, padding="same")),
        "line_causal": of_positions(conv_1d(6, 3, padding="causal", dilation_rate=2)),
        "line_groups": of_positions(conv_1d(6, 3, groups=2)),
        "line_groups_all": of_positions(conv_1d(8, 3, groups=8)),
        "line_depthwise": of_positions(layers.DepthwiseConv1D(3)),
        "line_separable": of_positions(layers.SeparableConv1D(6, 3)),
        "line_transposed": of_positions(layers.Conv1DTranspose(6, 3, strides=2, padding="same")),
        "volume": of_volumes(layers.Conv3D(4, 2)),
        "volume_transposed": of_volumes(layers.Conv3DTranspose(4, 2, strides=2)),
    }


def sizes(keras: Any) -> Layers:
    """Return layers that change height and width."""
    layers, ops = keras.layers, keras.ops
    up = layers.UpSampling2D
    sides = ((0, 0), (1, 2), (2, 1), (0, 0))

    def volume(x: Any) -> Any:
        return layers.Reshape((8, 8, 4, 2))(x)

    return {
        "max_pool": layers.MaxPooling2D(3, strides=2, padding="same"),
        "average_pool": layers.AveragePooling2D(3, strides=2, padding="same"),
        "average_pool_valid": layers.AveragePooling2D(2),
        "max_pool_3d": lambda x: layers.MaxPooling3D(2, name="pool")(volume(x)),
        "average_pool_3d": lambda x: layers.AveragePooling3D(2, name="mean")(volume(x)),
        "max_pool_line": lambda x: layers.MaxPooling1D(2)(layers.Reshape((64, 8))(x)),
        "global_max": layers.GlobalMaxPooling2D(),
        "global_average": layers.GlobalAveragePooling2D(keepdims=True),
        "up_nearest": up(2),
        "up_bilinear": up(2, interpolation="bilinear"),
        "up_bicubic": up(2, interpolation="bicubic"),
        "up_lanczos": up(2, interpolation="lanczos3"),
        "up_line": lambda x: layers.UpSampling1D(2)(layers.Reshape((64, 8))(x)),
        "up_volume": lambda x: layers.UpSampling3D(2, name="volume")(volume(x)),
        "resize_bilinear": layers.Resizing(5, 11),
        "resize_nearest": layers.Resizing(5, 11, interpolation="nearest"),
        "resize_antialias": layers.Resizing(5, 7, antialias=True),
        "pad": layers.ZeroPadding2D(((1, 2), (0, 1))),
        "pad_reflect": lambda x: ops.pad(x, sides, mode="reflect"),
        "pad_symmetric": lambda x: ops.pad(x, sides, mode="symmetric"),
        "crop": layers.Cropping2D(((1, 2), (0, 1))),
        "center_crop": layers.CenterCrop(5, 5),
        "tile": lambda x: ops.tile(x, (1, 2, 1, 1)),
        "roll": lambda x: ops.roll(x, 2, axis=1),
        "roll_both": lambda x: ops.roll(x, (1, -3), axis=(1, 2)),
        "flip": lambda x: ops.flip(x, axis=1),
        "strided_slice": lambda x: x[:, ::2, 1:7, :],
        "permute": layers.Permute((2, 1, 3)),
        "patches": lambda x: ops.image.extract_patches(x, 2),
    }


def mixing(keras: Any) -> Layers:
    """Return normalizations, attention and dense layers."""
    layers, ops = keras.layers, keras.ops

    def of_positions(build: Callable[[Any], Any]) -> Callable[[Any], Any]:
        return lambda x: build(layers.Reshape((POSITIONS, CHANNELS))(x))

    heads = layers.MultiHeadAttention(2, 4)
    attention = layers.Attention(use_scale=True)
    gate = layers.Dense(8, activation="sigmoid")
    return {
        "batch_norm": layers.BatchNormalization(),
        "layer_norm": layers.LayerNormalization(),
        "layer_norm_image": layers.LayerNormalization(axis=[1, 2, 3]),
        "group_norm": layers.GroupNormalization(2),
        "instance_norm": layers.GroupNormalization(-1),
        "unit_norm": layers.UnitNormalization(),
        "rms_norm": layers.RMSNormalization(),
        "spectral_norm": layers.SpectralNormalization(layers.Conv2D(8, 3)),
        "rescaling": layers.Rescaling(0.5, offset=0.1),
        "self_attention": of_positions(lambda x: heads(x, x)),
        "attention": of_positions(lambda x: attention([x, x])),
        "additive_attention": of_positions(lambda x: layers.AdditiveAttention()([x, x])),
        "einsum_dense": of_positions(
            layers.EinsumDense("abc,cde->abde", output_shape=(64, 2, 3), bias_axes="de")
        ),
        "dense_of_image": layers.Dense(6, activation="relu"),
        "einsum": of_positions(lambda x: ops.einsum("bic,bjc->bij", x, x)),
        "matmul": of_positions(lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1)))),
        "dot": of_positions(lambda x: layers.Dot(axes=(2, 2))([x, x])),
        "squeeze_excite": lambda x: x * gate(ops.mean(x, axis=(1, 2), keepdims=True)),
        "lstm": of_positions(layers.LSTM(4, name="lstm")),
        "embedding": of_positions(lambda x: x + layers.Embedding(64, 8)(ops.arange(64))),
    }


def functions(keras: Any) -> Layers:
    """Return arithmetic, also of two values."""
    layers, ops = keras.layers, keras.ops
    return {
        "add": lambda x: layers.Add()([x, ops.abs(x)]),
        "subtract": lambda x: layers.Subtract()([x, ops.abs(x)]),
        "multiply": lambda x: layers.Multiply()([x, ops.abs(x)]),
        "average": lambda x: layers.Average()([x, ops.abs(x)]),
        "maximum": lambda x: layers.Maximum()([x, -x]),
        "minimum": lambda x: layers.Minimum()([x, -x]),
        "divide": lambda x: x / (ops.abs(x) + 1.0),
        "concatenate": lambda x: layers.Concatenate(axis=1)([x, ops.abs(x)]),
        "expm1": ops.expm1,
        "log1p": lambda x: ops.log1p(ops.abs(x)),
        "erf": ops.erf,
        "gelu_by_hand": lambda x: x * 0.5 * (1.0 + ops.erf(x * 0.5**0.5)),
        "logaddexp": lambda x: ops.logaddexp(x, x * 2.0),
        "logsumexp": lambda x: ops.logsumexp(x, axis=-1, keepdims=True),
        "exp_log": lambda x: ops.log(ops.exp(x) + 1.0),
        "sin_cos": lambda x: ops.sin(x) + ops.cos(x),
        "arctan": ops.arctan,
        "power": lambda x: ops.power(ops.abs(x) + 0.1, 2.5),
        "rsqrt": lambda x: ops.rsqrt(ops.abs(x) + 1.0),
        "clip": lambda x: ops.clip(x, -0.5, 0.5),
        "where": lambda x: ops.where(ops.logical_and(x > 0.0, x < 1.0), x, x * 0.5),
        "finite": lambda x: ops.where(ops.isfinite(x), x, 0.0 * x),
        "sign": lambda x: x * ops.sign(x),
        "mod": lambda x: ops.mod(x, 0.7) + ops.floor_divide(x, 0.7),
        "cumsum": lambda x: ops.cumsum(x, axis=1),
        "max_of_channels": lambda x: ops.max(x, axis=-1, keepdims=True),
        "sum_of_rows": lambda x: ops.sum(x, axis=1),
        "variance": lambda x: ops.var(x, axis=(1, 2), keepdims=True) * x,
        "norm": lambda x: ops.norm(x, axis=-1, keepdims=True),
        "top": lambda x: ops.top_k(ops.reshape(x, (-1, 8, 64)), 5)[0],
        "take": lambda x: ops.take(x, [0, 3, 5], axis=-1),
        "split": lambda x: ops.split(x, 2, axis=-1)[1],
        "stack": lambda x: ops.stack([x, x * 2.0], axis=-1),
    }


LITERT = "LiteRT's converter"


def unknown(library: str, operator: str, layer: str) -> str:
    return (
        f"{library} knows no operator for TensorFlow's {operator}, in the layers {layer}; "
        "expected a model without these, or a target of another runtime"
    )


GROUPS: dict[str, Callable[[Any], Layers]] = {
    "activations": activations,
    "convolutions": convolutions,
    "sizes": sizes,
    "mixing": mixing,
    "functions": functions,
}
LOOP = (
    "layer 'lstm': LSTM is a loop, which ONNX Runtime and Core ML do not load and no runtime "
    "computes in integers; expected a convolution over time (Conv2D of height 1), or unroll=True "
    "for a few steps in floats"
)
# Layer -> runtime that lacks it -> the message.
REFUSED: dict[str, dict[str, str]] = {
    "max_pool_3d": {"litert": unknown(LITERT, "MaxPool3D", "pool")},
    "average_pool_3d": {"litert": unknown(LITERT, "AvgPool3D", "mean")},
    "up_volume": {
        "coreml": (
            "coremltools cannot convert the model (ValueError: Core ML only supports tensors with "
            'rank <= 5. Layer "functional_volume_1_Repeat_ExpandDims", with type "expand_dims", '
            "outputs a rank 6 tensor.); expected a model, and a scheme, for which it can; the log "
            "of the stage has all that it says"
        )
    },
    "lstm": dict.fromkeys(("litert", "onnxruntime", "coreml"), LOOP),
    "arctan": {"litert": unknown(LITERT, "Atan", "Atan")},
}


def all_layers(keras: Any) -> Layers:
    layers: Layers = {}
    for group in GROUPS.values():
        layers |= group(keras)
    return layers


def weighted(keras: Any) -> Layers:
    """Return layers with weights, one of each kind that a scheme stores in another way."""
    mixed = mixing(keras)
    of_images = convolutions(keras)
    names = ("groups_2", "groups_all", "depthwise_twice", "separable", "transposed", "line_groups")
    attention = {name: mixed[name] for name in ("self_attention", "einsum_dense")}
    return {name: of_images[name] for name in names} | attention
