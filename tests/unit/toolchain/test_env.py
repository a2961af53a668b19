"""make env: a person's shell gets the tools, and keeps its own choices."""

import shutil
import stat

import pytest

from tests.unit.toolchain.conftest import PULUMI, ROOT, Computer


@pytest.fixture
def ready(computer: Computer) -> Computer:
    computer.provide_everything_but_plugins()
    result = computer.run("toolchain/setup", "python", "engine", "language-host", "plugins")
    assert result.returncode == 0, result.stderr
    return computer


def exported(computer: Computer, **environment: str) -> dict[str, str]:
    """What a shell's environment is after eval."""
    script = 'set -e; exports=$(toolchain/env); eval "$exports"; env -0'
    result = computer.run("bash", "-c", script, **environment)
    assert result.returncode == 0, result.stderr
    return dict(entry.split("=", 1) for entry in result.stdout.split("\0") if entry)


def test_puts_the_checkouts_tools_first_on_path(ready: Computer) -> None:
    first = exported(ready)["PATH"].split(":")[:2]
    assert first == [f"{ready.checkout}/.venv/bin", f"{ready.checkout}/bin"]


def test_chooses_a_back_end_of_the_checkouts_own(ready: Computer) -> None:
    shell = exported(ready)
    assert shell["PULUMI_BACKEND_URL"] == f"file://{ready.checkout}/.pulumi"
    assert shell["PULUMI_HOME"].startswith(f"{ready.cache}/stand-ins-")


def test_passphrase_is_random_kept_and_private(ready: Computer) -> None:
    shell = exported(ready)
    file = ready.checkout / ".pulumi/passphrase"
    assert shell["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    passphrase = file.read_text()
    assert len(passphrase.strip()) == 32
    assert passphrase not in str(shell)
    exported(ready)
    assert file.read_text() == passphrase


def test_keeps_what_the_user_chose(ready: Computer) -> None:
    chosen = {
        "PULUMI_BACKEND_URL": "s3://state",
        "PULUMI_CONFIG_PASSPHRASE": "mine",
        "FLEETCTL_TUNNEL": "bastion",
    }
    shell = exported(ready, **chosen)
    assert {name: shell[name] for name in chosen} == chosen
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in shell


def test_a_second_time_changes_nothing(ready: Computer) -> None:
    once = exported(ready)
    twice = exported(ready, **once)
    assert {name: twice[name] for name in once if name != "_"} == {
        name: value for name, value in once.items() if name != "_"
    }


def test_another_checkouts_exports_are_not_the_users_choice(ready: Computer) -> None:
    first = exported(ready)
    ready.checkout = ready.copy_checkout("another checkout")
    ready.run("toolchain/setup", "python", "plugins")
    second = exported(ready, **first)
    assert second["PULUMI_BACKEND_URL"] == f"file://{ready.checkout}/.pulumi"
    assert second["PULUMI_CONFIG_PASSPHRASE_FILE"] == f"{ready.checkout}/.pulumi/passphrase"


def test_fleetctl_finds_the_cluster_as_soon_as_the_stack_is_up(ready: Computer) -> None:
    shell = exported(ready)
    assert shell["FLEETCTL_TUNNEL"] == "machine-1"
    assert shell["FLEETCTL_SSH_CONFIG"] == f"{ready.checkout}/.pulumi/ssh/dev/ssh_config"
    assert not asked_for_files(ready), "there is no stack in this checkout"


OUTPUT = """
if [[ "$1 $2 $3" == "stack output ssh_files" ]]; then
  echo '{"identity": "a key", "ssh_config": "IdentityFile @FOLDER@/identity"}'
  exit
fi
"""


@pytest.fixture
def up_elsewhere(ready: Computer) -> Computer:
    """A checkout on whose back end another computer has brought the stack up."""
    lifecycle = "components/fleet_cluster/_lifecycle"
    (ready.checkout / lifecycle).mkdir(parents=True)
    shutil.copy(ROOT / lifecycle / "ssh_call.py", ready.checkout / lifecycle)
    shutil.copytree(ROOT / "bin", ready.checkout / "bin")
    ready.stub("pulumi", OUTPUT + PULUMI)
    return ready


def asked_for_files(computer: Computer) -> list[str]:
    return [call for call in computer.calls if call.startswith("pulumi stack output ssh_files")]


def has_files(computer: Computer) -> bool:
    """Whether OpenSSH's files are there, for the user alone."""
    folder = computer.checkout / ".pulumi/ssh/dev"
    if not folder.exists():
        return False
    # In quotes, without which OpenSSH takes no path with a space.
    assert (folder / "ssh_config").read_text() == f'IdentityFile "{folder}/identity"'
    assert (folder / "identity").read_text() == "a key"
    assert stat.S_IMODE((folder / "identity").stat().st_mode) == 0o600
    return True


def test_ssh_files_of_a_stack_that_is_up_elsewhere_are_written(up_elsewhere: Computer) -> None:
    exported(up_elsewhere, PULUMI_BACKEND_URL="s3://state")
    assert has_files(up_elsewhere)
    [asked] = asked_for_files(up_elsewhere)
    assert "--stack dev" in asked and "a key" not in asked


def test_fleetctl_writes_ssh_files_that_are_missing(up_elsewhere: Computer) -> None:
    config = f"{up_elsewhere.checkout}/.pulumi/ssh/dev/ssh_config"
    for _ in range(2):
        done = up_elsewhere.run("bin/fleetctl", "list-units", FLEETCTL_SSH_CONFIG=config)
        assert done.returncode == 0, done.stderr
        assert has_files(up_elsewhere)
    assert len(asked_for_files(up_elsewhere)) == 1, "they were there the second time"


def test_fleetctl_leaves_the_users_own_ssh_config_alone(up_elsewhere: Computer) -> None:
    up_elsewhere.run("bin/fleetctl", "list-units", FLEETCTL_SSH_CONFIG="/nowhere/ssh_config")
    up_elsewhere.run("bin/fleetctl", "list-units")
    assert not asked_for_files(up_elsewhere)
    assert not has_files(up_elsewhere)


def test_without_a_stack_that_is_up_nothing_is_written(up_elsewhere: Computer) -> None:
    up_elsewhere.stub("pulumi", PULUMI)
    exported(up_elsewhere, PULUMI_BACKEND_URL="s3://state")
    assert not has_files(up_elsewhere)


def test_a_tunnel_of_the_users_own_goes_by_the_users_own_ssh_config(ready: Computer) -> None:
    written = ready.checkout / ".pulumi/ssh/dev/ssh_config"
    written.parent.mkdir(parents=True)
    written.touch()
    shell = exported(ready, FLEETCTL_TUNNEL="bastion")
    assert shell["FLEETCTL_TUNNEL"] == "bastion"
    assert "FLEETCTL_SSH_CONFIG" not in shell


def test_without_set_up_says_what_to_run(computer: Computer) -> None:
    result = computer.run("toolchain/env")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "run: make setup" in result.stderr


def test_real_plugins_need_no_pulumi_home(ready: Computer) -> None:
    for plugin in ("aws-v7.51.1", "command-v1.2.1", "docker-v5.2.0", "tls-v5.6.2"):
        (ready.home / ".pulumi/plugins" / f"resource-{plugin}").mkdir(parents=True)
    assert "PULUMI_HOME" not in exported(ready)
