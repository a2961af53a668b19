"""What every image keeps to: one base, small layers, the classic builder, nothing shared."""

import re
import subprocess
from pathlib import Path

import pytest

from fleet_cluster.providers.docker.engine_probe import TRIAL_IMAGE
from tests.checkout import CHECKOUT, LIBRARY

PROVIDERS = LIBRARY / "fleet_cluster/providers"
MACHINE = PROVIDERS / "machine_image"
IMAGES = [MACHINE, *sorted(PROVIDERS.glob("*/images/*")), *sorted((CHECKOUT / "images").iterdir())]
DOCKERFILES = [image / "Dockerfile" for image in IMAGES]
SCRIPTS = [
    path
    for image in IMAGES
    for path in sorted(image.glob("files/**/*bin/*"))
    if path.is_file() and path.read_bytes().startswith(b"#!")
]


def instructions(dockerfile: Path) -> list[str]:
    """The Dockerfile's instructions, one a line, without comments."""
    text = re.sub(r"^\s*#.*\n", "", dockerfile.read_text(), flags=re.MULTILINE)
    return [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if line.strip()]


def pin(name: str) -> str:
    """What the set-up provides."""
    pins = (CHECKOUT / "toolchain/pins.env").read_text()
    return re.findall(rf"^{name}=(.*)$", pins, re.MULTILINE)[0]


def named(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(CHECKOUT)) for path in paths]


def test_there_are_images_and_scripts_to_look_at():
    images = {image.name for image in IMAGES}
    assert images >= {"machine_image", "hello", "sinatra", "nginx", "nginx-pool"}
    assert {path.name for path in SCRIPTS} >= {"machine-init", "run-nginx", "follow-etcd"}


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named(DOCKERFILES))
def test_all_share_one_base(dockerfile: Path):
    froms = [line for line in instructions(dockerfile) if line.startswith("FROM")]
    bases = {line.partition(" AS ")[0] for line in froms}
    assert bases - {"FROM debian", "FROM scratch"} == {f"FROM {pin('BASE_IMAGE')}"}


APPS = [image / "Dockerfile" for image in sorted((CHECKOUT / "images").iterdir())]


@pytest.mark.parametrize("dockerfile", APPS, ids=named(APPS))
def test_what_machines_unpack_begins_with_one_small_layer_that_all_share(dockerfile: Path):
    lines = instructions(dockerfile)
    assert lines[:4] == instructions(CHECKOUT / "images/hello/Dockerfile")[:4]
    begins = lines.index("FROM scratch")
    assert lines[begins + 1] == "COPY --from=debian /shell/ /"
    assert not [line for line in lines[begins + 1 :] if line.startswith("FROM")]


def test_the_base_image_is_of_a_day_and_has_a_digest():
    assert re.fullmatch(r"debian:[a-z]+-\d{8}-slim", pin("BASE_IMAGE"))
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", pin("BASE_DIGEST"))


AMI = CHECKOUT / "tests/aws/machine/Dockerfile"
WITH_PACKAGES = [path for path in [*DOCKERFILES, AMI] if "apt-get update" in path.read_text()]


@pytest.mark.parametrize("dockerfile", WITH_PACKAGES, ids=named(WITH_PACKAGES))
def test_packages_are_those_of_the_pinned_day_or_newer(dockerfile: Path):
    lines = instructions(dockerfile)
    first = next(number for number, line in enumerate(lines) if "apt-get update" in line)
    # The builder keeps a layer for as long as nothing before it changes.
    assert lines[first - 1] == f"ARG PACKAGES_DATE={pin('PACKAGES_DATE')}"
    assert "apt-get upgrade -y" in lines[first]


def test_the_engine_is_tried_with_the_same_base():
    assert pin("BASE_IMAGE") == TRIAL_IMAGE


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named(DOCKERFILES))
def test_the_classic_builder_can_build_it(dockerfile: Path):
    assert "syntax=" not in dockerfile.read_text()
    only_in_buildkit = re.compile(r"^(RUN|COPY|ADD)\s+--(?!chown|from)|<<")
    assert [line for line in instructions(dockerfile) if only_in_buildkit.search(line)] == []


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named(DOCKERFILES))
def test_packages_come_alone_and_leave_no_lists(dockerfile: Path):
    lines = instructions(dockerfile)
    for line in lines:
        if "apt-get install" in line:
            assert "--no-install-recommends" in line
            assert "FROM scratch" in lines or "rm -rf /var/lib/apt/lists/*" in line


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=named(DOCKERFILES))
def test_nothing_is_fetched_or_kept_secret_in_an_image(dockerfile: Path):
    forbidden = re.compile(r"^ADD\b|curl .*http|wget|^(ARG|ENV)\b.*(PASSWORD|SECRET|TOKEN)")
    assert [line for line in instructions(dockerfile) if forbidden.search(line)] == []


def test_machines_share_neither_identity_nor_host_key():
    text = "\n".join(instructions(MACHINE / "Dockerfile"))
    installed, _, after = text.partition("apt-get clean")
    assert "openssh-server" in installed
    assert "dbus" in installed
    assert "rm -f /etc/ssh/ssh_host_*" in after
    assert ": > /etc/machine-id" in after
    assert "ln -sf /etc/machine-id /var/lib/dbus/machine-id" in after


def test_core_logs_in_with_a_key_only():
    settings = (MACHINE / "files/etc/ssh/sshd_config.d/fleet.conf").read_text().splitlines()
    assert "AllowUsers core" in settings
    assert "PermitRootLogin no" in settings
    assert "PasswordAuthentication no" in settings
    assert "KbdInteractiveAuthentication no" in settings


@pytest.mark.parametrize("script", SCRIPTS, ids=named(SCRIPTS))
def test_scripts_run_and_parse(script: Path):
    assert script.stat().st_mode & 0o111
    interpreter = script.read_text().splitlines()[0].removeprefix("#!")
    subprocess.run([interpreter, "-n", str(script)], check=True)
