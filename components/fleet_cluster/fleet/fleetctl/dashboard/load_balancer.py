"""The load balancer: HAProxy, as far as it tells how many requests it has had."""

import csv
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

HOST = "haproxy-statistics"
"""The `Host` under which HAProxy in front of machines on this computer tells of itself."""
PATH = "/;csv"
LIMIT_SECONDS = 5.0
MOST_BYTES = 1 << 20


class NothingToldError(Exception):
    """It does not answer, or tells something else."""


@dataclass(frozen=True)
class Totals:
    """Totals since HAProxy has started."""

    requests: int
    errors: int
    """Answers of 500 and above, be they HAProxy's own."""


@dataclass(frozen=True)
class LoadBalancer:
    """The load balancer at an address: a host, and a port unless it is 80."""

    address: str

    @classmethod
    def parse(cls, url: str) -> "LoadBalancer":
        """Read its URL, as the stack's output `url` has it.

        Raises:
            ValueError: says what it must be.
        """
        rule = "it must be http://HOST or http://HOST:PORT, such as http://127.0.0.1:8080"
        try:
            parts = urlsplit(url)
            is_one = parts.port != 0 and parts.hostname and "@" not in parts.netloc
        except ValueError as error:
            raise ValueError(rule) from error
        if not is_one or parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
            raise ValueError(rule)
        return cls(parts.netloc)

    def totals(self) -> Totals:
        """What it has counted so far.

        Raises:
            NothingToldError: says why.
        """
        connection = HTTPConnection(self.address, timeout=LIMIT_SECONDS)
        try:
            connection.request("GET", PATH, headers={"Host": HOST})
            return totals(connection.getresponse().read(MOST_BYTES).decode(errors="replace"))
        except (OSError, HTTPException) as error:
            raise NothingToldError(f"the load balancer does not answer: {error}") from error
        finally:
            connection.close()


def totals(text: str) -> Totals:
    """Totals of HAProxy's statistics as CSV: those of all machines, not of the statistics.

    Raises:
        NothingToldError: it is something else.
    """
    if not text.startswith("# pxname,"):
        raise NothingToldError(
            "what answers there tells nothing of its requests: one that was made before it could "
            "is made anew by pulumi up --replace"
        )
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    backends = [row for row in rows if row["svname"] == "BACKEND" and row["pxname"] != "statistics"]
    return Totals(_sum(backends, "stot"), _sum(backends, "hrsp_5xx"))


def _sum(rows: list[dict[str, str]], name: str) -> int:
    return sum(int(row.get(name) or 0) for row in rows if (row.get(name) or "0").isdecimal())
