"""Compress the float weights of an ML Program, one function for each form of storage.

Weights of any size are compressed: most of the size of a model for phones is in many small layers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.models.weight_clustering import cluster_values
from edgebake.recipe import Compression, Granularity, Palette

if TYPE_CHECKING:
    import numpy as np
    from coremltools.models import MLModel
    from coremltools.optimize.coreml import OpCompressorConfig, OptimizationConfig
    from numpy.typing import NDArray

EVERY_WEIGHT = 0  # number of elements above which coremltools compresses a weight


@dataclass(frozen=True)
class Storage:
    """Options of the storage of weights."""

    compression: Compression
    granularity: Granularity = Granularity.per_channel  # of int8 weights
    float_constants: Collection[str] = ()  # that int8 leaves in float


def int8(model: MLModel, storage: Storage) -> MLModel:
    """Return the program with int8 weights, with a scale per output channel or per layer."""
    import coremltools.optimize.coreml as cto

    settings = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        granularity=storage.granularity.value,
        weight_threshold=EVERY_WEIGHT,
    )
    # The constant is excluded, not its operator: coremltools cannot give two operators that share
    # a constant different settings.
    config = cto.OptimizationConfig(
        global_config=settings, op_name_configs=dict.fromkeys(sorted(storage.float_constants))
    )
    return cto.linear_quantize_weights(model, config)


def int4(model: MLModel, storage: Storage) -> MLModel:
    """Return the program with int4 weights, with a scale per block of input channels.

    If the input channels are no multiple of the block size, e.g. in a depthwise layer, weights are
    int8 with a scale per output channel; coremltools would leave them in float.
    """
    import coremltools.optimize.coreml as cto

    settings = cto.OpLinearQuantizerConfig(
        mode="linear_symmetric",
        dtype="int4",
        granularity="per_block",
        block_size=storage.compression.block_size,
        weight_threshold=EVERY_WEIGHT,
    )
    quantized = cto.linear_quantize_weights(model, _for_all_operators(settings))
    return int8(quantized, storage)


def palettized(model: MLModel, storage: Storage, joint: bool = False) -> MLModel:
    """Return the program with lookup tables of weights.

    If the output channels are no multiple of the group size, a layer has one table; coremltools
    would leave its weights in float.

    Args:
        model: with weights in float, or sparse.
        storage: with a palette.
        joint: whether the weights are sparse; the tables then are of the non-zero weights.
    """
    import coremltools.optimize.coreml as cto

    palette = _palette(storage.compression)

    def cluster(values: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        return cluster_values(values, palette.bits)

    granularities = ["per_tensor"]
    if palette.group_size is not None:
        granularities.insert(0, "per_grouped_channel")
    for granularity in granularities:
        settings = cto.OpPalettizerConfig(
            mode="custom",
            lut_function=cluster,
            granularity=granularity,
            group_size=palette.group_size or 1,
            enable_per_channel_scale=palette.per_channel_scale,
            weight_threshold=EVERY_WEIGHT,
        )
        config = _for_all_operators(settings)
        model = cto.palettize_weights(model, config, joint_compression=joint)
    return model


def sparse(model: MLModel, storage: Storage) -> MLModel:
    """Return the program with the smallest weights of each layer set to zero and not stored."""
    import coremltools.optimize.coreml as cto

    settings = cto.OpMagnitudePrunerConfig(
        target_sparsity=storage.compression.sparsity, weight_threshold=EVERY_WEIGHT
    )
    return cto.prune_weights(model, _for_all_operators(settings))


def sparse_palettized(model: MLModel, storage: Storage) -> MLModel:
    """Return the program with sparse weights, and lookup tables of the others."""
    return palettized(sparse(model, storage), storage, joint=True)


def _for_all_operators(settings: OpCompressorConfig) -> OptimizationConfig:
    import coremltools.optimize.coreml as cto

    return cto.OptimizationConfig(global_config=settings)


def _palette(compression: Compression) -> Palette:
    if compression.palette is None:
        raise ValueError("palettized weights without a palette")
    return compression.palette
