"""Refuse secrets in recipes, and values that would be read from the environment.

Recipes are committed, and their values are copied into params.yaml, the manifest and the SBOM. No
message of this module shows the text that it refuses.
"""

import re
from collections.abc import Iterator

from edgebake.bundle.trust import key_service
from edgebake.errors import RecipeError

# Text of one kind of secret. A digest, 64 hexadecimal digits, is none: recipes pin files by them.
_SECRETS = {
    "a private key": re.compile(r"-----BEGIN[A-Z ]*PRIVATE KEY"),
    "a private key as base64": re.compile(
        # `-----BEGIN`, then the first bytes of the DER forms: SEC 1, PKCS8 and PKCS1.
        r"LS0tLS1CRUdJTi"
        r"|\bM(?:HcCAQEE|HQCAQEE|IGkAgEBBD|IHcAgEBBE)"
        r"|\bM(?:C4CAQAw|IG[A-Za-z0-9+/]AgEAM|II[A-Za-z0-9+/]{3}IBAD)"
        r"|\bMII[A-Za-z0-9+/]{3,4}IBAA"
    ),
    "32 bytes as base64": re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{43}=(?!=)"),
    "a password in a URL": re.compile(r"://[^\s/:@]+:[^\s/@]+@"),
    "an access token": re.compile(
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
        r"|\bgh[opsur]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22}"
        r"|\bglpat-[\w-]{20}|\bhf_[A-Za-z0-9]{30}|\bxox[abprs]-[\w-]{10}|\bAIza[\w-]{35}"
    ),
}
# Another value of the recipe: ${model.resolution}.
_NODE = re.compile(r"\$\{[A-Za-z_.][\w.\[\]]*\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HEXADECIMAL_KEY = re.compile(r"[0-9A-Fa-f]{32,}")
# Fields of recipes/release.yaml that name the place of a key, and the schemes of each.
_KEY_SCHEMES = {
    "signature.key": ("file", "env", *key_service.SCHEMES),
    "encryption_key": ("file", "env"),
}


def refuse_in_text(text: str, location: str) -> None:
    """Refuse a secret anywhere in the text of a recipe, comments included.

    Args:
        text: of a file, before it is parsed, or of an override of the command line.
        location: the file, or `command line`, for the message.

    Raises:
        RecipeError: names the line, and the kind of secret.
    """
    for number, line in enumerate(text.splitlines(), 1):
        kind = _kind_of_secret(line)
        if kind:
            raise _error(f"{location}: line {number}", kind)


def refuse_in_values(options: object, location: str, prefix: str = "") -> None:
    """Refuse secrets and resolvers in the parsed values of a recipe.

    Args:
        options: nested mappings and lists, interpolations unresolved.
        location: the file, or `command line`, for the message.
        prefix: dotted key of `options`.

    Raises:
        RecipeError: names the key, and the kind of secret or what a value may refer to.
    """
    for key, text in _texts(options, prefix):
        place = f"{location}: {key}" if key else location
        kind = _kind_of_secret(text)
        if kind:
            raise _error(place, kind)
        if "${" in _NODE.sub("", text):
            raise RecipeError(
                f"{place}: refers to something outside the recipe (not shown); expected a value, "
                "or another value of it, as in ${model.resolution}: environment variables are "
                "not read, because params.yaml and the bundle would publish them"
            )


def refuse_pasted_keys(signing_key: str | None, encryption_key: str | None, file: str) -> None:
    """Refuse a key itself where recipes/release.yaml names the place of one.

    Raises:
        RecipeError: names the field and the forms of places.
    """
    places = {"signature.key": signing_key, "encryption_key": encryption_key}
    for field, place in places.items():
        if place is not None and not _is_place(place, _KEY_SCHEMES[field]):
            forms = "file:PATH or env:NAME"
            if field == "signature.key":
                forms = f"file:PATH, env:NAME, or one of: {', '.join(key_service.SCHEMES)}"
            raise RecipeError(
                f"{file}: {field}: names no place of a key (not shown, as it may be the key); "
                f"expected {forms}"
            )


def _is_place(place: str, schemes: tuple[str, ...]) -> bool:
    """Return whether a text is the URI of a key, and not the key behind a scheme."""
    scheme, _, rest = place.partition(":")
    if scheme not in schemes or not rest or _HEXADECIMAL_KEY.fullmatch(rest):
        return False
    return scheme != "env" or _VARIABLE.fullmatch(rest) is not None


def _kind_of_secret(text: str) -> str | None:
    for kind, pattern in _SECRETS.items():
        if pattern.search(text):
            return kind
    return None


def _error(place: str, kind: str) -> RecipeError:
    return RecipeError(
        f"{place}: looks like {kind} (not shown); expected no secret: recipes are committed, and "
        "params.yaml and the bundle repeat them"
    )


def _texts(node: object, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield every text of nested mappings and lists, names of keys included.

    A name is yielded with the key of its mapping, which can be shown whatever the name is.
    """
    if isinstance(node, str):
        yield prefix, node
    elif isinstance(node, dict):
        for name, value in node.items():
            yield prefix, str(name)
            yield from _texts(value, f"{prefix}.{name}" if prefix else str(name))
    elif isinstance(node, list):
        for value in node:
            yield from _texts(value, prefix)
