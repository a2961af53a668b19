"""Clients of AWS's services, as the provider is configured, and errors in plain words."""

import functools
import importlib
import os
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from ..resource import PluginError
from .settings import Settings

# boto3 makes clients for one thread at a time; a client then serves all of them.
_making = threading.Lock()

# An engine's plugin process serves one configuration of the provider.
_configured = Settings()

PARTITION = "aws"
NO_REGION = (
    "No AWS region. Set it with `pulumi config set aws:region eu-central-1`, AWS_REGION, or the"
    " `region` of an `aws.Provider`."
)
NO_CREDENTIALS = (
    " Give credentials as AWS's own tools take them (`aws configure`, AWS_PROFILE, or"
    " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)."
)


def configure(settings: Settings) -> None:
    """Makes all clients from now on with these settings."""
    global _configured
    _configured = settings
    _clients.clear()
    for cached in (_session, account_id):
        cached.cache_clear()


def default_tags() -> dict[str, str]:
    """Returns the tags that everything gets."""
    return dict(_configured.tags)


@functools.cache
def _session() -> Any:
    boto3: Any = importlib.import_module("boto3")
    return boto3.Session(
        aws_access_key_id=_configured.access_key,
        aws_secret_access_key=_configured.secret_key,
        aws_session_token=_configured.token,
        region_name=_configured.region or os.environ.get("AWS_REGION"),
        profile_name=_configured.profile,
    )


def region() -> str:
    """Returns the region that everything is made in."""
    name: str | None = _session().region_name
    if name is None:
        raise PluginError(NO_REGION)
    return name


_clients: dict[str, Any] = {}


def client(service: str) -> Any:
    """Returns boto3's client of a service such as `ec2`. Its answers have no types."""
    with _making:
        if service not in _clients:
            _clients[service] = _new_client(service)
        return _clients[service]


def _new_client(service: str) -> Any:
    config: Any = importlib.import_module("botocore.config")
    return _session().client(
        service,
        region_name=region(),
        endpoint_url=_configured.endpoints.get(service),
        config=config.Config(
            retries={"max_attempts": _configured.retries, "mode": "standard"},
            max_pool_connections=64,
        ),
    )


@functools.cache
def account_id() -> str:
    """Returns the account's number."""
    return client("sts").get_caller_identity()["Account"]


def arn(service: str, resource: str) -> str:
    """Returns the ARN of what is not told its own by AWS."""
    return f"arn:{PARTITION}:{service}:{region()}:{account_id()}:{resource}"


@contextmanager
def errors(what: str) -> Generator[None]:
    """Turns what AWS and boto3 say into a PluginError that begins with `what` failed."""
    exceptions: Any = importlib.import_module("botocore.exceptions")
    try:
        yield
    except exceptions.ClientError as error:
        raise PluginError(f"{what}: {_said(error)}") from error
    except (exceptions.NoCredentialsError, exceptions.ProfileNotFound) as error:
        raise PluginError(f"{what}: {error}.{NO_CREDENTIALS}") from error
    except exceptions.BotoCoreError as error:
        raise PluginError(f"{what}: {error}") from error


def _said(error: Any) -> str:
    told = error.response["Error"]
    return f"{told.get('Code')}: {told.get('Message')} ({error.operation_name})"


def or_none(codes: frozenset[str], fetch: Callable[[], Any]) -> Any:
    """Returns what `fetch` returns, or None when AWS answers with one of the error codes."""
    exceptions: Any = importlib.import_module("botocore.exceptions")
    try:
        return fetch()
    except exceptions.ClientError as error:
        if error.response["Error"]["Code"] in codes:
            return None
        raise
