"""Each tool is found, downloaded or built; what cannot be had fails with the next step."""

import hashlib
import platform
import re
import tarfile
from pathlib import Path

import pytest

from tests.checkout import CHECKOUT
from tests.unit.toolchain.conftest import Computer

PINS = dict(
    re.findall(r"^(\w+)=(.*)$", (CHECKOUT / "toolchain/pins.env").read_text(), re.MULTILINE)
)
ENGINE, ETCD = PINS["PULUMI_VERSION"], PINS["ETCD_VERSION"]
OWN, OTHER = ("arm64", "amd64") if platform.machine() == "aarch64" else ("amd64", "arm64")
"""This computer's processor, and one that it is not."""

FAKE_GO = f"""
if [[ $1 == env ]]; then echo go1.26.1; fi
if [[ $1 == list ]]; then echo "$HOME/sdk"; fi
if [[ $1 == build ]]; then
  while [[ $1 != -o ]]; do shift; done
  printf '#!/bin/bash\\necho v{ENGINE}' >"$2"; chmod +x "$2"
fi
"""

# Answers a download with what a test has put there, or with a release's list of checksums.
FAKE_SITE = """
while [[ $1 != --output ]]; do shift; done
name=${@: -1}; name=$HOME/site/${name##*/}
[[ -e $name ]] && cp "$name" "$2"
"""


def publish_engine(computer: Computer) -> tuple[str, str]:
    """Puts Pulumi's release on its site. Returns the archive's computer and SHA-256."""
    site, folder = computer.home / "site", computer.home / "release/pulumi"
    site.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        computer.stub(name, f"echo v{ENGINE}", folder)
    of = computer.tool("echo $(system)-$(processor)").stdout.strip().replace("amd64", "x64")
    archive = site / f"pulumi-v{ENGINE}-{of}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder, "pulumi")
    computer.stub("curl", FAKE_SITE)
    return of, hashlib.sha256(archive.read_bytes()).hexdigest()


# The two places of the language host that the set-up changes.
HOST_SOURCE = "args := []string{req.Program}\npython.InstallDependenciesWithWriters(ctx)\n"


def provide_sdk(computer: Computer, host_source: str) -> None:
    """Puts the files of Pulumi's SDK that the language host is made of where FAKE_GO has them."""
    sdk = computer.home / "sdk/python"
    files = {
        "cmd/pulumi-language-python/main.go": host_source,
        "cmd/pulumi-language-python-exec": "",
        "dist/pulumi-resource-pulumi-python": "",
    }
    for name, text in files.items():
        (sdk / name).parent.mkdir(parents=True, exist_ok=True)
        (sdk / name).write_text(text)


