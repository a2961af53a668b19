"""The load balancer's counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.fleetctl.dashboard.load_balancer import (
    LoadBalancer,
    NothingToldError,
    Totals,
    totals,
)

TOLD = """\
# pxname,svname,qcur,stot,hrsp_2xx,hrsp_5xx,
http,FRONTEND,,12,8,4,
healthy,machine-1,0,7,5,2,
healthy,machine-2,0,0,,,
healthy,BACKEND,0,7,5,2,
reachable,BACKEND,0,2,0,1,
statistics,BACKEND,0,3,3,1,

"""


def test_requests_of_all_machines_are_counted_and_those_for_the_counts_are_not() -> None:
    assert totals(TOLD) == Totals(requests=9, errors=3)


@pytest.mark.parametrize("text", ["", "<html>", "pxname,svname"])
def test_what_tells_nothing_is_told(text: str) -> None:
    with pytest.raises(NothingToldError, match="pulumi up --replace"):
        totals(text)


@given(st.text())
def test_whatever_follows_is_counted_or_left_out(text: str) -> None:
    assert totals(f"# pxname,svname,stot,hrsp_5xx\n{text}").requests >= 0


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://127.0.0.1:8080/"])
def test_it_is_at_a_url(url: str) -> None:
    assert LoadBalancer.parse(url) == LoadBalancer("127.0.0.1:8080")
    assert LoadBalancer.parse("http://[::1]").address == "[::1]"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:80",
        "https://h",
        "http://",
        "http://h/x",
        "http://h:x",
        "http://h?a",
        "http://a@h",
    ],
)
def test_anything_else_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"^it must be http://HOST or"):
        LoadBalancer.parse(url)


def test_one_that_does_not_answer_is_told() -> None:
    with pytest.raises(NothingToldError, match="does not answer"):
        LoadBalancer("127.0.0.1:1").totals()
