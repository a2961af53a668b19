"""Settings of a stack on AWS: what goes together, and what a bad one is told."""

from pathlib import Path

import pulumi
import pytest

import config
import config_aws
from tests.unit.program.test_program import CONFIG

GOOD = CONFIG | {"provider": "aws", "allow-ssh-from": '["203.0.113.7/32"]'}


def read(region: str = "eu-central-1", **changes: str) -> config.Settings:
    given = GOOD | {name.replace("_", "-"): value for name, value in changes.items()}
    stack = {f"test:{name}": value for name, value in given.items()}
    pulumi.runtime.set_all_config({**stack, "aws:region": region})
    return config.read(pulumi.Config("test"))


def test_a_good_one_is_read():
    chosen = read(cluster_size="100", tags='["team=web"]', ssm_access="true").provider.get("aws")
    assert chosen
    assert chosen.get("tags") == {"team": "web"}
    assert chosen.get("ssm_access") is True
    assert chosen.get("root_size") == 20


@pytest.mark.parametrize(
    ("setting", "given", "allowed"),
    [
        ("cluster_size", "101", "from 1 to 100"),
        ("allow_ssh_from", "[]", "one CIDR at least"),
        ("allow_ssh_from", '["here"]', "CIDRs like"),
        ("allow_ssh_from", '["203.0.113.7"]', "CIDRs like"),
        ("allow_ssh_from", '["203.0.113.7/32", "203.0.113.7/32"]', "each once"),
        ("allow_ssh_from", '["0.0.0.0/0"]', "allow-ssh-from-anywhere"),
        ("allow_ssh_from", '["::/0"]', "allow-ssh-from-anywhere"),
        ("image_id", "debian", "ami-"),
        ("instance_type", "small", "t3.small"),
        ("root_size", "4", "from 8"),
        ("etcd_volume_size", "-1", "from 0"),
        ("etcd_volume_size", "2", "3 to 16384 GiB: more than etcd-quota-backend-bytes (2"),
        ("etcd_volume_size", "1", "pulumi config set etcd-volume-size 8"),
        ("vpc_id", "vpc-1", "together"),
        ("connect_through", "tunnel", "public, private"),
        ("certificate_arn", "mine", "arn:aws:acm"),
        ("permissions_boundary", "fleet-cluster-machines", "arn:aws:iam::ACCOUNT:policy/"),
        ("drain_seconds", "3601", "from 0 to 3600"),
        ("ssh_proxy", "bastion", "USER@HOST"),
        ("ssh_proxy", "admin@bastion:70000", "USER@HOST"),
        ("tags", '["web"]', "team=web"),
        ("load_balancer_port", "9000", "8080, since provider is aws"),
        ("region", "", "a region of AWS"),
    ],
)
def test_a_bad_one_is_refused(setting: str, given: str, allowed: str):
    with pytest.raises(config.SettingError, match="is not allowed") as refused:
        read(**{setting: given})
    assert allowed in str(refused.value)


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "::/0"])
def test_the_world_may_try_ssh_only_when_that_was_said_twice(cidr: str):
    chosen = read(allow_ssh_from=f'["{cidr}"]', allow_ssh_from_anywhere="true").provider.get("aws")
    assert chosen and chosen["ssh_from"] == [cidr]


SALT = "encryptionsalt: v1:Jk3c=\n"
FILE = {"PULUMI_CONFIG_PASSPHRASE_FILE": "/home/me/.pulumi/passphrase"}
KMS = "secretsprovider: awskms://alias/fleet?region=eu-central-1\nencryptedkey: AQ==\n"


def test_a_passphrase_in_a_file_is_refused_unless_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / f"Pulumi.{pulumi.get_stack()}.yaml").write_text(SALT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(*next(iter(FILE.items())))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    with pytest.raises(config_aws.PassphraseError, match="/home/me/.pulumi/passphrase") as refused:
        read()
    assert "pulumi stack change-secrets-provider 'awskms://" in str(refused.value)
    assert "pulumi config set allow-passphrase-file true" in str(refused.value)
    assert read(allow_passphrase_file="true")
    assert read(provider="docker", allow_ssh_from="[]", region="")


@pytest.mark.parametrize(
    ("noted", "environ", "expected"),
    [
        (SALT, FILE, "/home/me/.pulumi/passphrase"),
        (SALT + "secretsprovider: passphrase\n", FILE, "/home/me/.pulumi/passphrase"),
        (SALT, {**FILE, "PULUMI_CONFIG_PASSPHRASE": "from a vault"}, ""),
        (SALT, {}, ""),
        (KMS, FILE, ""),
        (SALT + KMS, FILE, ""),
        ("config: {}\n", FILE, ""),
        ("", FILE, ""),
        (None, FILE, ""),
    ],
    ids=["", "named", "elsewhere", "asked for", "KMS", "KMS now", "of the back end", "empty", "no"],
)
def test_where_the_passphrase_of_a_stack_is(
    noted: str | None, environ: dict[str, str], expected: str, tmp_path: Path
):
    stack = tmp_path / "Pulumi.prod.yaml"
    if noted is not None:
        stack.write_text(noted)
    assert config_aws.passphrase_file(stack, environ) == expected


def test_what_only_aws_has_is_refused_on_docker():
    with pytest.raises(config.SettingError, match="since provider is docker"):
        read(provider="docker", allow_ssh_from="[]", certificate_arn="arn:aws:acm:x")


def test_what_is_left_out_of_a_program_on_aws_is_left_to_the_library():
    chosen = read().provider.get("aws")
    assert chosen
    assert "ssh_key" not in chosen and "ssh_proxy" not in chosen
