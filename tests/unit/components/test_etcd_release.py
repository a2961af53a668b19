"""etcd's release: found in the cache, else downloaded and compared, else asked for."""

import hashlib
from pathlib import Path

import pulumi
import pytest

from fleet_cluster import _etcd_release
from fleet_cluster._etcd_release import etcd_archive

NAME = "etcd-v3.6.16-linux-arm64.tar.gz"


@pytest.fixture
def releases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the release on the site, which is empty."""
    monkeypatch.setenv("FLEET_CLUSTER_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_etcd_release, "RELEASES", (tmp_path / "site").as_uri())
    folder = tmp_path / "site" / "v3.6.16"
    folder.mkdir(parents=True)
    return folder


def publish(releases: Path, content: bytes, listed: bytes) -> None:
    (releases / NAME).write_bytes(content)
    others = f"{'0' * 64}  etcd-v3.6.16-linux-amd64.tar.gz\n"
    (releases / "SHA256SUMS").write_text(f"{others}{hashlib.sha256(listed).hexdigest()}  {NAME}\n")


def test_what_is_in_the_cache_is_not_asked_for(releases: Path, tmp_path: Path):
    placed = tmp_path / "cache/etcd" / NAME
    placed.parent.mkdir(parents=True)
    placed.touch()
    assert etcd_archive("arm64", "3.6.16") == placed


def test_it_is_downloaded_once(releases: Path, tmp_path: Path):
    publish(releases, b"programs", listed=b"programs")
    path = etcd_archive("arm64", "3.6.16")
    assert path == tmp_path / "cache/etcd" / NAME and path.read_bytes() == b"programs"
    (releases / NAME).unlink()
    assert etcd_archive("arm64", "3.6.16") == path
    assert list(path.parent.iterdir()) == [path]


def test_what_the_release_does_not_list_is_not_kept(releases: Path, tmp_path: Path):
    publish(releases, b"something else", listed=b"programs")
    with pytest.raises(pulumi.RunError, match="it has another SHA-256 than .*SHA256SUMS says"):
        etcd_archive("arm64", "3.6.16")
    assert not (tmp_path / "cache/etcd").exists()


def test_a_release_that_was_put_up_again_is_not_kept(
    releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(_etcd_release, "VERSION", "3.6.16")
    monkeypatch.setattr(_etcd_release, "SHA256", {"arm64": "0" * 64})
    publish(releases, b"something else", listed=b"something else")
    with pytest.raises(pulumi.RunError, match="it has another SHA-256 than the pinned one, 0000"):
        etcd_archive("arm64", "3.6.16")
    assert not (tmp_path / "cache/etcd").exists()
    monkeypatch.setattr(_etcd_release, "SHA256", {"amd64": "0" * 64})
    assert etcd_archive("arm64", "3.6.16").read_bytes() == b"something else"


def test_where_it_cannot_be_had_the_next_step_is_said(releases: Path, tmp_path: Path):
    with pytest.raises(pulumi.RunError) as caught:
        etcd_archive("arm64", "3.6.16")
    said = str(caught.value)
    assert f"put {NAME} of that release into {tmp_path}/cache/etcd" in said
    assert "make setup PROCESSORS=arm64" in said
