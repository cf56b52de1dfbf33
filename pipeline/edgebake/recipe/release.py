"""What is released, under which terms, and who vouches for it."""

from dataclasses import dataclass, field

from omegaconf import MISSING


@dataclass
class Card:
    """What people have to know of a model and no measurement says."""

    intended_use: list[str] = MISSING
    limits: list[str] = MISSING


@dataclass
class Licenses:
    """Which licenses may be in a bundle, as SPDX identifiers; one that is in no list stops it."""

    allow: list[str] = MISSING
    review: list[str] = MISSING  # allowed, and named wherever the bundle is
    deny: list[str] = MISSING


@dataclass
class Signature:
    """Who signs, by ECDSA on P-256."""

    key: str = (
        MISSING  # file:PATH, env:NAME, or the URI of a key management service, awskms:... for one
    )
    public_key: str = MISSING  # path of its public half, PEM


@dataclass
class Release:
    """recipes/release.yaml."""

    name: str = MISSING
    version: str = MISSING  # semantic version
    author: str = MISSING
    license: str = MISSING  # SPDX expression
    description: str = MISSING
    card: Card = field(default_factory=Card)
    licenses: Licenses = field(default_factory=Licenses)
    signature: Signature | None = MISSING  # null: unsigned, and the manifest says so
    encryption_key: str | None = (
        MISSING  # file:PATH or env:NAME; null where no target says `protect: encrypt`
    )
    targets: list[str] = MISSING
