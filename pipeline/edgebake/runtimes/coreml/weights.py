"""Compress the float weights of an ML Program: a function for each way to store them.

However small a weight is, it is compressed: the size of a model for phones is in its many small layers.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from edgebake.models.weight_clustering import clustered
from edgebake.recipe import Compression, Granularity, Palette

EVERY_WEIGHT = 0  # elements above which coremltools compresses a weight


@dataclass(frozen=True)
class Storage:
    """How weights are to be stored."""

    compression: Compression
    granularity: Granularity = Granularity.per_channel  # of int8
    kept: Collection[str] = ()  # constants that int8 leaves in float


def int8(model: Any, storage: Storage) -> Any:
    """Return the program with int8 weights, one scale for each output channel or for all of a layer."""
    import coremltools.optimize.coreml as cto

    settings = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        granularity=storage.granularity.value,
        weight_threshold=EVERY_WEIGHT,
    )
    # The constant is named, not its operator: two operators that share one may not differ in coremltools.
    config = cto.OptimizationConfig(
        global_config=settings, op_name_configs=dict.fromkeys(sorted(storage.kept))
    )
    return cto.linear_quantize_weights(model, config)


def int4(model: Any, storage: Storage) -> Any:
    """Return the program with int4 weights, one scale for each block of input channels.

    Where the blocks do not divide the input channels, a depthwise layer for one, weights are int8, a scale for each
    output channel: coremltools would leave them in float.
    """
    import coremltools.optimize.coreml as cto

    settings = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        dtype="int4",
        granularity="per_block",
        block_size=storage.compression.block_size,
        weight_threshold=EVERY_WEIGHT,
    )
    return int8(cto.linear_quantize_weights(model, _for_all(settings)), storage)


def palettized(model: Any, storage: Storage, joint: bool = False) -> Any:
    """Return the program with lookup tables; `joint` makes them of what is not zero alone.

    Where groups do not divide the output channels, one table serves them all: coremltools would leave them in float.
    """
    import coremltools.optimize.coreml as cto

    palette = _palette(storage.compression)
    for granularity in (
        ("per_tensor",) if palette.group_size is None else ("per_grouped_channel", "per_tensor")
    ):
        settings = cto.OpPalettizerConfig(
            mode="custom",
            lut_function=lambda values: clustered(values, palette.bits),
            granularity=granularity,
            group_size=palette.group_size or 1,
            enable_per_channel_scale=palette.per_channel_scale,
            weight_threshold=EVERY_WEIGHT,
        )
        model = cto.palettize_weights(model, _for_all(settings), joint_compression=joint)
    return model


def sparse(model: Any, storage: Storage) -> Any:
    """Return the program with the smallest weights of each layer at zero, and only the others stored."""
    import coremltools.optimize.coreml as cto

    settings = cto.OpMagnitudePrunerConfig(
        target_sparsity=storage.compression.sparsity, weight_threshold=EVERY_WEIGHT
    )
    return cto.prune_weights(model, _for_all(settings))


def sparse_palettized(model: Any, storage: Storage) -> Any:
    """Return the program with the smallest weights at zero and lookup tables of the others."""
    return palettized(sparse(model, storage), storage, joint=True)


def _for_all(settings: Any) -> Any:
    import coremltools.optimize.coreml as cto

    return cto.OptimizationConfig(global_config=settings)


def _palette(compression: Compression) -> Palette:
    if compression.palette is None:
        raise ValueError("palettized weights without a palette")
    return compression.palette
