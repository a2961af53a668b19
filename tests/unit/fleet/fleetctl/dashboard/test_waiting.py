"""What waits for a page."""

from fleet_cluster.fleet.fleetctl.dashboard.waiting import END, MOST_WAITING, Waiting


def test_messages_come_in_order_and_then_the_end() -> None:
    page = Waiting()
    page.put("one", lambda: "all")
    page.put("two", lambda: "all")
    assert [page.get(), page.get()] == ["one", "two"]
    page.put("three", lambda: "all")
    page.end()
    assert page.get() == END


def test_for_a_page_that_does_not_read_one_message_replaces_those_that_wait() -> None:
    page = Waiting()
    for number in range(MOST_WAITING):
        page.put(str(number), lambda: "all")
    page.put("one too many", lambda: "all")
    page.put("later", lambda: "all of later")
    assert [page.get(), page.get()] == ["all", "later"]
