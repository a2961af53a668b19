"""Messages of etcd, beside Google's protobuf: the same to the byte, and read alike."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.etcd import messages, wire
from fleet_cluster.fleet.kv import SAME_LEASE, CreatedAt, Delete, KeyValue, Put, Unchanged
from tests.unit.fleet.etcd import rpc_pb2 as rpc

TEXTS = st.text(max_size=300).map(lambda text: text.encode(errors="replace").decode())
KEYS = TEXTS.filter(bool)
NUMBERS = st.one_of(st.integers(0, 300), st.integers(0, 2**63 - 1))
ANY_NUMBERS = st.one_of(NUMBERS, st.integers(-(2**63), -1))
CONDITIONS = st.one_of(st.builds(Unchanged, KEYS, NUMBERS), st.builds(CreatedAt, KEYS, NUMBERS))
LEASES = st.one_of(NUMBERS, st.just(SAME_LEASE))
OPERATIONS = st.one_of(st.builds(Put, KEYS, TEXTS, LEASES), st.builds(Delete, KEYS))
ENTRIES = st.builds(KeyValue, KEYS, TEXTS, ANY_NUMBERS, ANY_NUMBERS, ANY_NUMBERS)


def of_condition(one: Unchanged | CreatedAt) -> rpc.Compare:
    key = one.key.encode()
    if isinstance(one, CreatedAt):
        target = rpc.Compare.CREATE
        return rpc.Compare(target=target, key=key, create_revision=one.create_revision)
    return rpc.Compare(target=rpc.Compare.MOD, key=key, mod_revision=one.mod_revision)


def of_operation(one: Put | Delete) -> rpc.RequestOp:
    key = one.key.encode()
    if isinstance(one, Delete):
        return rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key))
    put = rpc.PutRequest(key=key, value=one.value.encode())
    if one.lease == SAME_LEASE:
        put.ignore_lease = True
    else:
        put.lease = one.lease
    return rpc.RequestOp(request_put=put)


def of_entry(one: KeyValue) -> rpc.KeyValue:
    return rpc.KeyValue(
        key=one.key.encode(),
        value=one.value.encode(),
        create_revision=one.create_revision,
        mod_revision=one.mod_revision,
        lease=one.lease,
    )


@given(st.lists(CONDITIONS, max_size=3), st.lists(OPERATIONS, max_size=3))
def test_transactions(
    conditions: list[Unchanged | CreatedAt], operations: list[Put | Delete]
) -> None:
    wanted = rpc.TxnRequest(
        compare=map(of_condition, conditions), success=map(of_operation, operations)
    )
    assert messages.txn_request(conditions, operations) == wanted.SerializeToString()


@given(KEYS, TEXTS, NUMBERS, NUMBERS, st.booleans())
def test_reads(key: str, end: str, limit: int, revision: int, keys_only: bool) -> None:
    ours = messages.range_request(key.encode(), end.encode(), limit, revision, keys_only)
    wanted = rpc.RangeRequest(
        key=key.encode(),
        range_end=end.encode(),
        limit=limit,
        revision=revision,
        keys_only=keys_only,
    )
    assert ours == wanted.SerializeToString()
    gets = [rpc.RangeRequest(key=one) for one in (key.encode(), b"/b")]
    txn = rpc.TxnRequest(success=[rpc.RequestOp(request_range=one) for one in gets])
    assert messages.get_request([key, "/b"]) == txn.SerializeToString()


@given(NUMBERS, KEYS.filter(lambda key: key.isascii()), NUMBERS)
def test_requests_about_leases_and_watches(id: int, prefix: str, revision: int) -> None:
    end = prefix[:-1].encode() + bytes([ord(prefix[-1]) + 1])
    create = rpc.WatchCreateRequest(
        key=prefix.encode(), range_end=end, start_revision=revision, watch_id=id
    )
    pairs = [
        (messages.grant_request(id), rpc.LeaseGrantRequest(TTL=id)),
        (messages.lease_request(id), rpc.LeaseKeepAliveRequest(ID=id)),
        (messages.lease_request(id), rpc.LeaseRevokeRequest(ID=id)),
        (messages.lease_request(id), rpc.LeaseTimeToLiveRequest(ID=id)),
        (
            messages.watch_request(id, prefix, revision),
            rpc.WatchRequest(create_request=create),
        ),
        (
            messages.cancel_request(id),
            rpc.WatchRequest(cancel_request=rpc.WatchCancelRequest(watch_id=id)),
        ),
        (
            messages.progress_request(),
            rpc.WatchRequest(progress_request=rpc.WatchProgressRequest()),
        ),
    ]
    for ours, wanted in pairs:
        assert ours == wanted.SerializeToString()


@given(st.lists(ENTRIES, max_size=3), ANY_NUMBERS, st.booleans())
def test_what_is_read(entries: list[KeyValue], revision: int, more: bool) -> None:
    header = rpc.ResponseHeader(revision=revision)
    told = rpc.RangeResponse(header=header, kvs=map(of_entry, entries), more=more)
    read = messages.RangeResponse.decode(told.SerializeToString())
    assert read == (revision, entries, more)
    ops = [rpc.ResponseOp(response_range=told), rpc.ResponseOp(response_range=told)]
    txn = rpc.TxnResponse(header=header, succeeded=more, responses=ops)
    done = messages.TxnResponse.decode(txn.SerializeToString())
    assert done == (revision, more, entries + entries)


@given(st.lists(st.tuples(st.booleans(), ENTRIES), max_size=3), ANY_NUMBERS, st.booleans())
def test_what_watches_and_leases_tell(
    events: list[tuple[bool, KeyValue]], id: int, flag: bool
) -> None:
    kinds = rpc.Event.PUT, rpc.Event.DELETE
    told = [rpc.Event(type=kinds[is_delete], kv=of_entry(one)) for is_delete, one in events]
    response = rpc.WatchResponse(
        watch_id=id, created=flag, canceled=not flag, events=told, cancel_reason="because"
    )
    read = messages.WatchResponse.decode(response.SerializeToString())
    assert read == (id, flag, not flag, events)
    lease = rpc.LeaseTimeToLiveResponse(ID=id, TTL=-1, grantedTTL=10)
    assert messages.LeaseResponse.decode(lease.SerializeToString()) == (id, -1, 10)


def test_fields_that_are_not_known_are_passed_over() -> None:
    fixed = b"\x9d\x06" + bytes(4) + b"\x99\x06" + bytes(8)
    more = wire.number(100, 7) + wire.message(99, b"new") + fixed
    assert messages.LeaseResponse.decode(more + wire.number(3, 5)).ttl == 5


DECODERS: list[Callable[[bytes], object]] = [
    messages.RangeResponse.decode,
    messages.TxnResponse.decode,
    messages.LeaseResponse.decode,
    messages.WatchResponse.decode,
]


@given(st.binary(max_size=60), st.sampled_from(DECODERS))
def test_what_is_no_message_is_told_so(content: bytes, decode: Callable[[bytes], object]) -> None:
    try:
        decode(content)
    except wire.WireError:
        return


@pytest.mark.parametrize("broken", [b"\x08", b"\x08\xff", b"\x08" + b"\xff" * 11, b"\x12\x05ab"])
def test_what_breaks_off_is_no_message(broken: bytes) -> None:
    for decode in DECODERS:
        with pytest.raises(wire.WireError):
            decode(broken)
