"""Secrets and the environment stay out of recipes, and no message shows what it refuses."""

import base64
from pathlib import Path

import pytest

from edgebake.bundle.trust import keys
from edgebake.cli.main import main
from edgebake.errors import RecipeError
from edgebake.plan import compose, planner
from edgebake.plan.checks import secrets
from tests.builds import edit

TARGET = Path("recipes/target/pixel_8.yaml")
RELEASE = Path("recipes/release.yaml")
DIGITS = Path("recipes/data/digits.yaml")
VALUE = "s3cr3t-t0ken"
ENCRYPTION_KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="
OUTSIDE = (
    "refers to something outside the recipe (not shown); expected a value, or another value of it, "
    "as in ${model.resolution}: environment variables are not read, because params.yaml and the "
    "bundle would publish them"
)


@pytest.fixture
def private_key(tmp_path: Path) -> str:
    """The PEM text of a new private key."""
    folder = tmp_path / "keys"
    folder.mkdir()
    keys.generate(folder / "a.pem", folder / "a.pub.pem")
    return (folder / "a.pem").read_text()


def _refusal(capsys: pytest.CaptureFixture[str], *command: str) -> str:
    """Return the message of a command that has to fail, and check that nothing was written."""
    assert main(command or ["plan"]) == 1
    assert not Path("params.yaml").exists()
    printed = capsys.readouterr()
    return (printed.out + printed.err).strip().removeprefix("edgebake: ")


