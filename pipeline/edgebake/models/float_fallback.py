"""Operators that compute in float between casts, in a file that otherwise computes in integers.

The recipe names them with `quantize.fallback`. Each runtime lists the operators of its file with
`FileOperator`; `float_operators` decides which of them stay in float, or why the file is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.errors import ConversionError, UnsuitedError, listed, nearest

if TYPE_CHECKING:
    from edgebake.recipe import Quantize

# The word of a recipe for all operators without an integer kernel.
AUTO = "auto"
# Before the name of a layer; other words name kinds of operators.
LAYER = "layer:"
DEFAULT_LIMIT = 0.1
MAX_NAMED_LAYERS = 4


@dataclass(frozen=True)
class FileOperator:
    """One operator of a float file, and whether the runtime could compute it in integers."""

    name: str  # of the operator or of its output: unique in the file
    kind: str  # in the runtime's naming
    layer: str  # of the source model; empty: not known
    macs: int | None  # multiply-accumulates of one image; None: not known
    has_integer_kernel: bool
    is_normalization: bool = False  # a part of one: it computes in float by default


@dataclass(frozen=True)
class FloatFallback:
    """What the recipe allows to compute in float."""

    names: tuple[str, ...] = ()  # kinds of operators, `layer:NAME`, or `auto`
    limit: float = DEFAULT_LIMIT  # share of the multiply-accumulates, 0 to 1

    @classmethod
    def from_options(cls, options: Quantize) -> FloatFallback:
        """Return what `quantize.fallback` and `quantize.fallback_limit` of a recipe allow."""
        return cls(tuple(option_names(options.fallback)), options.fallback_limit)

    @property
    def is_auto(self) -> bool:
        """Return whether every operator without an integer kernel may compute in float."""
        return AUTO in self.names

    def names_operator(self, operator: FileOperator) -> bool:
        """Return whether the recipe names the kind or the layer of an operator."""
        kind = normalized_kind(operator.kind)
        layer = f"{LAYER}{operator.layer}"
        return any(name == layer or normalized_kind(name) == kind for name in self.names)


def option_names(option: object) -> list[str]:
    """Return the names in a value of `quantize.fallback`: null, a word or a list of words."""
    if option is None:
        return []
    if isinstance(option, list | tuple):
        return [str(name) for name in option]
    return [str(option)]


def normalized_kind(kind: str) -> str:
    """Return a kind of operator without case and underscores: PRELU and PRelu are one word."""
    return kind.replace("_", "").lower()


def float_operators(
    operators: Sequence[FileOperator], fallback: FloatFallback, dtype: str
) -> set[str]:
    """Return the names of the operators of a file that compute in float.

    Besides those that the recipe names, these are the operators of normalizations.

    Args:
        operators: all operators of the float file, without casts.
        fallback: what the recipe allows.
        dtype: of the other activations, for the messages.

    Raises:
        UnsuitedError: an operator has no integer kernel and the recipe does not name it, or the
            share in float exceeds the recipe's limit.
        ConversionError: a name of the recipe is not in the file.
    """
    _refuse_absent_names(operators, fallback)
    chosen = []
    for operator in operators:
        if operator.is_normalization or fallback.names_operator(operator):
            chosen.append(operator)
    unsupported = [operator for operator in operators if not operator.has_integer_kernel]
    refused = []
    if not fallback.is_auto:
        refused = [operator for operator in unsupported if operator not in chosen]
    if refused:
        share = share_text(macs_share(refused, operators))
        named = _without_normalizations(chosen)
        kinds = sorted({operator.kind for operator in [*named, *refused]})
        raise UnsuitedError(
            f"no {dtype} kernel for: {describe(refused)}, {share} of the multiply-accumulates; "
            f"expected quantize.fallback: [{', '.join(kinds)}] or auto: they compute in float "
            "between casts"
        )
    if fallback.is_auto:
        chosen = [*chosen, *[operator for operator in unsupported if operator not in chosen]]
    refuse_large_share(_without_normalizations(chosen), operators, fallback.limit)
    return {operator.name for operator in chosen}


def refuse_large_share(
    chosen: Sequence[FileOperator], operators: Sequence[FileOperator], limit: float
) -> None:
    """Check that the operators in float hold few of the multiply-accumulates.

    Raises:
        UnsuitedError: they hold more than the limit, or their number is not known.
    """
    if not chosen or limit >= 1:
        return
    share = macs_share(chosen, operators)
    if share is None or share > limit:
        raise UnsuitedError(
            f"in float stay: {describe(chosen)}, {share_text(share)} of the "
            f"multiply-accumulates; expected at most {limit:.0%}: quantize.fallback_limit sets "
            "this limit"
        )


def macs_share(part: Iterable[FileOperator], whole: Iterable[FileOperator]) -> float | None:
    """Return the share of the multiply-accumulates, 0 to 1; None if one is not known."""
    part_macs = _total_macs(part)
    all_macs = _total_macs(whole)
    if part_macs is None or all_macs is None:
        return None
    if all_macs == 0:
        return 0.0
    return part_macs / all_macs


def share_text(share: float | None) -> str:
    """Return a share of multiply-accumulates in percent."""
    if share is None:
        return "an unknown share"
    percent = 100 * share
    if 0 < percent < 0.1:
        return "less than 0.1 %"
    return f"{percent:.1f} %"


def describe(operators: Iterable[FileOperator]) -> str:
    """Return operators by kind, with number and layers: `2 PRELU (p_re_lu, p_re_lu_1), 1 TILE`."""
    counts = Counter(operator.kind for operator in operators)
    parts = []
    for kind in sorted(counts):
        layers: dict[str, None] = {}
        for operator in operators:
            if operator.kind == kind and operator.layer:
                layers[operator.layer] = None
        parts.append(f"{counts[kind]} {kind}{_layers_text(list(layers))}")
    return ", ".join(parts)


def _without_normalizations(operators: Iterable[FileOperator]) -> list[FileOperator]:
    return [operator for operator in operators if not operator.is_normalization]


def _layers_text(layers: list[str]) -> str:
    if not layers:
        return ""
    shown = ", ".join(layers[:MAX_NAMED_LAYERS])
    more = len(layers) - MAX_NAMED_LAYERS
    if more > 0:
        shown += f" and {more} more"
    return f" ({shown})"


def _total_macs(operators: Iterable[FileOperator]) -> int | None:
    total = 0
    for operator in operators:
        if operator.macs is None:
            return None
        total += operator.macs
    return total


def _refuse_absent_names(operators: Sequence[FileOperator], fallback: FloatFallback) -> None:
    """Check that the file has every kind and every layer that the recipe names."""
    kinds = {operator.kind for operator in operators}
    layers = {f"{LAYER}{operator.layer}" for operator in operators if operator.layer}
    normalized_kinds = {normalized_kind(kind) for kind in kinds}
    for name in fallback.names:
        if name == AUTO or name in layers or normalized_kind(name) in normalized_kinds:
            continue
        if name.startswith(LAYER):
            raise ConversionError(
                f"quantize.fallback: {name}: the model has no such layer; expected one of: "
                f"{listed(layers)}{nearest(name, layers)}"
            )
        raise ConversionError(
            f"quantize.fallback: {name}: the file has no such operator; expected some of: "
            f"{listed(kinds)}{nearest(name, kinds)}"
        )