def test_engine_is_the_users_own_when_new_enough(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    found = computer.tool("engine_found; echo; language_host_found")
    assert found.stdout.splitlines()[0] == f"3.999.0\t{computer.bin}/pulumi"
    assert found.returncode == 0


@pytest.mark.parametrize("flaw", ["an older version", "no language host beside it"])
def test_engine_of_the_user_that_will_not_do_is_passed_over(computer: Computer, flaw: str) -> None:
    version = "v3.249.9" if flaw == "an older version" else f"v{ENGINE}"
    computer.stub("pulumi", f"echo {version}")
    if flaw == "an older version":
        computer.stub("pulumi-language-python", "")
    assert computer.tool("engine_found").returncode == 1


def test_engine_is_downloaded_where_the_site_answers(computer: Computer) -> None:
    of, sum = publish_engine(computer)
    computer.pin("PULUMI_SHA256", f"({of}={sum})")
    result = computer.run("toolchain/setup", "engine", "language-host")
    assert result.returncode == 0, result.stderr
    assert f"{ENGINE}, official download" in result.stderr
    assert "came with the engine" in computer.tool("language_host_found").stdout


@pytest.mark.parametrize("known", ["pinned", "listed by the release"])
def test_an_engine_with_another_checksum_is_refused_and_not_built(
    computer: Computer, known: str
) -> None:
    of, sum = publish_engine(computer)
    computer.stub("go", FAKE_GO)
    computer.pin("PULUMI_SHA256", f"({of}={'0' * 64})" if known == "pinned" else "()")
    listed = computer.home / f"site/pulumi-{ENGINE}-checksums.txt"
    listed.write_text(f"{'0' * 64}  pulumi-v{ENGINE}-{of}.tar.gz\n")
    result = computer.run("toolchain/setup", "engine")
    assert result.returncode == 1
    assert "another SHA-256 than the " in result.stderr
    assert computer.tool("engine_found").returncode == 1
    listed.write_text(f"{sum}  pulumi-v{ENGINE}-{of}.tar.gz\n")
    again = computer.run("toolchain/setup", "engine")
    assert again.returncode == (1 if known == "pinned" else 0), again.stderr


def test_engine_is_built_with_go_where_no_download_is_had(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", FAKE_GO)
    provide_sdk(computer, HOST_SOURCE)
    result = computer.run("toolchain/setup", "engine", "language-host")
    assert result.returncode == 0, result.stderr
    assert "built here from Go modules" in result.stderr
    assert any(f"version.Version=v{ENGINE}" in call for call in computer.calls)
    assert (computer.cache / f"engine-{ENGINE}/bin/pulumi-language-python-exec").exists()

    before = computer.calls
    again = computer.run("toolchain/setup", "engine", "language-host")
    assert (again.returncode, again.stderr) == (0, "")
    assert computer.calls == before


def test_yaml_runtime_is_built_beside_an_engine_that_was_and_else_came_with_it(
    computer: Computer,
) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", FAKE_GO)
    result = computer.run("toolchain/setup", "engine", "language-yaml")
    assert result.returncode == 0, result.stderr
    assert (
        f"language-yaml  {PINS['LANGUAGE_YAML_VERSION']}, built here from Go modules"
        in result.stderr
    )
    assert (computer.cache / f"engine-{ENGINE}/bin/pulumi-language-yaml").exists()
    computer.provide_everything_but_plugins()
    assert "came with the engine" in computer.tool("language_yaml_found").stdout


def test_language_host_that_cannot_be_adapted_is_not_installed(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", FAKE_GO)
    provide_sdk(computer, "args := []string{somethingNew}\n")
    result = computer.run("toolchain/setup", "engine", "language-host")
    assert result.returncode == 1
    assert "language-host  failed" in result.stderr
    assert not (computer.cache / f"engine-{ENGINE}/bin/pulumi-language-python").exists()


def test_failed_build_shows_its_output_and_leaves_nothing_half_made(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", "[[ $1 == env ]] && echo go1.26.1 && exit; echo out of disk; exit 1")
    result = computer.run("toolchain/setup", "engine")
    assert result.returncode == 1
    assert "out of disk" in result.stderr
    assert f"next: install Pulumi {ENGINE} or newer" in result.stderr
    assert computer.tool("engine_found").returncode == 1


@pytest.mark.parametrize(
    ("go", "complaint"),
    [(None, "there is no Go"), ("echo go1.19.8", "Go 1.19.8 is too old")],
)
def test_missing_or_old_go_says_what_to_install(
    computer: Computer, go: str | None, complaint: str
) -> None:
    computer.stub("curl", "exit 6")
    if go:
        computer.stub("go", go)
    result = computer.run("toolchain/setup", "engine")
    assert result.returncode == 1
    assert complaint in result.stderr
    assert "install Go 1.25 or newer" in result.stderr


def test_python_environment_is_made_once_and_linked_by_each_checkout(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    assert computer.run("toolchain/setup", "python").returncode == 0
    first = (computer.checkout / ".venv").resolve()
    installs = sum("pip install" in call for call in computer.calls)
    computer.checkout = computer.copy_checkout("another checkout")
    assert computer.run("toolchain/setup", "python").returncode == 0
    assert (computer.checkout / ".venv").resolve() == first
    assert sum("pip install" in call for call in computer.calls) == installs


def test_python_environment_left_half_made_is_made_again(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    computer.run("toolchain/setup", "python")
    (computer.checkout / ".venv/complete").unlink()
    assert computer.tool("python_found").returncode == 1
    assert computer.run("toolchain/setup", "python").returncode == 0
    assert computer.tool("python_found").returncode == 0


def test_old_python_without_root_says_what_to_install(computer: Computer) -> None:
    computer.stub("python3", 'echo "Python 3.9.2"; exit 1')
    computer.stub("id", "echo 1000")
    result = computer.run("toolchain/setup", "python")
    assert result.returncode == 1
    assert "next: install Python 3.11 or newer" in result.stderr


def test_stand_ins_only_where_the_real_plugins_cannot_be_had(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    result = computer.run("toolchain/setup", "plugins")
    assert result.returncode == 0, result.stderr
    assert "stand-ins of toolchain/plugins: command@1.2.1 docker@5.2.0" in result.stderr
    assert not (computer.home / ".pulumi").exists()


def test_changed_stand_ins_are_installed_again(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    computer.run("toolchain/setup", "plugins")
    (computer.checkout / "toolchain/plugins/pulumi-resource-command").write_text("second")
    assert computer.tool("plugins_found").returncode == 1
    assert computer.run("toolchain/setup", "plugins").returncode == 0
    assert len(list(computer.cache.glob("stand-ins-*/complete"))) == 2


def test_real_plugins_are_used_when_the_user_has_them(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    for plugin in ("aws-v7.51.1", "command-v1.2.1", "docker-v5.2.0", "tls-v5.6.2"):
        (computer.home / ".pulumi/plugins" / f"resource-{plugin}").mkdir(parents=True)
    found = computer.tool("plugins_found")
    assert "real ones" in found.stdout


def test_a_real_plugin_is_compared_with_what_is_pinned_of_it(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    of = computer.tool("echo $(system)-$(processor)").stdout.strip()
    computer.pin("PLUGINS_SHA256", f"(docker-{of}={NOTHING})")
    computer.pin("PLUGINS", "(docker@5.2.0)")
    computer.tool("install_plugins || true; install_plugins --file folder")
    tried = [call for call in computer.calls if "docker 5.2.0" in call]
    assert tried[-2:] == [
        f"pulumi plugin install resource docker 5.2.0 --checksum {NOTHING}",
        "pulumi plugin install resource docker 5.2.0 --file folder",
    ]


def test_docker_that_only_root_could_start_says_so(computer: Computer) -> None:
    computer.stub("docker", "echo Cannot connect to the Docker daemon >&2; exit 1")
    computer.stub("id", "echo 1000")
    result = computer.run("toolchain/setup", "docker")
    assert result.returncode == 1
    assert "Cannot connect to the Docker daemon" in result.stderr
    assert "install Docker" in result.stderr


def test_docker_engine_that_dies_at_start_shows_its_last_words(computer: Computer) -> None:
    computer.stub("docker", "exit 1")
    computer.stub("dockerd", "echo no space for my database; exit 1")
    result = computer.tool("start_docker_by_hand")
    assert result.returncode == 1
    assert "no space for my database" in result.stderr


def test_docker_engine_that_is_not_reached_is_ended_and_not_waited_for_for_ever(
    computer: Computer,
) -> None:
    computer.stub("docker", "exit 1")
    computer.stub("dockerd", "exec sleep 300")
    result = computer.tool(
        "dockerd_seconds=0; start_dockerd || { wait; started_dockerd || echo ended; }"
    )
    assert result.stdout.splitlines()[-1:] == ["ended"], result
    assert "does DOCKER_HOST" in result.stdout


def test_docker_engine_with_a_recycled_process_id_is_not_ours(computer: Computer) -> None:
    (computer.cache / "dockerd").mkdir(parents=True)
    pid_file = computer.cache / "dockerd/pid"
    own = computer.tool('echo "$$ $(process_start $$)" >"$dockerd_home/pid"; started_dockerd')
    assert own.returncode == 0
    pid_file.write_text("1 12345\n")
    assert computer.tool("started_dockerd").returncode != 0


def test_docker_engine_is_left_to_other_checkouts_that_need_it(computer: Computer) -> None:
    other = computer.copy_checkout("another checkout")
    uses = (
        'mkdir -p "$dockerd_home"; echo "$$ $(process_start $$)" >"$dockerd_home/pid"; use_dockerd;'
        f' root="{other}"; use_dockerd; root="{other}.gone"; use_dockerd; '
    )
    left = computer.tool(uses + 'root="$(pwd)"; leave_dockerd; echo; leave_dockerd')
    assert left.stdout.split("\n") == [str(other), "", str(other), ""], left
    last = computer.tool(uses + f'root="$(pwd)"; leave_dockerd; root="{other}"; leave_dockerd')
    assert last.stdout.split("\n") == [str(other), ""], last


NOTHING = hashlib.sha256(b"").hexdigest()
CONFD = hashlib.sha256(b"confd\n").hexdigest()


def test_confd_is_placed_where_the_image_is_built(computer: Computer) -> None:
    computer.stub("curl", 'while [[ $1 != --output ]]; do shift; done; echo confd >"$2"')
    computer.pin("CONFD_SHA256", f"({OWN}={CONFD})")
    result = computer.run("toolchain/setup", "confd")
    assert result.returncode == 0, result.stderr
    placed = computer.checkout / f"images/nginx-pool/confd-{OWN}"
    assert placed.read_text() == "confd\n"
    placed.unlink()
    placed.write_text("something else")
    assert computer.run("toolchain/setup", "confd").returncode == 0
    assert placed.read_text() == "confd\n"


def test_confd_of_a_set_up_of_before_is_removed_from_where_it_was(computer: Computer) -> None:
    computer.stub("curl", 'while [[ $1 != --output ]]; do shift; done; echo confd >"$2"')
    computer.pin("CONFD_SHA256", f"({OWN}={CONFD})")
    stale = computer.checkout / "images/nginx/confd-arm64"
    stale.parent.mkdir(parents=True)
    stale.touch()
    assert computer.run("toolchain/setup", "confd").returncode == 0
    assert not stale.exists()


def test_confd_is_there_for_other_processors_when_asked(computer: Computer) -> None:
    computer.stub("curl", 'echo "$*" >>asked; while [[ $1 != --output ]]; do shift; done; >"$2"')
    computer.pin("CONFD_SHA256", f"(amd64={NOTHING} arm64={NOTHING})")
    assert computer.run("toolchain/setup", "confd", PROCESSORS=OTHER).returncode == 0
    placed = sorted((computer.checkout / "images/nginx-pool").glob("confd-*"))
    assert [one.name for one in placed] == ["confd-amd64", "confd-arm64"]
    asked = (computer.checkout / "asked").read_text()
    assert asked.count("linux-amd64") == asked.count("linux-arm64") == 1


def test_confd_with_another_checksum_is_refused(computer: Computer) -> None:
    computer.stub("curl", 'while [[ $1 != --output ]]; do shift; done; echo another >"$2"')
    computer.stub("go", FAKE_GO)
    result = computer.run("toolchain/setup", "confd")
    assert result.returncode == 1
    assert "another SHA-256 than the pinned one, " in result.stderr
    assert not (computer.checkout / f"images/nginx-pool/confd-{OWN}").exists()


def test_confd_of_which_no_checksum_is_known_is_built(computer: Computer) -> None:
    computer.stub("curl", "echo asked >&2; exit 1")
    computer.stub("go", FAKE_GO)
    computer.pin("CONFD_SHA256", "()")
    result = computer.run("toolchain/setup", "confd")
    assert result.returncode == 0, result.stderr
    assert "built here from Go modules" in result.stderr
    assert not [call for call in computer.calls if call.startswith("curl")]


def test_what_is_built_is_what_the_checkout_says(computer: Computer) -> None:
    """Go refuses what is not in go.sum, whatever a user's own settings are."""
    computer.stub("curl", "exit 6")
    computer.stub("go", FAKE_GO)
    computer.run("toolchain/setup", "confd", GOFLAGS="-mod=mod")
    (build,) = [call for call in computer.calls if call.startswith("go build")]
    assert "-mod=readonly" in build


# Answers with an archive, and with the list of checksums that the release has beside it.
FAKE_ETCD_RELEASE = """
while [[ $1 != --output ]]; do shift; done
case $2 in
  *SHA256SUMS) echo "SUM  etcd-vVERSION-linux-PROCESSOR.tar.gz" >"$2" ;;
  *) echo etcd >"$2" ;;
esac
"""
SHA256_OF_ETCD = hashlib.sha256(b"etcd\n").hexdigest()


def fake_etcd_release(sum: str, processor: str = OWN) -> str:
    listed = FAKE_ETCD_RELEASE.replace("SUM ", f"{sum} ").replace("VERSION", ETCD)
    return listed.replace("PROCESSOR", processor)


def test_etcd_is_the_release_as_it_is(computer: Computer) -> None:
    computer.stub("curl", fake_etcd_release(SHA256_OF_ETCD))
    result = computer.run("toolchain/setup", "etcd")
    assert result.returncode == 0, result.stderr
    assert f"{ETCD}, official download" in result.stderr
    assert etcd_archive(computer, OWN).read_text() == "etcd\n"


def test_etcd_with_another_checksum_is_refused(computer: Computer) -> None:
    computer.stub("curl", fake_etcd_release("0" * 64))
    result = computer.run("toolchain/setup", "etcd")
    assert result.returncode == 1
    assert "another SHA-256 than the release says" in result.stderr
    assert not etcd_archive(computer, OWN).exists()


def test_etcd_with_another_checksum_than_the_pinned_one_is_refused(computer: Computer) -> None:
    computer.stub("curl", fake_etcd_release(SHA256_OF_ETCD))
    for known in ("0" * 64, SHA256_OF_ETCD):
        computer.pin("ETCD_SHA256", f"({OTHER}={'1' * 64} {OWN}={known})")
        result = computer.run("toolchain/setup", "etcd")
        assert result.returncode == (known != SHA256_OF_ETCD), result.stderr
        assert ("another SHA-256 than the pinned one, 0000" in result.stderr) == ("0" in known[:4])
        assert etcd_archive(computer, OWN).exists() == (known == SHA256_OF_ETCD)


def test_etcd_is_built_for_every_processor_that_is_asked_for(computer: Computer) -> None:
    computer.stub("curl", "exit 6")
    computer.stub("go", f'{FAKE_GO}\n[[ $1 != -o ]] || echo "$GOARCH" >"$(dirname "$2")/built-for"')
    result = computer.run("toolchain/setup", "etcd", PROCESSORS=OTHER)
    assert result.returncode == 0, result.stderr
    for processor in (OWN, OTHER):
        with tarfile.open(etcd_archive(computer, processor)) as archive:
            folder = f"etcd-v{ETCD}-linux-{processor}"
            programs = {f"{folder}/{name}" for name in ("etcd", "etcdctl", "etcdutl")}
            assert programs < set(archive.getnames())
            told = archive.extractfile(f"{folder}/built-for")
            assert told and told.read().decode().strip() == processor


def etcd_archive(computer: Computer, processor: str) -> Path:
    return computer.cache / "etcd" / f"etcd-v{ETCD}-linux-{processor}.tar.gz"


def test_unknown_tool_is_refused(computer: Computer) -> None:
    result = computer.run("toolchain/setup", "dokcer")
    assert result.returncode == 1
    assert "dokcer" in result.stderr
    assert "docker" in result.stderr


def test_doctor_names_what_is_missing_and_changes_nothing(computer: Computer) -> None:
    computer.provide_everything_but_plugins()
    computer.stub("docker", "exit 1")
    before = sorted(Path(computer.checkout).rglob("*"))
    result = computer.run("toolchain/doctor")
    assert result.returncode == 1
    assert (
        "Missing: python confd etcd coredns docker base-image plugins. Next: make setup."
        in result.stdout
    )
    assert "docker: install Docker" in result.stdout
    assert sorted(Path(computer.checkout).rglob("*")) == before
    assert not computer.cache.exists()


BASE = "BASE_IMAGE=debian:sid-20260101-slim BASE_DIGEST=sha256:abc PACKAGES_DATE=2026-11-26"
# Two archives of Debian, as apt has their lists.
LISTS = """
mkdir -p "$1/var/lib/apt/lists"
echo "Date: Sat, 21 Nov 2026 09:15:44 UTC" >"$1/var/lib/apt/lists/mirror_sid_Release"
echo "Date: Thu, 26 Nov 2026 21:03:36 UTC" >"$1/var/lib/apt/lists/mirror_security_InRelease"
"""


def test_base_image_is_pulled_by_its_digest_and_named_by_its_day(computer: Computer) -> None:
    computer.stub("docker", "")
    done = computer.tool(f"{BASE}; base_image_install")
    assert done.returncode == 0, done.stderr
    assert computer.calls == [
        "docker pull --quiet debian@sha256:abc",
        "docker tag debian@sha256:abc debian:sid-20260101-slim",
    ]


def test_base_image_of_older_packages_is_none(computer: Computer) -> None:
    computer.stub("docker", "exit 1")
    computer.stub("debootstrap", 'mkdir -p "$4"/etc/{dpkg/dpkg.cfg.d,apt/apt.conf.d}')
    computer.stub("chroot", LISTS)
    done = computer.tool(f"{BASE} PACKAGES_DATE=2026-11-27; base_image_install")
    assert done.returncode == 1
    said = (
        "The mirror has Debian's packages of 2026-11-26, and the pins ask for those of 2026-11-27."
    )
    assert said in done.stderr
    assert not [call for call in computer.calls if call.startswith("docker import")]
    assert list(computer.cache.glob("base-image.*")) == []


@pytest.mark.parametrize(
    ("digests", "label", "found"),
    [
        ('["debian@sha256:abc"]', "", "pulled"),
        ('["debian@sha256:other"]', "", ""),
        ("[]", "2026-11-25", ""),
        ("[]", "2026-11-26", "made here with debootstrap, packages of 2026-11-26"),
        ("null", "<no value>", ""),
    ],
)
def test_base_image_is_found_when_it_is_what_the_pins_say(
    computer: Computer, digests: str, label: str, found: str
) -> None:
    answer = f"case $4 in *RepoDigests*) echo '{digests}' ;; *) echo '{label}' ;; esac"
    computer.stub("docker", answer)
    done = computer.tool(f"{BASE}; base_image_found")
    assert done.returncode == (0 if found else 1), done.stderr
    assert done.stdout == (f"-\tdebian:sid-20260101-slim, {found}" if found else "")


def test_base_image_is_made_of_what_this_computers_mirror_has(computer: Computer) -> None:
    """Also where that serves another release to this computer's own apt."""
    mirror = "http://mirror.example"
    computer.stub(
        "apt-get",
        f'printf "%s\\n" "Other main {mirror}/other" "Debian main {mirror}/debian" '
        f'"Debian-Security main {mirror}/security"',
    )
    computer.stub("debootstrap", 'mkdir -p "$4"/etc/{dpkg/dpkg.cfg.d,apt/apt.conf.d}')
    computer.stub("docker", '[[ $1 == import ]] && tar -xO ./etc/apt/sources.list >"$HOME/sources"')
    computer.stub("chroot", LISTS)
    done = computer.tool(f"{BASE}; base_image_install")
    assert done.returncode == 0, done.stderr
    assert [call.split(maxsplit=2)[2] for call in computer.calls if call.startswith("chroot")] == [
        "apt-get update",
        "apt-get upgrade -y",
    ]
    (bootstrapped,) = [call.split() for call in computer.calls if call.startswith("debootstrap")]
    assert (bootstrapped[3], bootstrapped[5]) == ("sid", f"{mirror}/debian")
    assert computer.calls[-1].endswith("LABEL packages-date=2026-11-26 - debian:sid-20260101-slim")
    assert (computer.home / "sources").read_text().splitlines() == [
        f"deb {mirror}/debian sid main",
        f"deb {mirror}/debian sid-updates main",
        f"deb {mirror}/security sid-security main",
    ]
