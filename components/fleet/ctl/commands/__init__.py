"""fleetctl's commands, one a file."""

from . import (
    apply,
    cat,
    cordon,
    destroy,
    drain,
    journal,
    list_machines,
    list_unit_files,
    list_units,
    load,
    locate,
    rebalance,
    rollout,
    ssh,
    start,
    status,
    stop,
    submit,
    uncordon,
    unload,
    verify,
    version,
    why,
)

COMMANDS = {
    module.COMMAND.name: module.COMMAND
    for module in (
        list_machines,
        list_units,
        list_unit_files,
        submit,
        load,
        start,
        stop,
        unload,
        rollout,
        destroy,
        cat,
        status,
        journal,
        ssh,
        cordon,
        uncordon,
        drain,
        rebalance,
        why,
        verify,
        apply,
        locate,
        version,
    )
}
"""By name, in the order of `fleetctl --help`."""
