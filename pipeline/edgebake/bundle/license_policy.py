"""Decide which licenses a bundle may contain.

A license is an SPDX expression (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions).
The release sorts identifiers into `allow`, `review` and `deny`:

- An identifier in several lists counts as in the strictest. One in no list is refused, like a
  denied one.
- `A OR B`: the licensee chooses, so the better of both counts, and the first if they are equal.
- `A AND B`: both apply, so the worse counts.
- `A WITH exception`: a list may name the whole. Otherwise A decides, because an exception only adds
  permissions: an allowed license stays allowed, and a denied one stays denied until a list names
  it together with the exception.
- `LicenseRef-A` is a license outside SPDX's list: a list has to name it like any other, and its
  text has to be in LICENSES/.
- GPL-3.0 and GPL-3.0+, which SPDX deprecates, mean GPL-3.0-only and GPL-3.0-or-later; the same
  holds for all GNU licenses. `+` after another identifier is refused: it would admit later versions
  of the license unread.

Texts are in the project's LICENSES/<identifier>.txt, as in https://reuse.software/spec-3.3, or else
among those that come with edgebake.
"""

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

from edgebake.bundle import license_texts
from edgebake.bundle.components import Component
from edgebake.errors import LicenseError, nearest
from edgebake.recipe import Licenses, release_file

if TYPE_CHECKING:
    from license_expression import LicenseExpression

REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
# Characters of an expression. Parsing a longer one takes seconds, and it may come from a stranger.
MAX_LENGTH = 1000
MAX_PARENTHESES = 20
# The recipe key in which the license of each kind of component is corrected; that of the model
# is in the file of the release.
RECIPE_KEYS = {
    "data": "recipes/data/: origin.license",
    "weights": "recipes/model/: pretrained.license",
    "code": "pipeline/edgebake/runtimes/: LIBRARY",
}


class PolicyVerdict(Enum):
    """What a license means for a bundle, best first."""

    allow = "allow"
    review = "review"
    deny = "deny"
    unlisted = "unlisted"
    invalid = "invalid"  # not an SPDX expression


RANK = {verdict: rank for rank, verdict in enumerate(PolicyVerdict)}


@dataclass(frozen=True)
class LicenseDecision:
    """The verdict on an expression.

    identifiers: the licenses and exceptions that apply; a bundle contains their texts.
    reasons: why the license is refused; empty if it is not.
    """

    verdict: PolicyVerdict
    identifiers: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def lets_through(self) -> bool:
        """Return whether a bundle may contain what is under this license."""
        return self.verdict in (PolicyVerdict.allow, PolicyVerdict.review)


class LicensedComponent(NamedTuple):
    """A component and the decision on its license."""

    component: Component
    decision: LicenseDecision


def apply_policy(
    components: Iterable[Component], policy: Licenses, folder: Path = license_texts.FOLDER
) -> list[LicensedComponent]:
    """Decide on the license of each component.

    Args:
        components: of a bundle.
        policy: the release's lists of identifiers.
        folder: contains the texts of LicenseRef- identifiers.

    Raises:
        LicenseError: one or more are refused; its text names all of them.
    """
    licensed = []
    problems = []
    for component in components:
        decision = decide(component.license, policy, folder)
        licensed.append(LicensedComponent(component, decision))
        if not decision.lets_through:
            problems.append(_problem(component, decision))
    if problems:
        raise LicenseError("\n".join(problems))
    return licensed


def _problem(component: Component, decision: LicenseDecision) -> str:
    license_ = component.license or "nothing"
    reasons = ", ".join(decision.reasons)
    problem = f"{component.kind} {component.name!r} is under {license_}: {reasons}"
    if decision.verdict is PolicyVerdict.invalid:
        return (
            f"{_recipe_key(component.kind)}: {problem}; "
            "expected an SPDX expression of https://spdx.org/licenses"
        )
    return (
        f"{release_file.path()}: licenses: {problem}; expected licenses in `allow` or `review`, "
        "and the text of each LicenseRef- in LICENSES/"
    )


def decide(
    expression: str, policy: Licenses, folder: Path = license_texts.FOLDER
) -> LicenseDecision:
    """Decide on an SPDX expression by the rules in the module's docstring.

    Args:
        expression: of SPDX.
        policy: the release's lists of identifiers.
        folder: contains the texts of LicenseRef- identifiers.
    """
    try:
        tree = parse(expression)
    except ValueError as error:
        return LicenseDecision(PolicyVerdict.invalid, reasons=(str(error),))
    return _decide_tree(tree, _verdicts(policy), folder)


