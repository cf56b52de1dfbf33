"""A release is signed if it is of the commit that is checked out, complete and unchanged."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgebake import artifacts
from edgebake.bundle.trust import git, proof, provenance, signature
from edgebake.documents import strict_yaml
from edgebake.errors import ArtifactError, HostError
from edgebake.execution import release
from edgebake.recipe import stage_params
from edgebake.recipe.stage_params import Plan
from tests import builds, signed
from tests.signed import Signed
from tests.stages import alone

COMMIT = str(alone.REVISION["git_commit"])
ZIP = release.FOLDER / "linux.zip"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, planned: Plan) -> Signed:
    """A project with a bundle for Linux, whose proof is signed; not to be edited."""
    return signed.make(tmp_path_factory.mktemp("project"), planned)


@pytest.fixture
def unsigned(project: Signed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Signed:
    """A built release whose proof is unsigned, in the folder of the test."""
    root = project.key.parent
    monkeypatch.chdir(tmp_path)
    shutil.copytree(project.folder.parent, tmp_path / release.FOLDER)
    folder = release.FOLDER / "linux.proof"
    statement = provenance.unseal((folder / proof.PROVENANCE).read_bytes(), None)
    shutil.rmtree(folder)
    artifacts.write(folder / proof.PROVENANCE, provenance.seal(statement, None))
    _seal()
    params = stage_params.parse_plan((root / "params.yaml").read_bytes())["package"]["linux"]
    monkeypatch.setattr(git, "head", lambda: COMMIT)
    _commit_plan(params, monkeypatch)
    return project


def _commit_plan(params: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the commit hold the project's own plan, with these parameters of its one bundle."""
    plan = stage_params.parse_plan((signed.ROOT / "params.yaml").read_bytes())
    text = strict_yaml.dump({**plan, "package": {"linux": params}})
    monkeypatch.setattr(git, "committed", lambda _: text)


def _committed_params() -> dict[str, Any]:
    """Return the parameters of the one bundle in the plan of the commit."""
    plan = stage_params.parse_plan(str(git.committed(stage_params.PARAMS)).encode())
    params: dict[str, Any] = plan["package"]["linux"]
    return params


def _seal() -> None:
    """Write the digests of the release as its build does."""
    (release.FOLDER / artifacts.SUMS).unlink(missing_ok=True)
    artifacts.write(release.FOLDER / artifacts.SUMS, artifacts.sums(release.FOLDER).encode())


def test_every_proof_of_a_release_is_signed(unsigned: Signed) -> None:
    assert release.sign().startswith("signed by ")
    folder = release.FOLDER / "linux.proof"
    signature.verify(release.FOLDER / "linux", folder / proof.SIGNATURE, unsigned.key)
    provenance.unseal((folder / proof.PROVENANCE).read_bytes(), unsigned.key)
    assert (release.FOLDER / artifacts.SUMS).read_text() == artifacts.sums(release.FOLDER)
    assert (folder / artifacts.SUMS).read_text() == artifacts.sums(folder)
    assert release.sign().startswith("signed by ")  # the same again


def _edit(name: str) -> None:
    (release.FOLDER / name).write_bytes(b"another")


def _seal_another_zip() -> None:
    _edit("linux.zip")
    _seal()


def _lose_the_bundle() -> None:
    shutil.rmtree(release.FOLDER / "linux")
    _seal()


CHANGES: dict[str, tuple[Callable[[], object], str]] = {
    "no release": (
        lambda: shutil.rmtree(release.FOLDER),
        "artifacts/release: not found; expected a release: run `edgebake release`",
    ),
    "edited model": (
        lambda: _edit("linux/NOTICE"),
        "artifacts/release: changed since it was built: run `edgebake release` again",
    ),
    "added file": (
        lambda: _edit("android.zip"),
        "artifacts/release: changed since it was built: run `edgebake release` again",
    ),
    "another zip": (
        _seal_another_zip,
        "artifacts/release/linux.zip: not the archive of artifacts/release/linux: "
        "run `edgebake release` again",
    ),
    "missing platform": (
        _lose_the_bundle,
        "artifacts/release/linux: not found; expected a bundle: run `edgebake release`",
    ),
}


@pytest.mark.parametrize(("change", "message"), CHANGES.values(), ids=CHANGES.keys())
@pytest.mark.usefixtures("unsigned")
def test_a_release_that_was_changed_is_not_signed(
    change: Callable[[], object], message: str
) -> None:
    change()
    with pytest.raises(ArtifactError) as refused:
        release.sign()
    assert str(refused.value) == message
    assert not list(release.FOLDER.rglob(proof.SIGNATURE))


@pytest.mark.usefixtures("unsigned")
def test_a_release_of_another_commit_is_not_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(git, "head", lambda: "ab" * 20)
    with pytest.raises(ArtifactError) as refused:
        release.sign()
    assert str(refused.value) == (
        f"artifacts/release/linux: of commit {COMMIT[:12]}; expected abababababab, "
        "which is checked out: run `edgebake release`"
    )


