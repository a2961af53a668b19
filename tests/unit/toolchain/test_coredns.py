"""CoreDNS is the release as it is, or built; each archive is laid out as the machines take it."""

import hashlib
import re
import tarfile
from pathlib import Path

from fleet_cluster._releases import coredns as library
from tests.checkout import CHECKOUT
from tests.unit.toolchain.conftest import Computer
from tests.unit.toolchain.test_tools import FAKE_GO, OTHER, OWN, PINS

VERSION = PINS["COREDNS_VERSION"]

# Answers with an archive, and with the file of its checksum that the release has beside it.
FAKE_RELEASE = f"""
while [[ $1 != --output ]]; do shift; done
case $2 in
  *.sha256) echo "SUM  coredns_{VERSION}_linux_{OWN}.tgz" >"$2" ;;
  *) echo coredns >"$2" ;;
esac
"""
SHA256 = hashlib.sha256(b"coredns\n").hexdigest()


def archive_of(computer: Computer, processor: str) -> Path:
    return computer.cache / "coredns" / f"coredns_{VERSION}_linux_{processor}.tgz"


def test_it_is_the_release_as_it_is(computer: Computer) -> None:
    computer.stub("curl", FAKE_RELEASE.replace("SUM", SHA256))
    result = computer.run("toolchain/setup", "coredns")
    assert result.returncode == 0, result.stderr
    assert f"{VERSION}, official download" in result.stderr
    assert archive_of(computer, OWN).read_text() == "coredns\n"


def test_one_with_another_checksum_than_the_release_says_is_refused(computer: Computer) -> None:
    computer.stub("curl", FAKE_RELEASE.replace("SUM", "0" * 64))
    result = computer.run("toolchain/setup", "coredns")
    assert result.returncode == 1
    assert "another SHA-256 than the release says" in result.stderr
    assert not archive_of(computer, OWN).exists()


def test_one_with_another_checksum_than_the_pinned_one_is_refused(computer: Computer) -> None:
    computer.stub("curl", FAKE_RELEASE.replace("SUM", SHA256))
    for known in ("0" * 64, SHA256):
        computer.pin("COREDNS_SHA256", f"({OTHER}={'1' * 64} {OWN}={known})")
        result = computer.run("toolchain/setup", "coredns")
        assert result.returncode == (known != SHA256), result.stderr
        assert archive_of(computer, OWN).exists() == (known == SHA256)


def test_it_is_built_for_every_processor_that_is_asked_for(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", f'{FAKE_GO}\n[[ $1 != -o ]] || echo "$GOARCH" >"$2"')
    result = computer.run("toolchain/setup", "coredns", PROCESSORS=OTHER)
    assert result.returncode == 0, result.stderr
    for processor in (OWN, OTHER):
        with tarfile.open(archive_of(computer, processor)) as archive:
            assert archive.getnames() == ["coredns"]
            program = archive.extractfile("coredns")
            assert program and program.read().decode().strip() == processor


def test_without_go_the_next_step_is_said(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    result = computer.run("toolchain/setup", "coredns")
    assert result.returncode == 1
    assert "failed: there is no Go to build it with" in result.stderr
    assert "next: install Go" in result.stderr
    assert not archive_of(computer, OWN).exists()


def test_the_library_asks_for_the_one_that_the_set_up_gets() -> None:
    assert library.VERSION == VERSION
    pinned = re.findall(r"(\w+)=([0-9a-f]{64})", PINS["COREDNS_SHA256"])
    assert dict(pinned) == library.SHA256
    assert set(library.SHA256) in (set(), {"amd64", "arm64"})
    module = (CHECKOUT / "toolchain/go/coredns/go.mod").read_text()
    assert f"github.com/coredns/coredns v{VERSION}\n" in module
