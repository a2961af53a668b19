"""The keys under `/fleet/` in etcd."""

from .printable import check_id

ROOT = "/fleet/"
CLUSTER = ROOT + "cluster"
LEADER = ROOT + "leader"
BACKUP = ROOT + "backup"
MACHINES = ROOT + "machines/"
FILES = ROOT + "files/"
UNITS = ROOT + "units/"
SCHEDULE = ROOT + "schedule/"
STATES = ROOT + "states/"
ELIGIBILITY = ROOT + "marks/"
MOVES = ROOT + "moves/"
ADDRESSES = ROOT + "addresses/"
METADATA = ROOT + "metadata/"
ORDERS = ROOT + "orders/"
CLAIMS = ROOT + "claims/"
DUPLICATES = ROOT + "duplicates/"
REBOOTS = ROOT + "reboots/"
REBOOT_LOCK = ROOT + "reboot-lock"
RELEASES = ROOT + "releases/"
CANARIES = ROOT + "canaries/"
RUNS = ROOT + "runs/"
RUN_REPORTS = ROOT + "run-reports/"
TIMERS = ROOT + "timers/"
SECRETS = ROOT + "secrets/"
RECIPIENTS = ROOT + "recipients/"
CREDENTIALS = ROOT + "credentials/"
INTERNAL = ROOT + "internal/"
"""Names of services, as CoreDNS wants it: the domain from the right. Of a path of more than one
word it would tell names that nobody finds, so the records are at no longer prefix."""

_OF_MACHINES = (MACHINES, ELIGIBILITY, METADATA, REBOOTS, RECIPIENTS)
_BELOW_MACHINES = (SCHEDULE, STATES, ORDERS, DUPLICATES, RUN_REPORTS, CREDENTIALS)


def machine_key(machine: str) -> str:
    """The key where machine `machine` (its full id) announces itself."""
    return MACHINES + machine


def file_key(sha: str) -> str:
    """The key of the unit file with this SHA-256."""
    return FILES + sha


def unit_key(name: str) -> str:
    """The key of the desired state of unit `name`."""
    return UNITS + name


def schedule_key(machine: str, name: str) -> str:
    """The key of the assignment of unit `name` to `machine`."""
    return f"{SCHEDULE}{machine}/{name}"


def state_key(machine: str, name: str) -> str:
    """The key of the state of unit `name` on `machine`."""
    return f"{STATES}{machine}/{name}"


def eligibility_key(machine: str) -> str:
    """The key of the eligibility of `machine`: whether it is cordoned or drained."""
    return ELIGIBILITY + machine


def move_key(name: str) -> str:
    """The key of the move of unit `name`."""
    return MOVES + name


def order_key(machine: str, name: str) -> str:
    """The key of an operator's order to `machine` about unit `name`."""
    return f"{ORDERS}{machine}/{name}"


def address_key(address: str) -> str:
    """The key of the id of the machine that last had `address`."""
    return ADDRESSES + address


def metadata_key(machine: str) -> str:
    """The key of the metadata that an operator has given to `machine` while it runs."""
    return METADATA + machine


def duplicate_key(machine: str, address: str) -> str:
    """The key of the machine at `address` that has the id of another one, `machine`."""
    return f"{DUPLICATES}{machine}/{address}"


def reboot_key(machine: str) -> str:
    """The key of the request that `machine` reboots."""
    return REBOOTS + machine


def claim_key(name: str) -> str:
    """The key of the claim on the units of owner `name`, or on the application's key `name`."""
    return CLAIMS + name


def release_key(name: str, revision: str) -> str:
    """The key of release `revision`, a number, of unit or template `name`."""
    return f"{RELEASES}{name}/{revision}"


def canary_key(name: str) -> str:
    """The key of the canary that is pending of unit or template `name`."""
    return CANARIES + name


def run_key(name: str, id: str) -> str:
    """The key of run `id` of unit `name`."""
    return f"{RUNS}{name}/{id}"


def run_report_key(machine: str, name: str, id: str) -> str:
    """The key of the report of `machine` on run `id` of unit `name`."""
    return f"{RUN_REPORTS}{machine}/{name}/{id}"


def timer_key(name: str) -> str:
    """The key of how far the elapses of timer `name` have been dealt with."""
    return TIMERS + name


def secret_key(name: str, version: str) -> str:
    """The key of a version of secret `name`."""
    return f"{SECRETS}{name}/{version}"


def recipient_key(machine: str) -> str:
    """The key of the public key of `machine`, a member of etcd."""
    return RECIPIENTS + machine


def credential_key(machine: str, name: str, version: str) -> str:
    """The key of a version of secret `name` as `machine` can open it."""
    return f"{CREDENTIALS}{machine}/{name}/{version}"


def name_key(name: str, label: str) -> str:
    """The key of what `label` gives for the service `name`: label.name.fleet.internal."""
    return f"{INTERNAL}fleet/{name}/{label}"


def split_key(key: str, prefix: str) -> tuple[str, str]:
    """The machine and the unit of a key under `schedule/`, `states/` or `orders/`."""
    machine, _, name = key.removeprefix(prefix).partition("/")
    return machine, name


def fault(key: str) -> str:
    """Why nothing can be kept at a key, in words; empty when it is one of fleet's, or another's.

    Whether a unit of that name can run is not asked: who has stored one can remove it.
    """
    prefix, rest = key[: key.find("/", len(ROOT)) + 1], key[key.find("/", len(ROOT)) + 1 :]
    if not key.isprintable():
        return "its key has characters that cannot be seen; remove it: etcdctl del"
    machine, _, name = rest.partition("/") if prefix in _BELOW_MACHINES else (rest, "", rest)
    if prefix and not name:
        return "its key names nothing"
    try:
        if prefix in _OF_MACHINES or prefix in _BELOW_MACHINES:
            check_id(machine)
    except ValueError as error:
        return str(error)
    return ""
