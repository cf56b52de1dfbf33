"""Which licenses may be in a bundle, and the texts that it then carries.

A license is an SPDX expression (https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions). The release sorts
identifiers into `allow`, `review` and `deny`:

- One that is in several lists counts as the strictest says; one that is in none stops the bundle, as a denied one does.
- `A OR B`: who ships it chooses, so the best of both counts, and the first where they are alike.
- `A AND B`: both bind, so the worst counts.
- `A WITH exception`: a list may name the whole. Else A decides, since an exception only adds permissions to A: what is
  allowed stays allowed, and what is denied stays denied until a list says that this exception makes it good.
- `LicenseRef-A` is nobody's standard: it has to be in a list like any other, and its text in LICENSES/.
- GPL-3.0 and GPL-3.0+, which SPDX deprecates, are read as GPL-3.0-only and GPL-3.0-or-later, and so for all of GNU's.
  `+` behind another identifier is refused: it lets in licenses that nobody has read yet.

Texts lie in the project's LICENSES/<identifier>.txt, as in https://reuse.software/spec-3.3; edgebake brings those of
its own release, which are taken where the project has none. Writes nothing.
"""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from license_expression import ExpressionError, LicenseSymbol, Licensing, get_spdx_licensing

from edgebake.bundle import license_texts
from edgebake.bundle.components import Component
from edgebake.errors import LicenseError, nearest
from edgebake.recipe import Licenses
from edgebake.recipe.release_info import ReleaseInfo

FOLDER = license_texts.FOLDER
REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.-]+")
LONGEST = 1000  # characters of an expression: the parser takes a while for more, and a stranger may have written it
MENDED_IN = {
    "model": "recipes/release.yaml: license",
    "data": "recipes/data/: origin.license",
    "weights": "recipes/model/: pretrained.license",
    "code": "pipeline/edgebake/runtimes/: LIBRARY",
}
USES = {
    "data": "The model learned from it; a few of its examples lie in golden/.",
    "weights": "The model's weights started from it.",
    "code": "Not in the bundle: an app that takes it takes its notices along.",
}


class PolicyVerdict(Enum):
    """What a license means for a bundle, best first."""

    allow = "allow"
    review = "review"
    deny = "deny"
    unlisted = "unlisted"
    invalid = "invalid"  # no SPDX expression


RANK = {verdict: rank for rank, verdict in enumerate(PolicyVerdict)}


@dataclass(frozen=True)
class LicenseDecision:
    """The verdict on an expression."""

    verdict: PolicyVerdict
    identifiers: tuple[
        str, ...
    ] = ()  # of the licenses and exceptions that were chosen: a bundle carries their texts
    reasons: tuple[str, ...] = ()  # why it stops a bundle; none where it does not

    @property
    def lets_through(self) -> bool:
        """Return whether a bundle may hold what is under this license."""
        return self.verdict in (PolicyVerdict.allow, PolicyVerdict.review)


LicensedComponent = tuple[Component, LicenseDecision]


def apply_policy(
    ingredients: Iterable[Component], policy: Licenses, folder: Path = FOLDER
) -> list[LicensedComponent]:
    """Return each ingredient with the decision on its license.

    Raises:
        LicenseError: one or more may not be in a bundle.
    """
    judged = [(one, decide(one.license, policy, folder)) for one in ingredients]
    refused = [_complaint(one, decision) for one, decision in judged if not decision.lets_through]
    if refused:
        raise LicenseError("\n".join(refused))
    return judged


def _complaint(one: Component, decision: LicenseDecision) -> str:
    what = f"{one.kind} {one.name!r} is under {one.license or 'nothing'}: {', '.join(decision.reasons)}"
    if decision.verdict is PolicyVerdict.invalid:
        return f"{MENDED_IN[one.kind]}: {what}; expected an SPDX expression of https://spdx.org/licenses"
    expected = (
        "expected licenses in `allow` or `review`, and the text of each LicenseRef- in LICENSES/"
    )
    return f"recipes/release.yaml: licenses: {what}; {expected}"


def decide(expression: str, policy: Licenses, folder: Path = FOLDER) -> LicenseDecision:
    """Return what an expression means for a bundle; the module says by which rules.

    Args:
        expression: of SPDX.
        policy: which identifiers are in which list.
        folder: where the text of a LicenseRef- has to lie.
    """
    try:
        tree = parse(expression)
    except ValueError as error:
        return LicenseDecision(PolicyVerdict.invalid, reasons=(str(error),))
    return _weighed(tree, _rules(policy), folder)


def _rules(policy: Licenses) -> dict[str, PolicyVerdict]:
    """Return the verdict on each identifier of the policy; the strictest list comes last, so that it counts."""
    lists = {
        PolicyVerdict.allow: policy.allow,
        PolicyVerdict.review: policy.review,
        PolicyVerdict.deny: policy.deny,
    }
    return {
        _normal(identifier): verdict for verdict, listed in lists.items() for identifier in listed
    }


def _normal(identifier: str) -> str:
    try:
        return str(parse(identifier))
    except ValueError:  # matches nothing that is valid
        return identifier


def _weighed(tree: Any, rules: dict[str, PolicyVerdict], folder: Path) -> LicenseDecision:
    if isinstance(tree, _spdx().OR):
        return _chosen([_weighed(one, rules, folder) for one in tree.args])
    if isinstance(tree, _spdx().AND):
        return _bound([_weighed(one, rules, folder) for one in tree.args])
    return _of_symbol(tree, rules, folder)


