"""A new key in a file, and what to write into recipes/release.yaml to use it.

Writes the file that is named, and for a signing key its public half beside it. Never over another one.
"""

from pathlib import Path

from edgebake.bundle.trust import keys


def keygen(path: Path, encryption: bool) -> list[str]:
    """Make a key to sign with, or to encrypt with, and return the lines that say what to do with it.

    Raises:
        HostError: a file of that name is there, or cannot be written.
    """
    return _encryption(path) if encryption else _signing(path)


def _signing(path: Path) -> list[str]:
    public = public_half(path)
    key = keys.generate(path, public)
    return [
        f"{path}: the private key, readable by you alone; keep it out of git",
        f"{public}: the public key {keys.key_id(key)}; commit it, and give it to who verifies",
        "recipes/release.yaml:",
        f"  signature: {{ key: 'file:{path}', public_key: '{public}' }}",
    ]


def _encryption(path: Path) -> list[str]:
    keys.generate_secret(path)
    return [
        f"{path}: the encryption key, readable by you alone; keep it out of git, and a copy in a safe place",
        "recipes/release.yaml:",
        f"  encryption_key: 'file:{path}'",
    ]


def public_half(path: Path) -> Path:
    """Return where the public half of a key goes: release.pub.pem beside release.pem."""
    return path.with_name(f"{path.name.removesuffix('.pem')}.pub.pem")
