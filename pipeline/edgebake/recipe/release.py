"""Options of a release: description, license policy, signature and targets."""

from dataclasses import dataclass, field

from edgebake.recipe.missing import MISSING


@dataclass
class Card:
    """Statements of the model card that cannot be measured."""

    # Purposes that the model is made for, one sentence each.
    intended_use: list[str] = MISSING
    # Known limitations, one sentence each.
    limits: list[str] = MISSING
    # Where to ask about the model, for example an e-mail address or a URL; null: not stated.
    contact: str | None = None


@dataclass
class Licenses:
    """License policy: SPDX identifiers of the licenses that a bundle may contain.

    A license that occurs in none of the three lists is refused.
    """

    # Licenses that are allowed.
    allow: list[str] = MISSING
    # Licenses that are allowed and marked for review in the bundle's documents.
    review: list[str] = MISSING
    # Licenses that are refused.
    deny: list[str] = MISSING


@dataclass
class Signature:
    """Options of the signature of a bundle (ECDSA on P-256 with SHA-256)."""

    # Private key: file:PATH, env:NAME, or the URI of a key management service such as awskms:...
    key: str = MISSING
    # Path of the public key, in PEM format.
    public_key: str = MISSING


@dataclass
class StageMemory:
    """Peak memory of stages in 10^9 bytes, of the process and its children; null: as assumed.

    `edgebake build` starts stages side by side as long as their memory is available. It assumes
    what the stages of the default release need, and some more; state what a larger model needs.
    """

    # Memory of the stage `data`.
    data: float | None = None
    # Memory of the stage `train`.
    train: float | None = None
    # Memory of the stage `prune`.
    prune: float | None = None
    # Memory of the stage `baseline`.
    baseline: float | None = None
    # Memory of the stage `quantize`.
    quantize: float | None = None
    # Memory of the stage `convert`.
    convert: float | None = None
    # Memory of the stage `validate`.
    validate: float | None = None
    # Memory of the stage `package`.
    package: float | None = None


@dataclass
class Release:
    """Options of a release, recipes/release.yaml: description, licenses, signature, targets."""

    # Name of the model.
    name: str = MISSING
    # Semantic version of the release.
    version: str = MISSING
    # Author or organization.
    author: str = MISSING
    # License of the model as an SPDX expression.
    license: str = MISSING
    # Description of the model in one sentence.
    description: str = MISSING
    # Statements of the model card.
    card: Card = field(default_factory=Card)
    # License policy.
    licenses: Licenses = field(default_factory=Licenses)
    # Key pair that signs the bundles; null: unsigned, and the manifest says so.
    signature: Signature | None = MISSING
    # Encryption key, file:PATH or env:NAME; null: no target has `protect: encrypt`.
    encryption_key: str | None = MISSING
    # Targets of the release: names of files in recipes/target/.
    targets: list[str] = MISSING
    # Memory of stages that need more than edgebake assumes; a change runs no stage again.
    memory_gb: StageMemory = field(default_factory=StageMemory)