def _chosen(branches: Sequence[LicenseDecision]) -> LicenseDecision:
    best = min(branches, key=lambda one: RANK[one.verdict])
    return best if best.lets_through else _bound(branches)


def _bound(branches: Sequence[LicenseDecision]) -> LicenseDecision:
    worst = max((one.verdict for one in branches), key=RANK.__getitem__)
    identifiers = dict.fromkeys(name for one in branches for name in one.identifiers)
    reasons = dict.fromkeys(reason for one in branches for reason in one.reasons)
    return LicenseDecision(worst, tuple(identifiers), tuple(reasons))


def _of_symbol(symbol: Any, rules: dict[str, PolicyVerdict], folder: Path) -> LicenseDecision:
    """Return the decision on one license, maybe with an exception."""
    whole, identifiers = str(symbol), tuple(str(one) for one in symbol.decompose())
    base = identifiers[0]
    verdict = rules.get(whole) or rules.get(base) or PolicyVerdict.unlisted
    if verdict is PolicyVerdict.deny:
        return LicenseDecision(verdict, identifiers, (f"{whole} is denied",))
    if verdict is PolicyVerdict.unlisted:
        return LicenseDecision(verdict, identifiers, (f"{whole} is in no list",))
    if REFERENCE.fullmatch(base) and not _text_of(base, folder).is_file():
        return LicenseDecision(
            PolicyVerdict.unlisted, identifiers, (f"its text, {FOLDER}/{base}.txt, is not there",)
        )
    return LicenseDecision(verdict, identifiers)


def parse(expression: str) -> Any:
    """Return the tree of an SPDX expression; `str` of it is the expression in the standard's own spelling.

    Raises:
        ValueError: it is none; the text says why.
    """
    if not expression.strip():
        raise ValueError("no license is named")
    if len(expression) > LONGEST:
        raise ValueError(f"it is longer than {LONGEST:,} characters")
    try:
        tree = _spdx().parse(expression, strict=True)
    except ExpressionError as error:
        raise ValueError(f"it cannot be parsed ({' '.join(str(error).split())})") from None
    for key in _spdx().unknown_license_keys(tree):
        if not REFERENCE.fullmatch(key):
            raise ValueError(f"{key!r} is no SPDX identifier{nearest(key, _spdx().known_symbols)}")
    return tree


@functools.cache
def _spdx() -> Licensing:
    """Return a parser that knows SPDX's identifiers alone.

    The library's own takes further spellings, and some names of private licenses, for one that SPDX lists.
    """
    known = get_spdx_licensing().known_symbols.values()
    of_spdx = [one for one in known if not REFERENCE.fullmatch(one.key)]
    return Licensing(
        [LicenseSymbol(one.key, _older(one.key), is_exception=one.is_exception) for one in of_spdx]
    )


def _older(identifier: str) -> tuple[str, ...]:
    if identifier.endswith("-only"):
        return (identifier.removesuffix("-only"),)
    return (f"{identifier.removesuffix('-or-later')}+",) if identifier.endswith("-or-later") else ()


def _text_of(identifier: str, folder: Path) -> Path:
    """Return the file of a license's text; edgebake's own text stands in for one of the project alone."""
    text = folder / f"{identifier}.txt"
    return license_texts.by_identifier().get(identifier, text) if folder == FOLDER else text


def manifest_entries(judged: Iterable[LicensedComponent]) -> list[dict[str, str]]:
    """Return `licenses` of the manifest."""
    return [
        {
            "kind": one.kind,
            "name": one.name,
            **{
                word: value
                for word, value in (("version", one.version), ("author", one.author))
                if value
            },
            "license": str(parse(one.license)),
            "source": one.source,
            "decision": decision.verdict.value,
        }
        for one, decision in judged
    ]


def texts(judged: Iterable[LicensedComponent], folder: Path = FOLDER) -> dict[str, bytes]:
    """Return the text of each license that was chosen, by its path in the bundle.

    Raises:
        LicenseError: one or more are not there.
    """
    users = {name: one for one, decision in reversed(list(judged)) for name in decision.identifiers}
    missing = [
        f"{FOLDER}/{name}.txt: not there; expected the text of {name}, which {one.kind} {one.name!r} is under"
        for name, one in sorted(users.items())
        if not _text_of(name, folder).is_file()
    ]
    if missing:
        raise LicenseError("\n".join(missing))
    return {f"{FOLDER}/{name}.txt": _text_of(name, folder).read_bytes() for name in sorted(users)}


def render_notice(about: ReleaseInfo, judged: Iterable[LicensedComponent]) -> str:
    """Return the text of NOTICE: the release, and what it is made from under which license."""
    head = [
        f"{about.name} {about.version}, by {about.author}",
        about.description,
        f"License: {about.license}",
    ]
    blocks = [head, ["The texts of all licenses lie in LICENSES/. It is made from:"]]
    blocks += [_noted(one, decision) for one, decision in judged if one.kind != "model"]
    return (
        "\n\n".join("\n".join(" ".join(line.split()) for line in block) for block in blocks) + "\n"
    )


def _noted(one: Component, decision: LicenseDecision) -> list[str]:
    chosen = (
        f"; chosen: {', '.join(decision.identifiers)}" if " OR " in str(parse(one.license)) else ""
    )
    review = ", to be reviewed" if decision.verdict is PolicyVerdict.review else ""
    return [
        f"{one.kind}: {one.name} {one.version}",
        *([f"By: {one.author}"] if one.author else []),
        f"License: {one.license}{chosen}{review}",
        f"Source: {one.source}",
        USES[one.kind],
    ]