def _verdicts(policy: Licenses) -> dict[str, PolicyVerdict]:
    """Return the verdict on each identifier of a policy; the strictest list wins."""
    verdicts: dict[str, PolicyVerdict] = {}
    for identifier in policy.allow:
        verdicts[_normalize(identifier)] = PolicyVerdict.allow
    for identifier in policy.review:
        verdicts[_normalize(identifier)] = PolicyVerdict.review
    for identifier in policy.deny:
        verdicts[_normalize(identifier)] = PolicyVerdict.deny
    return verdicts


def _normalize(identifier: str) -> str:
    try:
        return str(parse(identifier))
    except ValueError:  # matches no valid license
        return identifier


def _decide_tree(
    tree: "LicenseExpression", verdicts: Mapping[str, PolicyVerdict], folder: Path
) -> LicenseDecision:
    if isinstance(tree, _spdx().OR):
        return _best([_decide_tree(branch, verdicts, folder) for branch in tree.args])
    if isinstance(tree, _spdx().AND):
        return _combine([_decide_tree(branch, verdicts, folder) for branch in tree.args])
    return _decide_symbol(tree, verdicts, folder)


def _best(branches: Sequence[LicenseDecision]) -> LicenseDecision:
    """Return the best decision; all of them combined if each is a refusal, for all the reasons."""
    best = min(branches, key=_rank)
    return best if best.lets_through else _combine(branches)


def _combine(branches: Sequence[LicenseDecision]) -> LicenseDecision:
    """Return the decision on licenses that apply together."""
    worst = max(branches, key=_rank)
    identifiers: dict[str, None] = {}
    reasons: dict[str, None] = {}
    for branch in branches:
        identifiers |= dict.fromkeys(branch.identifiers)
        reasons |= dict.fromkeys(branch.reasons)
    return LicenseDecision(worst.verdict, tuple(identifiers), tuple(reasons))


def _rank(decision: LicenseDecision) -> int:
    return RANK[decision.verdict]


def _decide_symbol(
    symbol: "LicenseExpression", verdicts: Mapping[str, PolicyVerdict], folder: Path
) -> LicenseDecision:
    """Decide on one license, with or without an exception."""
    name = str(symbol)
    identifiers = tuple(str(identifier) for identifier in symbol.decompose())
    license_ = identifiers[0]
    verdict = verdicts.get(name) or verdicts.get(license_) or PolicyVerdict.unlisted
    reason = ""
    if verdict is PolicyVerdict.deny:
        reason = f"{name} is denied"
    elif verdict is PolicyVerdict.unlisted:
        reason = f"{name} is in no list"
    elif REFERENCE.fullmatch(license_) and not license_texts.find_text(license_, folder).is_file():
        verdict = PolicyVerdict.unlisted
        reason = f"its text, {license_texts.FOLDER}/{license_}.txt, is missing"
    return LicenseDecision(verdict, identifiers, (reason,) if reason else ())


@functools.lru_cache(maxsize=1_000)
def parse(expression: str) -> "LicenseExpression":
    """Parse an SPDX expression; `str` of the result is in the standard's own spelling.

    Raises:
        ValueError: it is not one; the text says why.
    """
    if not expression.strip():
        raise ValueError("no license is named")
    if len(expression) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH:,} characters")
    if expression.count("(") > MAX_PARENTHESES:
        raise ValueError(f"it has more than {MAX_PARENTHESES} parentheses")
    try:
        tree = _spdx().parse(expression, strict=True)
    except ExpressionError as error:
        raise ValueError(f"it cannot be parsed ({' '.join(str(error).split())})") from None
    for key in _spdx().unknown_license_keys(tree):
        if not REFERENCE.fullmatch(key):
            raise ValueError(
                f"{key!r} is not an SPDX identifier{nearest(key, _spdx().known_symbols)}"
            )
    return tree


@functools.cache
def _spdx() -> Licensing:
    """Return a parser that knows the identifiers of SPDX alone.

    The parser of license_expression also maps other spellings, and names of licenses that are not
    in SPDX's list, to identifiers.
    """
    symbols = []
    for symbol in get_spdx_licensing().known_symbols.values():
        if not REFERENCE.fullmatch(symbol.key):
            aliases = _deprecated_identifiers(symbol.key)
            symbols.append(LicenseSymbol(symbol.key, aliases, is_exception=symbol.is_exception))
    return Licensing(symbols)


def _deprecated_identifiers(identifier: str) -> tuple[str, ...]:
    """Return the deprecated spelling of a GNU license: GPL-3.0 of GPL-3.0-only."""
    if identifier.endswith("-only"):
        return (identifier.removesuffix("-only"),)
    if identifier.endswith("-or-later"):
        return (f"{identifier.removesuffix('-or-later')}+",)
    return ()


def _recipe_key(kind: str) -> str:
    """Return the recipe key in which the license of a kind of component is corrected."""
    return RECIPE_KEYS.get(kind) or f"{release_file.path()}: license"
