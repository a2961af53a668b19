"""First rows: a link that begins brings them, or there is no way to the cluster."""

from queue import SimpleQueue

from ..cli.errors import CtlError
from ..cli.output import notice_if_slow, tell
from .link import Ended, Heard, News, Told


def first_rows(news: "SimpleQueue[News]", ways: int) -> list[News]:
    """News up to the first rows, from the queue that a link fills; `ways`: how many it has.

    Raises:
        CtlError: no machine sends any.
    """
    ended = list[str]()
    others = list[News]()
    with notice_if_slow("Waiting for a machine to say what there is."):
        while True:
            match one := news.get():
                case Heard():
                    return [*others, one]
                case Told(text):
                    tell(text)
                case Ended():
                    ended.append(f"{one.way}: {one.reason}")
                    others.append(one)
            if len(ended) == ways:
                raise CtlError("no machine says what there is:\n  " + "\n  ".join(ended))
