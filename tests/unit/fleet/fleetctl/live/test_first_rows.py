"""The first rows of a link, and what becomes of its news before and after."""

from threading import Thread

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.live.changes import change
from fleet_cluster.fleet.fleetctl.live.first_rows import FirstRows
from fleet_cluster.fleet.fleetctl.live.link import Ended, Heard, News, Told
from tests.unit.fleet.fleetctl.live.any_overview import AT, busy

ENDED = Ended("machine-1", "connection refused", "machine-2", heard=False)
FIRST = Heard("machine-2", change(None, busy(), AT))
LATER = [Heard("machine-2", change(busy(), busy(), AT + number)) for number in range(1, 4)]


def test_no_news_is_lost_between_the_first_rows_and_who_goes_on() -> None:
    rows, heard = FirstRows(), list[News]()
    for one in (ENDED, FIRST, *LATER[:2]):
        rows.hear(one)
    rows.wait(2)
    rows.go_on(heard.append)
    rows.hear(LATER[2])
    assert heard == [ENDED, FIRST, *LATER]


def test_what_is_said_on_the_way_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    rows, heard = FirstRows(), list[News]()
    rows.hear(Told("a host key is new"))
    rows.hear(FIRST)
    rows.wait(1)
    assert "a host key is new" in capsys.readouterr().err
    rows.go_on(heard.append)
    assert heard == [FIRST]


def test_news_come_in_order_while_another_thread_tells_them() -> None:
    rows, heard = FirstRows(), list[News]()
    told = [Told(str(number)) for number in range(1000)]

    def tell() -> None:
        rows.hear(FIRST)
        for one in told:
            rows.hear(one)

    thread = Thread(target=tell)
    thread.start()
    rows.wait(1)
    rows.go_on(heard.append)
    thread.join()
    assert heard == [FIRST, *told]


def test_nothing_is_kept_for_nobody() -> None:
    rows, heard = FirstRows(), list[News]()
    rows.hear(FIRST)
    rows.wait(1)
    rows.leave()
    for one in LATER:
        rows.hear(one)
    rows.go_on(heard.append)
    assert heard == []


def test_without_any_way_the_reason_of_each_is_told() -> None:
    rows = FirstRows()
    rows.hear(ENDED)
    rows.hear(Ended("machine-2", "no route to host", "machine-1", heard=False))
    with pytest.raises(CtlError) as raised:
        rows.wait(2)
    assert "machine-1: connection refused\n  machine-2: no route to host" in str(raised.value)
