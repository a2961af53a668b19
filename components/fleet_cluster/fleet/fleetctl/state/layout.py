"""The layout of the cluster's data: fleetctl changes none that it does not know."""

from ... import VERSION
from ...kv import KV
from ...model.keys import CLUSTER
from ...model.layout import newer_layout
from ...model.records import LAYOUT_VERSION
from ..cli.errors import CtlError


def check_layout(store: KV) -> None:
    """Refuse a change of data whose layout is newer than this fleetctl knows.

    Raises:
        CtlError: it is; nothing was changed.
    """
    entry = store.get([CLUSTER]).entries.get(CLUSTER)
    layout = newer_layout(entry.value if entry else "")
    if layout:
        raise CtlError(
            f"the cluster's data have layout {layout}, and fleetctl {VERSION} knows none above "
            f"{LAYOUT_VERSION}: nothing was changed. Update fleet where fleetctl runs, as a rule "
            "on the machines: pulumi up"
        )
