"""The keys under `/fleet/` in etcd."""

ROOT = "/fleet/"
CLUSTER = ROOT + "cluster"
LEADER = ROOT + "leader"
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


def machine_key(machine: str) -> str:
    """Where machine `machine` (its full id) announces itself."""
    return MACHINES + machine


def file_key(sha: str) -> str:
    """Where the unit file with this SHA-256 is kept."""
    return FILES + sha


def unit_key(name: str) -> str:
    """Where the desired state of unit `name` is kept."""
    return UNITS + name


def schedule_key(machine: str, name: str) -> str:
    """Where the leader tells `machine` to run unit `name`."""
    return f"{SCHEDULE}{machine}/{name}"


def state_key(machine: str, name: str) -> str:
    """Where `machine` reports what systemd says of unit `name`."""
    return f"{STATES}{machine}/{name}"


def eligibility_key(machine: str) -> str:
    """Where it is kept what an operator has said of `machine`."""
    return ELIGIBILITY + machine


def move_key(name: str) -> str:
    """Where it is kept that unit `name` is to move."""
    return MOVES + name


def order_key(machine: str, name: str) -> str:
    """Where an operator asks `machine` to have systemd do something about unit `name`."""
    return f"{ORDERS}{machine}/{name}"


def address_key(address: str) -> str:
    """Where the id of the machine that last had `address` is kept."""
    return ADDRESSES + address


def metadata_key(machine: str) -> str:
    """Where it is kept what metadata an operator has given to `machine` while it runs."""
    return METADATA + machine


def claim_key(name: str) -> str:
    """Where it is kept whose the units of owner `name` are, or the application's key `name`."""
    return CLAIMS + name


def split_key(key: str, prefix: str) -> tuple[str, str]:
    """The machine and the unit of a key under `schedule/`, `states/` or `orders/`."""
    machine, _, name = key.removeprefix(prefix).partition("/")
    return machine, name
