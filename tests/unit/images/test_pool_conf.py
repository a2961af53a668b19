"""nginx's pool is made of what matches, whatever else etcd holds."""

import json
import subprocess

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.checkout import CHECKOUT

SCRIPT = CHECKOUT / "images/nginx-pool/files/usr/local/bin/pool-conf"
GOOD = "10.0.0.1:5000"


def pool(*keys: tuple[str, str]) -> tuple[str, list[str]]:
    """The configuration, and what is told; each key with its value, as etcd has them."""
    # Of what these tests send, JSON quotes as confd's %q does.
    lines = [f"{json.dumps(key)} {json.dumps(value)}\n" for key, value in keys]
    done = subprocess.run(
        [str(SCRIPT)], input="".join(lines), capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr.splitlines()


def server(value: str) -> tuple[str, str]:
    return ("/app/server/x", value)


def test_a_pool_of_two():
    conf, told = pool(server(GOOD), server("[fd00::1]:65535"))
    assert told == []
    assert conf.startswith(
        "upstream app {\n"
        "    zone app 4m;\n"
        "    server 10.0.0.1:5000 max_fails=1 fail_timeout=2s;\n"
        "    server 10.0.0.1:5000 max_fails=0 backup;\n"
        "    server [fd00::1]:65535 max_fails=1 fail_timeout=2s;\n"
        "    server [fd00::1]:65535 max_fails=0 backup;\n"
        "}\n"
        "client_max_body_size 100m;\n"
        "proxy_read_timeout 60s;\n"
        'map "" $pool { default "10.0.0.1:5000 [fd00::1]:65535"; }\n'
        'map "" $pool_id { default "'
    )


def test_without_its_key_the_limit_of_uploads_is_the_settings_default():
    default = yaml.safe_load((CHECKOUT / "Pulumi.yaml").read_text())["config"]["max-body-size"]
    assert f"client_max_body_size {default['default']};" in pool()[0]


def test_an_empty_pool_is_one_that_nginx_takes():
    conf, told = pool()
    assert told == []
    assert "    server 127.0.0.1:1 down;\n" in conf


@settings(max_examples=20)
@given(st.lists(st.text(alphabet=';{}"\\ \n\t$#.:[]0159afé\x01', max_size=20), max_size=20))
def test_nothing_else_gets_into_it(values: list[str]):
    conf, told = pool(*map(server, values), server(GOOD))
    used = [line for line in conf.splitlines() if line.startswith("    server ")]
    assert {line.split()[1] for line in used} == {GOOD}
    assert len(told) == len(values)
    assert conf.count("\n") == 9


def test_a_bad_value_is_told_with_its_key_and_what_is_allowed():
    _, told = pool(("/app/server/5000", ":5000"), server("a\nb"))
    assert told[0] == (
        '/app/server/5000 = ":5000" is not used; allowed: ADDRESS:PORT, an IP address (names are '
        "not looked up) and a port from 1 to 65535, such as 10.0.0.1:5000 or [fd00::1]:5000. "
        "Put such a value, or delete the key."
    )
    assert told[1].startswith('/app/server/x = "a\\nb" is not used')


def test_the_same_keys_are_the_same_pool_and_any_change_is_another():
    one, other = pool(server(GOOD))[0], pool(server("10.0.0.2:5000"))[0]
    limited = pool(server(GOOD), ("/app/nginx/max-body-size", "1m"))[0]
    ids = [conf.splitlines()[-1] for conf in (one, other, limited)]
    assert len(set(ids)) == 3
    assert pool(server(GOOD))[0] == one
