"""The provider: what AWS's resources need beyond the shared one."""

from pulumi.provider.experimental import provider as rpc

from ..inputs import Problem
from ..provider import DEFAULTS, StandIn
from ..resource import Resource
from ..values import Plain, Properties, plain_map, wrap, wrap_map
from . import settings
from .client import configure
from .resource import AwsResource


class AwsStandIn(StandIn):
    """Knows its configuration, and names of many kinds."""

    async def check_config(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Checks the provider's configuration against the SDK."""
        config = settings.decoded(plain_map(request.new_inputs))
        failures = _failures(settings.config_problems(config))
        return rpc.CheckResponse(request.new_inputs, failures or None)

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        """Sets the configuration for all requests."""
        configure(settings.read(settings.decoded(plain_map(request.args))))
        return await super().configure(request)

    def _check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        """Adds a name where the resource's name is not called `name`; else as the shared one."""
        resource = self._resource(request.type)
        chosen = _chosen_name(resource, request)
        named = request.new_inputs | chosen
        checked = super()._check(
            rpc.CheckRequest(request.urn, request.old_inputs, named, request.random_seed)
        )
        if checked.failures or checked.inputs is None:
            return checked
        defaults = {*plain_map(checked.inputs).get(DEFAULTS, []), *chosen}
        return rpc.CheckResponse(checked.inputs | {DEFAULTS: wrap(sorted(defaults))})

    def _forces_new(self, resource: Resource, name: str, old: Plain, new: Plain) -> bool:
        """What a change does may depend on the values."""
        return _aws(resource).forces_new(name, old, new)

    def _deletes_first(self, resource: Resource, old: Plain, new: Plain) -> bool:
        """Two things cannot have one name: a name that was given and stays is freed first."""
        named = _aws(resource).named
        if resource.delete_before_replace or named is None or named.name in new.get(DEFAULTS, []):
            return resource.delete_before_replace
        return named.name in new and old.get(named.name) == new[named.name]


def _failures(found: list[Problem]) -> list[rpc.CheckFailure]:
    return [rpc.CheckFailure(problem.path, problem.reason) for problem in found]


def _aws(resource: Resource) -> AwsResource:
    assert isinstance(resource, AwsResource)
    return resource


def _chosen_name(resource: Resource, request: rpc.CheckRequest) -> Properties:
    """Returns the name that the plugin chooses; the same one as long as the resource lives."""
    named = _aws(resource).named
    given = plain_map(request.new_inputs)
    if named is None or named.name in given:
        return {}
    old = plain_map(request.old_inputs)
    before = old.get(named.name) if named.name in old.get(DEFAULTS, []) else None
    return wrap_map({named.name: before or named.choose(request.name, request.random_seed)})
