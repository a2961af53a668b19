"""nginx's pool is made of what matches, whatever else etcd holds."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_cluster.fleet.model.keys import CLUSTER, name_key
from fleet_cluster.fleet.model.records import Cluster
from fleet_cluster.fleet.model.service_records import ServiceRecord
from tests.checkout import CHECKOUT

BIN = CHECKOUT / "images/nginx-pool/files/usr/local/bin"
SCRIPT = BIN / "pool-conf"
GOOD = "10.0.0.1:5000"
OTHER = "10.0.0.2:5000"


def rendered(*keys: tuple[str, str]) -> str:
    """What confd makes of keys with their values."""
    # Of what these tests send, JSON quotes as confd's %q does.
    return "".join(f"{json.dumps(key)} {json.dumps(value)}\n" for key, value in keys)


def pool(*keys: tuple[str, str]) -> tuple[str, list[str]]:
    """The configuration, and what is told; each key with its value, as etcd has them."""
    done = subprocess.run(
        [str(SCRIPT)], input=rendered(*keys), capture_output=True, text=True, check=True
    )
    return done.stdout, done.stderr.splitlines()


def named(host: str, port: int = 5000) -> tuple[str, str]:
    """A name as fleet writes it."""
    record = ServiceRecord(host, "sinatra-discovery@5000.service", "a" * 32, port)
    return (name_key("sinatra", "x"), record.to_json())


def server(value: str) -> tuple[str, str]:
    """What an instance of before registers."""
    return ("/app/server/x", value)


def cluster(id: str) -> tuple[str, str]:
    return (CLUSTER, Cluster(id).to_json())


def test_a_pool_of_two():
    conf, told = pool(cluster("1a2b"), named("10.0.0.1"), named("fd00::1", 65535))
    assert told == []
    assert conf.startswith(
        "# of etcd's data 1a2b\n"
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
    assert conf.count("\n") == 10


def test_registrations_of_before_are_in_it_too():
    conf, told = pool(named("10.0.0.1"), server(OTHER))
    assert told == []
    assert f'map "" $pool {{ default "{GOOD} {OTHER}"; }}' in conf


@settings(max_examples=20)
@given(st.lists(st.text(alphabet=';{}"\\ \n\t$#.:,[]0159afé\x01', max_size=20), max_size=20))
def test_no_record_brings_anything_else_into_it(values: list[str]):
    key, _ = named("10.0.0.1")
    odd = [json.dumps({"host": value, "port": value, "unit": value}) for value in values]
    conf, told = pool(*((key, value) for value in (*values, *odd)), named("10.0.0.1"))
    used = [line for line in conf.splitlines() if line.startswith("    server ")]
    assert {line.split()[1] for line in used} == {GOOD}
    assert len(told) == 2 * len(values)
    assert conf.count("\n") == 10


@pytest.mark.parametrize(
    ("host", "port"),
    [("10.0.0.1", 0), ("10.0.0.1", 65536), ("10.0.0.256", 5000), ("web", 5000), ("", 5000)],
)
def test_a_record_that_names_no_server_is_told(host: str, port: int):
    text = json.dumps({"host": host, "machine": "a", "port": port, "unit": "a.service"})
    conf, (told,) = pool((name_key("sinatra", "x"), text))
    assert "    server 127.0.0.1:1 down;\n" in conf
    assert told.startswith("/fleet/internal/fleet/sinatra/x = ")
    assert "a unit with a port in its Name=, such as Name=sinatra:5000" in told


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
    restored = pool(server(GOOD), cluster("1a2b"))[0]
    assert restored.splitlines()[-1] == ids[0], "nginx has nothing to reload for"


RUN_CONFD = """\
#!/bin/bash
cd "${0%/*}" && echo asked >>asked
[ ! -e later ] || mv later keys
"""


class Written:
    """A pool that write-pool keeps in a folder of its own, of keys that this gives it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        text = (BIN / "write-pool").read_text()
        for path in ("/tmp/", "/var/lib/pool/"):  # noqa: S108 - the container's
            text = text.replace(path, f"{folder}/")
        self._script = folder / "write-pool"
        self._script.write_text(text)
        (folder / "run-confd").write_text(RUN_CONFD)
        (folder / "sleep").write_text("#!/bin/bash\n")
        for name in ("write-pool", "run-confd", "sleep"):
            (folder / name).chmod(0o755)

    def write(self, *keys: tuple[str, str]) -> str:
        """The servers, as nginx shows them, with these keys in etcd."""
        (self._folder / "asked").unlink(missing_ok=True)
        (self._folder / "keys").write_text(rendered(*keys))
        path = f"{self._folder}:{BIN}:{os.environ['PATH']}"
        done = subprocess.run(
            [str(self._script)], env={"PATH": path}, capture_output=True, text=True, check=True
        )
        self.told = done.stderr
        assert (self._folder / "ready").exists()
        assert not (self._folder / "pool.conf.new").exists()
        (shown,) = re.findall(r'\$pool { default "(.*)"', (self._folder / "pool.conf").read_text())
        return shown

    def later(self, *keys: tuple[str, str]) -> None:
        """What is in etcd by the time that it is asked again."""
        (self._folder / "later").write_text(rendered(*keys))

    @property
    def looks(self) -> int:
        """How often etcd was asked again before the pool was written."""
        asked = self._folder / "asked"
        return len(asked.read_text().splitlines()) if asked.exists() else 0


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def test_whose_instances_are_all_gone_serves_none_after_a_moment(written: Written):
    assert written.write(cluster("1a"), named("10.0.0.1")) == GOOD
    assert written.write(cluster("1a")) == ""
    assert written.looks == 5


@pytest.mark.parametrize("now", [[], [cluster("2b")]])
def test_an_etcd_with_other_data_takes_no_pool_away_until_it_has_another(
    written: Written, now: list[tuple[str, str]]
):
    written.write(cluster("1a"), named("10.0.0.1"))
    for _ in range(2):
        assert written.write(*now) == GOOD, "however long that takes"
        assert "etcd has other data, and no servers yet" in written.told
        assert written.looks == 0
    assert written.write(cluster("2b"), named("10.0.0.2")) == OTHER
    assert written.write(cluster("2b")) == "", "those have gone"


def test_data_that_are_others_by_the_second_look_take_no_pool_away(written: Written):
    written.write(cluster("1a"), named("10.0.0.1"))
    written.later(cluster("2b"))
    assert written.write(cluster("1a")) == GOOD
    assert written.looks == 1


def test_names_that_are_back_in_a_moment_are_waited_for(written: Written):
    written.write(cluster("1a"), named("10.0.0.1"))
    written.later(cluster("1a"), named("10.0.0.2"))
    assert written.write(cluster("1a")) == OTHER
