"""What passes through HAProxy and nginx, and what one app may not do to the others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest

from fleet_cluster.fleet.fleetctl.dashboard.load_balancer import HOST, LoadBalancer
from tests.contract.proxies import FINISH_SECONDS, IDLE_SECONDS, Proxies, running, wait
from tests.streams.client import Talk, Upload, WebSocket

pytestmark = pytest.mark.timeout(900)

APP, OTHER, DEAD = "127.0.0.1:5001", "127.0.0.1:5002", "127.0.0.1:5003"
MEGABYTE = 1_000_000
LONGER_THAN_IDLE = IDLE_SECONDS + 2
LONGER_THAN_FINISHING = FINISH_SECONDS + 2
BAD = [
    "",
    ":5000",
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:0",
    "127.0.0.1:99999",
    "127.0.0.1:05001",
    "127.0.0.01:5001",
    "127.0.0.256:5001",
    "127.0.0:5001",
    "localhost:5001",
    "no-such-name:5001",
    "unix:/run/app.sock",
    "http://127.0.0.1:5001",
    "127.0.0.1:5001 backup",
    " 127.0.0.1:5001",
    "127.0.0.1:5001\n",
    "127.0.0.1:5001;",
    "127.0.0.1:1; } server { listen 81; }",
    '127.0.0.1:1";',
    "::1:5001",
    "[::1]",
    "[:::1]:5001",
    "[1:2:3]:5001",
    "[::1::2]:5001",
    "[12345::1]:5001",
    "[1:2:3:4:5:6:7:8:9]:5001",
    "\x00\x01\x7f",
    "ä:5001",
    "$pool:5001",
]
LIMIT = "/app/nginx/max-body-size"
RELOAD_THAT_LASTS = """
workers() { grep -lszx 'nginx: worker proces[s]' "$@"; }
asks() {
    while true; do
        exec 4<>/dev/tcp/127.0.0.1/80
        printf 'GET / HTTP/1.0\\r\\n\\r\\n' >&4
        cat <&4
    done
}
before=$(workers /proc/[0-9]*/cmdline) master=$(cat /run/nginx.pid)
echo "another pool may come"
until [ "$(workers /proc/[0-9]*/cmdline)" != "$before" ]; do :; done
kill -STOP $master
for _ in {1..8}; do asks >/dev/null & asking+=($!); done
{ sleep 1; kill -CONT $master; } &
flock /run/reload-pool.lock true
workers $before
kill ${asking[@]}
"""
"""nginx has new workers, and for a second does not tell those before to end; under load, any of
them answers. Prints which of those before still take connections when reload-pool has ended."""


@pytest.fixture(scope="module")
def all_proxies() -> Iterator[Proxies]:
    with running() as proxies:
        proxies.start_app(5001)
        proxies.start_app(5002)
        yield proxies


@pytest.fixture
def proxies(all_proxies: Proxies) -> Iterator[Proxies]:
    """An app is found, and nothing else."""
    all_proxies.register("app", APP)
    all_proxies.wait_for_pool(APP)
    wait("it answers", lambda: get(all_proxies, "/")[0] == 200, all_proxies.log)
    yield all_proxies
    all_proxies.forget_all()


def get(proxies: Proxies, path: str, *headers: str) -> tuple[int, str]:
    """The status and the beginning of the answer."""
    head = "\n".join([f"GET {path} HTTP/1.1", "Connection: close", *headers])
    with Talk(proxies.url, head) as talk:
        return talk.answer(), talk.read(2000).decode()


def upload(proxies: Proxies, size: int) -> tuple[int, str]:
    with Upload(proxies.url, size) as sent:
        return sent.finish()


def test_bad_values_are_skipped_and_each_is_told_once(proxies: Proxies):
    for number, value in enumerate(BAD):
        proxies.put(f"/app/server/bad-{number}", value)
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)
    proxies.forget("other")
    proxies.wait_for_pool(APP)
    told = [line for line in proxies.log().splitlines() if "/app/server/bad-" in line]
    for number in range(len(BAD)):
        (line,) = [line for line in told if line.startswith(f"/app/server/bad-{number} = ")]
        assert "is not used; allowed: ADDRESS:PORT" in line
    assert len(told) == len(BAD)


@pytest.mark.parametrize("record", ["", "{", "[]", '{"host":"127.0.0.1","port":0}', OTHER])
def test_a_name_that_gives_no_server_costs_the_others_nothing(proxies: Proxies, record: str):
    proxies.put("/fleet/internal/fleet/sinatra/odd", record)
    wait("it is told", lambda: "/fleet/internal/fleet/sinatra/odd = " in proxies.log(), proxies.log)
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)


def test_what_registers_itself_as_before_is_in_the_pool_too(proxies: Proxies):
    proxies.put("/app/server/5002", OTHER)
    proxies.wait_for_pool(APP, OTHER)


def test_a_keys_name_cannot_do_harm(proxies: Proxies):
    for name in ("a b", 'a"b', "a\n;}", "a;}", "ä", "-x", "$pool"):
        proxies.register(name, OTHER)
    proxies.wait_for_pool(APP, *[OTHER] * 7)
    assert get(proxies, "/")[0] == 200


def test_addresses_of_ipv6_are_used(proxies: Proxies):
    servers = ["[::1]:5001", "[fd00::1:2]:80", "[1:2:3:4:5:6:7:8]:65535", "[1::]:1", "[::]:5001"]
    for number, server in enumerate(servers):
        proxies.register(f"six-{number}", server)
    proxies.wait_for_pool(APP, *servers)


def test_hundreds_of_servers_are_used_and_thousands_do_not_stop_the_pool(proxies: Proxies):
    keys = [f"put /app/server/{n} 127.0.{n // 250}.{n % 250 + 1}:5001" for n in range(1001)]
    for begin in range(0, len(keys), 100):
        chunk = "\n".join(keys[begin : begin + 100])
        proxies.etcdctl("txn", stdin=f"\n{chunk}\n\n\n")
    more = ["and", "920", "more"]
    wait("the pool is full", lambda: proxies.pool()[-3:] == more, proxies.log)
    assert "1000 servers at most" in proxies.log()
    assert {get(proxies, "/")[0] for _ in range(20)} == {200}


def test_a_page_that_breaks_each_instance_costs_the_others_nothing(proxies: Proxies):
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)
    for _ in range(3):
        assert get(proxies, "/crash")[0] == 503
        assert {get(proxies, "/")[0] for _ in range(5)} == {200}
    assert upload(proxies, MEGABYTE)[0] == 200


def test_uploads_of_many_megabytes_arrive(proxies: Proxies):
    assert upload(proxies, 5 * MEGABYTE) == (200, str(5 * MEGABYTE))


def test_the_limit_of_uploads_is_a_key_and_a_bad_one_changes_nothing(proxies: Proxies):
    proxies.put(LIMIT, "1m")
    wait("2 MB are refused", lambda: upload(proxies, 2 * MEGABYTE)[0] == 413, proxies.log)
    for value in ("1mb", "-1", "1.5m", "1m; }", "", "99999999999g"):
        proxies.put(LIMIT, value)
        told = f'{LIMIT} = "{value}" is not used'
        wait(f"{value} is told", lambda told=told: told in proxies.log(), proxies.log)
    proxies.put(LIMIT, "0")
    wait("2 MB arrive", lambda: upload(proxies, 2 * MEGABYTE)[0] == 200, proxies.log)


def test_an_unknown_setting_is_told(proxies: Proxies):
    proxies.put("/app/nginx/max-body", "1m")
    wait("it is told", lambda: "/app/nginx/max-body = " in proxies.log(), proxies.log)


def test_a_web_socket_works_and_may_be_silent(proxies: Proxies):
    with WebSocket(proxies.url) as talk:
        assert talk.answer() == 101
        assert talk.echo("one") == "one"
        time.sleep(LONGER_THAN_IDLE)
        assert talk.echo("two") == "two"


@pytest.mark.parametrize("path", ["/events", "/lines"])
def test_events_come_when_they_are_sent(proxies: Proxies, path: str):
    with Talk(proxies.url, f"GET {path}?every=0.5 HTTP/1.1\nAccept: text/event-stream") as talk:
        assert talk.answer() == 200
        assert [talk.next_event() for _ in range(3)] == ["data: event"] * 3


def test_an_app_may_ask_that_its_answer_is_not_held_back(proxies: Proxies):
    with Talk(proxies.url, "GET /lines?every=0.5 HTTP/1.1") as talk:
        assert talk.answer() == 200
        assert talk.next_event() == "data: event"


def test_a_stream_of_events_may_be_silent(proxies: Proxies):
    ask = f"GET /events?every={LONGER_THAN_IDLE} HTTP/1.1\nAccept: text/event-stream"
    with Talk(proxies.url, ask) as talk:
        assert talk.answer() == 200
        assert [talk.next_event() for _ in range(2)] == ["data: event"] * 2


def test_what_is_in_flight_goes_on_for_long_after_a_reload(proxies: Proxies):
    pieces = LONGER_THAN_FINISHING * 5
    with WebSocket(proxies.url) as talk, Upload(proxies.url, 2 * MEGABYTE) as sent:
        assert talk.answer() == 101
        sent.send_some(MEGABYTE)
        proxies.register("other", OTHER)
        proxies.wait_for_pool(APP, OTHER)
        for _ in range(pieces):
            sent.send_some(1000)
            time.sleep(LONGER_THAN_FINISHING / pieces)
        assert talk.echo("still here") == "still here"
        assert sent.finish() == (200, str(2 * MEGABYTE))


def test_a_reload_has_ended_when_no_worker_has_the_pool_before(proxies: Proxies):
    with proxies.running_in_nginx("bash", "-c", RELOAD_THAT_LASTS) as script:
        assert script.stdout and script.stdout.readline() == "another pool may come\n"
        proxies.register("other", OTHER)
        assert script.communicate()[0] == ""
    assert sorted(proxies.pool()) == [APP, OTHER]


def test_nginx_begins_with_the_servers_known_last_where_etcd_has_lost_them(proxies: Proxies):
    proxies.stop_nginx()
    proxies.stop_pool()
    proxies.forget_all()
    proxies.start_pool()
    assert proxies.start_nginx() == [APP]
    proxies.wait_for_pool()
    proxies.stop_nginx()
    assert proxies.start_nginx() == [], "by then it knows no better one"


def test_an_etcd_with_other_data_takes_no_pool_away_until_it_has_names(proxies: Proxies):
    """Units are written again by the program, and their names come when their machines tell."""
    proxies.put("/fleet/cluster", '{"id":"1a","layout":1}')
    wait("the pool is of that", lambda: "data 1a" in proxies.kept_pool(), proxies.log)
    proxies.forget_all()
    proxies.put("/fleet/cluster", '{"id":"2b","layout":1}')
    told = "etcd has other data, and no servers yet"
    wait("it is told", lambda: told in proxies.log(), proxies.log)
    assert proxies.pool() == [APP]
    assert proxies.renew_nginx() == [APP]
    proxies.register("other", OTHER)
    proxies.wait_for_pool(OTHER)


def test_nginx_begins_with_the_pool_of_the_last_run_where_etcd_is_away(proxies: Proxies):
    proxies.stop_nginx()
    proxies.stop_pool()
    with proxies.etcd_away():
        proxies.start_pool()
        assert proxies.start_nginx() == [APP]
        assert "etcd does not answer: the pool stays as it was last" in proxies.log()
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)


def test_nginx_goes_on_with_its_pool_while_nothing_keeps_it(proxies: Proxies):
    proxies.stop_pool()
    proxies.register("other", OTHER)
    assert proxies.pool() == [APP]
    assert get(proxies, "/")[0] == 200
    proxies.start_pool()
    proxies.wait_for_pool(APP, OTHER)


def test_a_pool_that_nginx_does_not_take_changes_nothing(proxies: Proxies):
    proxies.replace_pool("no { such } thing;")
    wait("it is told", lambda: "the pool stays as it was" in proxies.log(), proxies.log)
    assert get(proxies, "/")[0] == 200
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)


def test_nginx_begins_with_the_last_pool_that_it_took(proxies: Proxies):
    proxies.replace_pool("no { such } thing;")
    assert proxies.renew_nginx() == [APP]
    assert "the pool stays as it was" in proxies.log()
    proxies.register("other", OTHER)
    proxies.wait_for_pool(APP, OTHER)


def test_no_other_protocol_gets_past_nginx(proxies: Proxies):
    ask = ["Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "Connection: Upgrade"]
    with Talk(proxies.url, "\n".join(["GET /headers HTTP/1.1", *ask])) as talk:
        assert talk.answer() == 200
        assert "Upgrade" not in talk.read(100).decode()


def test_without_an_app_a_stream_is_told_so_too(proxies: Proxies):
    proxies.forget("app")
    proxies.wait_for_pool()
    for accept in ("text/html", "text/event-stream"):
        status, text = get(proxies, "/", f"Accept: {accept}")
        assert status == 503
        assert "No instance of the app answers" in text


def test_haproxy_tells_who_asks_how_much_it_was_asked_and_takes_no_orders(proxies: Proxies):
    balancer = LoadBalancer.parse(proxies.url)
    before = balancer.totals()
    assert [get(proxies, "/")[0] for _ in range(3)] == [200] * 3
    after = balancer.totals()
    assert (after.requests - before.requests, after.errors - before.errors) == (3, 0)
    with closing(HTTPConnection(balancer.address, timeout=60)) as connection:
        connection.request("POST", "/", headers={"Host": HOST})
        assert connection.getresponse().status == 403
    proxies.forget("app")
    proxies.wait_for_pool()
    assert get(proxies, "/")[0] == 503
    # HAProxy counts an answer when all of it is sent: who has it may ask before that.
    errors = after.errors + 1
    wait("it is counted", lambda: balancer.totals().errors >= errors, proxies.log)
    assert balancer.totals().errors == errors


def test_stopping_nginx_waits_for_what_is_in_flight_but_not_for_ever(proxies: Proxies):
    with WebSocket(proxies.url) as talk:
        assert talk.answer() == 101
        assert proxies.stop_nginx() == 0
