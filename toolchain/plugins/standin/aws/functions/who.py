"""Who asks, and where."""

from ...values import Plain
from .. import client as aws
from .asking import function


@function("")
def caller_identity(arguments: Plain) -> Plain:
    """Tells the account and the user or role."""
    found = aws.client("sts").get_caller_identity()
    account = found["Account"]
    return {"id": account, "accountId": account, "arn": found["Arn"], "userId": found["UserId"]}


@function("name region")
def region(arguments: Plain) -> Plain:
    """Tells the region of the provider, or repeats the one given."""
    name = arguments.get("region") or arguments.get("name") or aws.region()
    endpoint = f"ec2.{name}.amazonaws.com"
    return {"id": name, "name": name, "region": name, "endpoint": endpoint}
