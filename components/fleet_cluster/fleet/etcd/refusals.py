"""What a member's error means: a refusal, or that another try may help."""

from ..kv import KVForbiddenError, KVRefusedError, LeaseLostError
from .rpc_error import RpcError, Status

_PASSING = ("revision of auth store is old", "too many requests")
_FORBIDDEN = ("permission denied", "user name not found", "user name is empty")
_UNAVAILABLE = (
    Status.UNAVAILABLE,
    Status.DEADLINE_EXCEEDED,
    Status.CANCELLED,
    Status.UNKNOWN,
    Status.INTERNAL,
)


def check_refusal(error: RpcError) -> str:
    """The error's text, when another try may help.

    Raises:
        LeaseLostError: the lease is not there.
        KVForbiddenError: this certificate's user may not do it.
        KVRefusedError: the answer was no.
    """
    status, details = error.status, error.details
    if "requested lease not found" in details:
        raise LeaseLostError(details) from error
    if status in _UNAVAILABLE or is_passing(details):
        return f"{status.name}: {details}"
    if any(text in details for text in _FORBIDDEN):
        raise KVForbiddenError(f"etcd does not allow it: {details}") from error
    raise KVRefusedError(f"etcd refused the request: {status.name}: {details}") from error


def is_passing(text: str) -> bool:
    """Whether the same member is well, has done nothing, and may do it a moment later."""
    return any(passing in text for passing in _PASSING)


def unavailable(endpoint: str, text: str) -> str:
    """What is said when no member has answered."""
    return f"etcd did not answer in time; last from {endpoint}: {text}"
