"""Socket templates: what `Accept=yes` sockets make an instance of for each connection.

All other templates are only in the store; an instance is written with its own name.
"""

import logging
from collections.abc import Iterable, Mapping

from ..kv import KV
from ..model.keys import file_key, unit_key
from ..model.record import BadRecordError
from ..model.records import Unit
from ..unitfiles.triggers import accepted_template, template_of_socket

log = logging.getLogger(__name__)


def needed(files: Mapping[str, str], store: KV) -> dict[str, str]:
    """The templates of the sockets among these files, as the cluster has them now: name to text."""
    found = {accepted_template(name, text) for name, text in files.items()}
    wanted = {unit_key(template): template for template in found if template}
    if not wanted:
        return {}
    keys = {
        wanted[key]: file_key(sha)
        for key, entry in store.get(wanted.keys()).entries.items()
        if (sha := _sha(key, entry.value))
    }
    there = store.get(set(keys.values())).entries
    texts = {name: there[key].value for name, key in keys.items() if key in there}
    for template in sorted(set(wanted.values()) - texts.keys()):
        log.error("%s is not in the cluster: its socket can accept no connection", template)
    return texts


def useless(removed: Iterable[str], known: Iterable[str]) -> set[str]:
    """The templates that no socket needs any more when these units are removed."""
    gone = {name for name in removed if name.endswith(".socket")}
    left = {name for name in known if name.endswith(".socket")} - gone
    return set(map(template_of_socket, gone)) - set(map(template_of_socket, left))


def _sha(key: str, value: str) -> str:
    try:
        return Unit.from_json(value).sha
    except BadRecordError as error:
        log.error("%s cannot be used: %s", key, error)
        return ""
