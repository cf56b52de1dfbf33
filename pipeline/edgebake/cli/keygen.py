"""`edgebake keygen`: make a signing key or an encryption key.

Writes the named file and, for a signing key, its public half next to it. Overwrites no file.
"""

import argparse
from pathlib import Path

from rich.console import Console

from edgebake.cli.verbs import Example, Verb


def keygen(path: Path, encryption: bool) -> list[str]:
    """Write a key, and return the lines that tell the user how to use it in recipes/release.yaml.

    Raises:
        HostError: a file of that name exists, or cannot be written.
    """
    if encryption:
        return _write_encryption_key(path)
    return _write_signing_key(path)


def public_half(path: Path) -> Path:
    """Return the path of a key's public half: release.pub.pem for release.pem."""
    return path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")


def _write_signing_key(path: Path) -> list[str]:
    from edgebake.bundle.trust import keys

    public = public_half(path)
    key = keys.generate(path, public)
    return [
        f"{path}: the private key, readable by you alone; keep it out of git",
        f"{public}: the public key {keys.key_id(key)}; commit it, "
        "and give it to those who verify bundles",
        "recipes/release.yaml:",
        f"  signature: {{ key: 'file:{path}', public_key: '{public}' }}",
    ]


def _write_encryption_key(path: Path) -> list[str]:
    from edgebake.bundle.trust import keys

    keys.generate_secret(path)
    return [
        f"{path}: the encryption key, readable by you alone; keep it out of git, "
        "and a copy in a safe place",
        "recipes/release.yaml:",
        f"  encryption_key: 'file:{path}'",
    ]


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        type=Path,
        metavar="FILE",
        help="the private key to write; its public key is written next to it, as release.pub.pem",
    )
    parser.add_argument(
        "--encryption",
        action="store_true",
        help="make a key for `protect: encrypt`; it has no public half",
    )


def _run(arguments: argparse.Namespace, console: Console) -> int:
    for line in keygen(arguments.file, arguments.encryption):
        console.print(line, markup=False)
    return 0


VERB = Verb(
    name="keygen",
    run=_run,
    summary="make a key to sign bundles with, or one to encrypt models with",
    description=(
        "Write a new private key, readable by you alone, and print the lines of "
        "recipes/release.yaml that use it. A signing key is ECDSA on P-256, and its public key is "
        "written next to it; an encryption key is 32 random bytes. Never overwrites a file."
    ),
    examples=(
        Example("edgebake keygen keys/release.pem", "make a signing key"),
        Example("edgebake keygen --encryption keys/models.key", "make an encryption key"),
    ),
    add_options=_add_options,
    needs_project=False,
)