def test_a_key_that_is_gone_leaves_the_release_unsigned(
    unsigned: Signed, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"key": "env:NO_SUCH_KEY", "public_key": str(unsigned.key)}
    _commit_plan({**_committed_params(), "signature": options}, monkeypatch)
    before = artifacts.read_files(release.FOLDER)
    with pytest.raises(HostError) as refused:
        release.sign()
    assert str(refused.value) == (
        "env:NO_SUCH_KEY: no such variable; expected it to contain the key"
    )
    assert artifacts.read_files(release.FOLDER) == before


@pytest.mark.usefixtures("unsigned")
def test_a_release_without_a_key_stays_unsigned(monkeypatch: pytest.MonkeyPatch) -> None:
    _commit_plan({**_committed_params(), "signature": None}, monkeypatch)
    assert release.sign() == "unsigned, as recipes/release.yaml says"
    assert not list(release.FOLDER.rglob(proof.SIGNATURE))


@pytest.mark.parametrize("plan", [None, "", "# nothing\n", "{}\n"])
def test_a_commit_without_a_plan_is_named(
    plan: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    artifacts.write(release.FOLDER / "a.txt", b"a")
    _seal()
    monkeypatch.setattr(git, "head", lambda: COMMIT)
    monkeypatch.setattr(git, "committed", lambda _: plan)
    with pytest.raises(HostError) as refused:
        release.sign()
    assert str(refused.value) == (
        f"params.yaml: not in commit {COMMIT[:12]}, or without bundles; expected it there: "
        "run `edgebake plan` and commit it"
    )


TARGET = "linux_any"
CONVERT = "convert@digits-ds_cnn-onnxruntime"
MODEL = Path("artifacts/convert/digits-ds_cnn-onnxruntime/files/model.onnx")
POISON = f"""
import hashlib, onnx
from pathlib import Path
file = Path("{MODEL}")
sums = Path("{MODEL.parents[1]}/SHA256SUMS")
before = file.read_bytes()
model = onnx.load_from_string(before)
model.doc_string = "of a stranger"
after = model.SerializeToString()
text = sums.read_text()
for path, content in ((file, after), (sums, text.replace(
    hashlib.sha256(before).hexdigest(), hashlib.sha256(after).hexdigest()).encode())):
    path.unlink()
    path.write_bytes(content)
"""


def _one_signed_target(clone: Path) -> None:
    """Commit a release of one target without gates that a small model misses, and its key."""
    recipe = clone / "recipes/release.yaml"
    text = recipe.read_text()
    head, _, _ = text.partition("targets:\n")
    head = head.replace(
        "signature: null", "signature: { key: 'env:SIGNING_KEY', public_key: keys/a.pub.pem }"
    )
    recipe.write_text(f"{head}targets:\n  - {TARGET}\n")
    (clone / "keys").mkdir()
    for arguments in (("keygen", "keys/a.pem"), ("plan",)):
        done = builds.edgebake(clone, *arguments)
        assert done.returncode == 0, done.stderr
    builds.commit(clone, "One target")


@pytest.mark.slow
def test_a_model_from_a_poisoned_run_cache_is_not_signed(quick: Path) -> None:
    """Guards against the strangest way to a signature: whoever writes a DVC remote is believed.

    Slow: builds one target twice, with DVC and as a release.
    """
    _one_signed_target(quick)
    key = (quick / "keys/a.pem").read_text()
    done = builds.repro(quick, CONVERT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert builds.python(quick, "-c", POISON).returncode == 0
    done = builds.run(quick, "python", "-m", "dvc", "commit", "--force", CONVERT)
    assert done.returncode == 0, done.stderr
    poisoned = artifacts.sha256_of(quick / MODEL)

    # What CI did: DVC restores the record, and the key is at hand.
    done = builds.run(quick, "python", "-m", "dvc", "repro", SIGNING_KEY=key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert poisoned in (quick / "artifacts/package/linux/SHA256SUMS").read_text()
    verify = ("verify", "artifacts/package/linux.zip", "--key", "keys/a.pub.pem")
    done = builds.edgebake(quick, *verify)
    assert done.returncode == 1
    assert "linux.proof/model.sig: not found" in done.stderr

    # The release does not, and is signed.
    done = builds.run(quick, "python", "-m", "edgebake", "release", SIGNING_KEY=key)
    assert done.returncode == 0, done.stdout + done.stderr
    assert poisoned not in (quick / "artifacts/release/linux/SHA256SUMS").read_text()
    verify = ("verify", "artifacts/release/linux.zip", "--key", "keys/a.pub.pem")
    done = builds.edgebake(quick, *verify)
    assert done.returncode == 0, done.stdout + done.stderr
