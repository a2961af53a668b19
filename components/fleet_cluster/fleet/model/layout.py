"""The layout of the cluster's data: how its records are to be understood."""

from .record import BadRecordError
from .records import LAYOUT_VERSION, Cluster


def newer_layout(cluster: str) -> int:
    """The layout of data that is newer than this version of fleet knows; 0 if it is known.

    Args:
        cluster: the record of the cluster's id as it is stored; empty when there is none. One that
            is not readable says nothing of the layout.
    """
    try:
        layout = Cluster.from_json(cluster).layout if cluster else LAYOUT_VERSION
    except BadRecordError:
        return 0
    return layout if layout > LAYOUT_VERSION else 0
