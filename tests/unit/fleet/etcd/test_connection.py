"""Connections to a member: gRPC over HTTP/2, with members that break off or speak otherwise."""

import socket
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from h2.connection import H2Connection

from fleet_cluster.fleet.etcd import messages
from fleet_cluster.fleet.etcd.connection import Connection
from fleet_cluster.fleet.etcd.member import Member
from fleet_cluster.fleet.etcd.rpc_error import RpcError, Status
from tests.unit.fleet.etcd import rpc_pb2 as rpc
from tests.unit.fleet.etcd.http2_server import HEAD, OK, Answer, Http2Server

WAIT = 20.0
"""Longer than anything here takes, so that a failure ends."""
MESSAGE = rpc.RangeResponse(header=rpc.ResponseHeader(revision=7)).SerializeToString()

Serve = Callable[[Answer], Http2Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[Http2Server] = []

    def begin(answer: Answer) -> Http2Server:
        servers.append(Http2Server(answer))
        return servers[-1]

    yield begin
    for server in servers:
        server.stop()


def framed(message: bytes) -> bytes:
    return b"\0" + len(message).to_bytes(4) + message


def well(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, HEAD)
    http.send_data(stream, framed(MESSAGE))
    http.send_headers(stream, OK, end_stream=True)


def ask(member: Member, seconds: float = WAIT) -> int:
    request = messages.range_request(b"/a")
    return member.call("KV/Range", request, messages.RangeResponse.decode, seconds).revision


def refused(server: Http2Server) -> RpcError:
    with pytest.raises(RpcError) as caught:
        ask(Member(server.endpoint, None))
    return caught.value


def test_calls_one_after_the_other_share_a_connection(serve: Serve) -> None:
    server = serve(well)
    member = Member(server.endpoint, None)
    assert [ask(member) for _ in range(300)] == [7] * 300
    assert server.connections == 1


def test_a_call_does_not_wait_for_another(serve: Serve) -> None:
    entered, goes_on, slow = threading.Event(), threading.Event(), iter([True, False])

    def answer(http: H2Connection, stream: int) -> None:
        if next(slow):
            entered.set()
            goes_on.wait(WAIT)
        well(http, stream)

    member = Member(serve(answer).endpoint, None)
    found: list[int] = []
    first = threading.Thread(target=lambda: found.append(ask(member)))
    first.start()
    assert entered.wait(WAIT)
    assert ask(member) == 7 and found == []
    goes_on.set()
    first.join(WAIT)
    assert found == [7]


def test_a_connection_that_the_member_has_ended_is_not_used_again(serve: Serve) -> None:
    """Or a commit would fail, which is never tried twice."""

    def answer(http: H2Connection, stream: int) -> None:
        well(http, stream)
        http.close_connection()
        raise EOFError

    server = serve(answer)
    member = Member(server.endpoint, None)
    assert ask(member) == 7
    assert ask(member) == 7
    assert server.connections == 2


def test_an_answer_may_come_in_pieces(serve: Serve) -> None:
    def answer(http: H2Connection, stream: int) -> None:
        http.send_headers(stream, HEAD)
        for byte in framed(MESSAGE):
            http.send_data(stream, bytes([byte]))
        http.send_headers(stream, OK, end_stream=True)

    assert ask(Member(serve(answer).endpoint, None)) == 7


def breaks_off(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, HEAD)
    http.send_data(stream, framed(MESSAGE)[:3])
    raise EOFError


def resets(http: H2Connection, stream: int) -> None:
    http.reset_stream(stream, 7)


def goes_away(http: H2Connection, _stream: int) -> None:
    http.close_connection()
    raise EOFError


@pytest.mark.parametrize("answer", [breaks_off, resets, goes_away])
def test_what_breaks_off_is_unavailable(serve: Serve, answer: Answer) -> None:
    assert refused(serve(answer)).status == Status.UNAVAILABLE


def no_grpc(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, [(":status", "503")], end_stream=True)


def unknown_status(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, [*HEAD, ("grpc-status", "99")], end_stream=True)


@pytest.mark.parametrize("answer", [no_grpc, unknown_status])
def test_an_answer_that_is_none_of_grpc(serve: Serve, answer: Answer) -> None:
    assert refused(serve(answer)).status == Status.UNKNOWN


def empty(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, [*HEAD, *OK], end_stream=True)


def garbage(http: H2Connection, stream: int) -> None:
    http.send_headers(stream, HEAD)
    http.send_data(stream, framed(b"\xff\xff"))
    http.send_headers(stream, OK, end_stream=True)


@pytest.mark.parametrize("answer", [empty, garbage])
def test_an_answer_that_says_nothing(serve: Serve, answer: Answer) -> None:
    assert refused(serve(answer)).status == Status.INTERNAL


def test_a_refusal_is_told_in_the_members_words_and_the_connection_goes_on(serve: Serve) -> None:
    said = [*HEAD, ("grpc-status", "7"), ("grpc-message", "100%25 \xe2\x82\xac denied")]
    answers: list[Answer] = [
        lambda http, stream: http.send_headers(stream, said, end_stream=True),
        well,
    ]
    server = serve(lambda http, stream: answers.pop(0)(http, stream))
    member = Member(server.endpoint, None)
    with pytest.raises(RpcError, match="^PERMISSION_DENIED: 100% .* denied$"):
        ask(member)
    assert ask(member) == 7 and server.connections == 1


def test_an_answer_that_does_not_come_in_time(serve: Serve) -> None:
    member = Member(serve(lambda _http, _stream: None).endpoint, None)
    began = monotonic()
    with pytest.raises(RpcError) as caught:
        ask(member, 0.2)
    assert caught.value.status == Status.DEADLINE_EXCEEDED
    assert 0.2 <= monotonic() - began < WAIT / 2


def test_a_member_that_speaks_another_protocol() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connected, _ = listening.accept()
            with connected:
                connected.recv(65536)
                connected.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(RpcError) as caught:
            ask(Member(f"127.0.0.1:{listening.getsockname()[1]}", None))
    assert caught.value.status == Status.UNAVAILABLE


def test_a_member_of_which_no_call_is_under_way_keeps_no_connection_when_it_is_closed(
    serve: Serve,
) -> None:
    server = serve(well)
    member = Member(server.endpoint, None)
    ask(member)
    member.close()
    ask(member)
    ask(member)
    assert server.connections == 3


def test_a_connection_needs_a_member_that_accepts_it_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = f"127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(RpcError) as caught:
            Connection(endpoint, None, until=monotonic() - 1)
    assert caught.value.status == Status.DEADLINE_EXCEEDED
