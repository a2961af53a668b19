"""The demo's count is of all requests, and hides none that failed."""

from hypothesis import given
from hypothesis import strategies as st

from demo.counter import LATELY, Counter, count, troubles
from tests.cluster.load import Request

REQUESTS = st.lists(
    st.builds(
        Request,
        st.floats(0, 100),
        st.floats(0, 15),
        st.sampled_from(["", "HTTP Error 503", "it is not the app that answers"]),
    )
)


@given(REQUESTS)
def test_each_request_counts_once_and_each_failure_is_told(requests: list[Request]) -> None:
    counted = count(requests, now=120)
    assert counted.sent == len(requests)
    assert counted.failed == len(troubles(requests)) == len([r for r in requests if r.trouble])


def test_the_rate_is_that_of_late() -> None:
    requests = [Request(at=second, seconds=0.5, trouble="") for second in range(60)]
    assert count(requests, now=60).per_second == 1
    assert count(requests, now=60 + LATELY).per_second == 0, "nothing has come since"


def test_the_line_says_what_a_person_wants_to_know() -> None:
    counter = Counter()
    assert str(counter) == "", "nothing was sent yet"
    counter.requests = [Request(1.0, 0.2, "")] * 1199 + [Request(1.0, 2.26, "it broke")]
    told = "requests 1,200 sent, 1 failed, 0 a second, the slowest took 2.3 s"
    assert str(counter) == told
    assert troubles(counter.requests) == ["00:00:01 after 2.3 s: it broke"]