@pytest.mark.parametrize(
    "reference",
    [
        "${oc.env:SECRET_TOKEN}",
        "by ${oc.env:SECRET_TOKEN,nobody} and others",
        "${oc.decode:${oc.env:SECRET_TOKEN}}",
        "${oc.create:{a: 1}}",
        "${oc.select:name}",
        "${oc.dict.values:data}",
        "${hydra:runtime.cwd}",
        "${${seed}:SECRET_TOKEN}",
        "\\${oc.env:SECRET_TOKEN}",
    ],
)
@pytest.mark.parametrize("file", [TARGET, RELEASE, DIGITS], ids=["target", "release", "option"])
@pytest.mark.usefixtures("project")
def test_a_recipe_does_not_read_the_environment(
    file: Path, reference: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", VALUE)
    if file == RELEASE:
        key = "author"
        edit(file, "author: The edgebake developers", f"author: '{reference}'")
    elif file == DIGITS:
        key = "data.origin.author"
        edit(file, "  author: ", f"  author: '{reference}' # ")
    else:
        key = "data.origin.author"
        with file.open("a") as target:
            target.write(f"\ndata:\n  origin:\n    author: '{reference}'\n")
    assert _refusal(capsys) == f"{file}: {key}: {OUTSIDE}"


@pytest.mark.usefixtures("project")
def test_an_override_does_not_read_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", VALUE)
    command = ("show", "pixel_8", "data.origin.author=${oc.env:SECRET_TOKEN}")
    assert _refusal(capsys, *command) == f"command line: {OUTSIDE}"


@pytest.mark.usefixtures("project")
def test_a_recipe_may_refer_to_its_own_values() -> None:
    edit(RELEASE, "author: The edgebake developers", "author: The ${name} developers")
    assert compose.compose_release().author == "The digits developers"


@pytest.mark.parametrize(
    "key",
    [
        "MHcCAQEEIABCsecretprivate",
        "MHcCAQEEIAbc3dEf",
        "file:",
        "env:",
        "env:two words",
        "env:" + "0123456789abcdef" * 4,
        "file:" + "0123456789abcdef" * 4,
        "https://keys.example/release.pem",
        "0123456789abcdef" * 4,
    ],
)
@pytest.mark.parametrize("field", ["signature.key", "encryption_key"])
@pytest.mark.usefixtures("project")
def test_a_key_pasted_where_its_place_belongs_is_refused_and_not_shown(
    field: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if field == "signature.key":
        value = f"signature:\n  key: '{key}'\n  public_key: keys/a.pub.pem"
        edit(RELEASE, "signature: null", value)
    else:
        edit(RELEASE, "encryption_key: null", f"encryption_key: '{key}'")
    message = _refusal(capsys)
    assert message.startswith(f"{RELEASE}: ")
    assert "not shown" in message
    assert "expected" in message
    assert key.removeprefix("file:").removeprefix("env:") not in message or key[-1] == ":"


@pytest.mark.usefixtures("project")
def test_the_message_of_a_pasted_key_names_the_field_and_the_places(
    capsys: pytest.CaptureFixture[str],
) -> None:
    edit(RELEASE, "encryption_key: null", "encryption_key: hunter2")
    assert _refusal(capsys) == (
        "recipes/release.yaml: encryption_key: names no place of a key (not shown, as it may be "
        "the key); expected file:PATH or env:NAME"
    )
    edit(RELEASE, "encryption_key: hunter2", "encryption_key: null")
    edit(RELEASE, "signature: null", "signature: { key: 'pem:x', public_key: keys/a.pub.pem }")
    assert _refusal(capsys) == (
        "recipes/release.yaml: signature.key: names no place of a key (not shown, as it may be "
        "the key); expected file:PATH, env:NAME, or one of: awskms, azurekms, gcpkms, hsm, hv"
    )


@pytest.mark.parametrize("place", ["file:keys/release.pem", "env:EDGEBAKE_KEY", "awskms:arn:aws:k"])
def test_the_place_of_a_key_is_no_secret(place: str) -> None:
    secrets.refuse_in_text(f"key: {place}", "a file")
    secrets.refuse_pasted_keys(place, None, "a file")


@pytest.mark.usefixtures("project")
def test_a_private_key_anywhere_in_a_recipe_is_refused_and_not_shown(
    private_key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    body = private_key.splitlines()[1]
    indented = "\n".join(f"  {line}" for line in private_key.splitlines())
    sound = RELEASE.read_text()
    forms = {
        "a private key": f"description: |\n{indented}\nx:",
        "a private key as base64": f"description: {body}\nx:",
        "32 bytes as base64": f"# {ENCRYPTION_KEY}\ndescription:",
    }
    for kind, text in forms.items():
        RELEASE.write_text(sound.replace("description:", text, 1))
        message = _refusal(capsys)
        assert f"looks like {kind} (not shown); expected no secret" in message
        assert body not in message
        assert ENCRYPTION_KEY not in message


def test_the_line_of_a_secret_is_named() -> None:
    encoded = base64.b64encode(b"-----BEGIN PRIVATE KEY-----").decode()
    with pytest.raises(RecipeError) as refused:
        secrets.refuse_in_text(f"a: 1\nb: {encoded}\n", "recipes/release.yaml")
    assert str(refused.value) == (
        "recipes/release.yaml: line 2: looks like a private key as base64 (not shown); expected no "
        "secret: recipes are committed, and params.yaml and the bundle repeat them"
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("a private key", "-----BEGIN RSA PRIVATE KEY-----"),
        ("a private key", "-----BEGIN OPENSSH PRIVATE KEY-----"),
        ("a private key", "-----BEGIN ENCRYPTED PRIVATE KEY-----"),
        ("a private key as base64", "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg"),
        ("a private key as base64", "MC4CAQAwBQYDK2VwBCIEIA"),
        ("a private key as base64", "MIIEpAIBAAKCAQEA04up8hoqzS1"),
        ("a private key as base64", "MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        ("32 bytes as base64", ENCRYPTION_KEY),
        ("a password in a URL", "https://ada:hunter2@example.org/data.zip"),
        ("an access token", "AKIAIOSFODNN7EXAMPLE"),
        ("an access token", "ghp_" + "a1B2" * 9),
        ("an access token", "hf_" + "abcdE" * 7),
    ],
)
def test_kinds_of_secrets(kind: str, text: str) -> None:
    for value in (text, [{"a": text}], {text: 1}):
        with pytest.raises(RecipeError, match=f"looks like {kind} ") as refused:
            secrets.refuse_in_values({"author": value}, "a file")
        assert text not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef" * 4,
        "https://example.org/models/mobilenet_v2_1.0_224.h5?download=1",
        "data/a_folder/with_a_very_long_name_of_more_than_43_characters/images",
        "MIT OR Apache-2.0",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_texts_that_are_no_secrets(text: str) -> None:
    secrets.refuse_in_text(text, "a file")
    secrets.refuse_in_values({"a": text}, "a file")


@pytest.mark.usefixtures("project")
def test_verify_prints_no_secret_in_a_folder_of_a_hostile_release(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """verify reads the license policy of the release in whose folder it runs."""
    monkeypatch.setenv("SECRET_TOKEN", VALUE)
    edit(RELEASE, "allow: [Apache-2.0", "allow: ['${oc.env:SECRET_TOKEN}'")
    with pytest.raises(RecipeError) as refused:
        compose.compose_release()
    assert str(refused.value) == f"recipes/release.yaml: licenses.allow: {OUTSIDE}"


@pytest.mark.usefixtures("project")
def test_every_recipe_of_the_project_is_without_secrets() -> None:
    planner.make()
