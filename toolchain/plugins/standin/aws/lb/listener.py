"""`aws.lb.Listener`."""

from typing import Any, ClassVar

from ...inputs import Problem, SdkType, Supported
from ...resource import names
from ...values import Plain, items_of
from ..shapes import camel, covers, given, object_of, pascal, shown
from .base import LbResource, elbv2, tags_for, tags_of

REDIRECT: Plain = {
    "host": "#{host}", "path": "/#{path}", "port": "#{port}", "protocol": "#{protocol}",
    "query": "#{query}",
}  # fmt: skip
BLOCKS = {"forward": "targetGroupArn", "redirect": "redirect", "fixed-response": "fixedResponse"}
"""What an action needs, by its type."""


class Listener(LbResource):
    """A port of a load balancer, and what happens to the requests that arrive there."""

    token = "aws:lb/listener:Listener"
    sdk = SdkType("pulumi_aws.lb", "Listener")
    supported: ClassVar[Supported] = {
        "": names("certificateArn defaultActions loadBalancerArn port protocol sslPolicy tags"),
        "defaultActions": names("fixedResponse order redirect targetGroupArn type"),
    }
    computed = names("protocol sslPolicy")
    replacing = names("loadBalancerArn")
    gone = names("ListenerNotFound LoadBalancerNotFound")
    steps = dict.fromkeys(
        ("certificateArn", "defaultActions", "port", "protocol", "sslPolicy"), "modify"
    )

    def check(self, inputs: Plain) -> list[Problem]:
        """Actions have what their type needs; HTTPS has a certificate."""
        found = _check_actions(items_of(inputs["defaultActions"]))
        if inputs.get("protocol") == "HTTPS" and "certificateArn" not in inputs:
            return [*found, Problem("certificateArn", "HTTPS needs a certificate.")]
        return found

    def prepare(self, inputs: Plain) -> Plain:
        """Adds what a redirect keeps of the request."""
        actions = [_with_defaults(action) for action in items_of(inputs["defaultActions"])]
        return {"defaultActions": actions} if actions else {}

    def make(self, inputs: Plain) -> str:
        """Creates it."""
        made = elbv2().create_listener(
            LoadBalancerArn=inputs["loadBalancerArn"], **_parameters(inputs), **tags_for(inputs)
        )
        return made["Listeners"][0]["ListenerArn"]

    def find(self, identity: str, state: Plain) -> Plain | None:
        """Reads it."""
        answer = elbv2().describe_listeners(ListenerArns=[identity])
        if not answer["Listeners"]:
            return None
        found = answer["Listeners"][0]
        outputs = shown(
            found, loadBalancerArn="LoadBalancerArn", port="Port", protocol="Protocol",
            sslPolicy="SslPolicy",
        )  # fmt: skip
        certificates = [one["CertificateArn"] for one in items_of(found.get("Certificates"))]
        certified = {"certificateArn": certificates[0]} if certificates else {}
        return (
            outputs
            | certified
            | {
                "arn": identity,
                "defaultActions": [_action(action) for action in found["DefaultActions"]],
                "tagsAll": tags_of(identity),
            }
        )

    def modify(self, identity: str, state: Plain, inputs: Plain) -> None:
        """Changes what differs."""
        elbv2().modify_listener(ListenerArn=identity, **_parameters(inputs))

    def same(self, name: str, old: Plain, new: Plain) -> bool:
        """A port in a redirect is text, a port of the listener a number."""
        return covers(old[name], new[name]) if name != "tags" else old[name] == new[name]

    def remove(self, identity: str, state: Plain) -> None:
        """Deletes it."""
        elbv2().delete_listener(ListenerArn=identity)


def _check_actions(actions: list[Any]) -> list[Problem]:
    found: list[Problem] = []
    for number, action in enumerate(actions):
        at, kind = f"defaultActions[{number}]", object_of(action).get("type")
        if not isinstance(kind, str):
            continue
        if kind not in BLOCKS:
            allowed = ", ".join(BLOCKS)
            found.append(Problem(f"{at}.type", f"got {kind!r}; supported here: {allowed}."))
        elif BLOCKS[kind] not in action:
            found.append(Problem(f"{at}.{BLOCKS[kind]}", f"an action of type {kind} needs it."))
    return found


def _with_defaults(action: Any) -> Any:
    redirect = object_of(object_of(action).get("redirect"))
    return action | {"redirect": REDIRECT | redirect} if redirect else action


def _parameters(inputs: Plain) -> Plain:
    certificates = (
        {"Certificates": [{"CertificateArn": inputs["certificateArn"]}]}
        if "certificateArn" in inputs
        else {}
    )
    wanted = given(inputs, Port="port", Protocol="protocol", SslPolicy="sslPolicy")
    wanted.setdefault("Protocol", "HTTP")
    actions = [_request(action) for action in inputs["defaultActions"]]
    return wanted | certificates | {"DefaultActions": actions}


def _request(action: Plain) -> Plain:
    wanted = given(action, Type="type", Order="order", TargetGroupArn="targetGroupArn")
    for name, api in (("redirect", "RedirectConfig"), ("fixedResponse", "FixedResponseConfig")):
        if name in action:
            wanted[api] = pascal({k: v for k, v in action[name].items() if not k.startswith("__")})
    return wanted


def _action(found: Plain) -> Plain:
    outputs = shown(found, type="Type", order="Order", targetGroupArn="TargetGroupArn")
    for name, api in (("redirect", "RedirectConfig"), ("fixedResponse", "FixedResponseConfig")):
        if found.get(api):
            outputs[name] = camel(found[api])
    return outputs
