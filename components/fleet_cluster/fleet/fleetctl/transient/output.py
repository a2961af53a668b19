"""The output of a run, from the journal of each of its machines: all of it, each line once.

On the machine, a small shell script follows the journal until it is told that the run has ended.
Then it has journald take in what has been written, and prints what came after the last line that
has arrived here.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from threading import Lock, Thread
from typing import Any, cast

from ..cli.errors import CtlError
from ..cli.output import raw, tell, write

END_OF_FOLLOWING = "\x1e"
"""The line between what was followed and the rest; a line of the follower may be cut off there."""
SCRIPT = r"""
read_journal() {
    exec journalctl --quiet --no-pager --output=json --all --output-fields=MESSAGE "$@" \
        _TRANSPORT=stdout _SYSTEMD_UNIT="$unit" SYSLOG_IDENTIFIER="$identifier"
}
unit=$1 identifier=$2
read_journal --follow --lines=all & follower=$!
read -r cursor
kill $follower; wait $follower 2>/dev/null
printf '\n\036\n'
[ "$(id -u)" = 0 ] && journalctl --sync || sudo -n journalctl --sync
read_journal ${cursor:+"--after-cursor=$cursor"}
"""


def command(unit: str, identifier: str) -> list[str]:
    """The command that prints a run's output on its machine; a line on its input is the end."""
    return ["sh", "-c", SCRIPT, "fleetctl-run", unit, identifier]


class Reader:
    """A reader of what the script prints: the messages, each once (pure)."""

    def __init__(self) -> None:
        self.cursor = ""
        """Of the last message."""
        self._skips_to = ""

    def read(self, line: str, asked_from: str) -> bytes | None:
        """The message in a line; None when there is none that is new.

        `asked_from`: the cursor after which the script was told to begin; the follower may have
        come further.
        """
        if line.strip("\n") == END_OF_FOLLOWING:
            self._skips_to = self.cursor if self.cursor != asked_from else ""
            return None
        try:
            entry: Mapping[str, Any] = json.loads(line)
            message, cursor = entry["MESSAGE"], str(entry["__CURSOR"])
        except (ValueError, KeyError, TypeError):
            return None  # A line that the end has cut off: it comes again.
        if self._skips_to:
            self._skips_to = "" if cursor == self._skips_to else self._skips_to
            return None
        self.cursor = cursor
        if isinstance(message, list):  # Not UTF-8.
            return bytes(cast(list[int], message))
        return str(message).encode()


class Output:
    """The output of a run on one machine, printed as it comes."""

    def __init__(self, call: list[str], prefix: str, lock: Lock) -> None:
        """`call`: runs `command` there; `prefix`: of each line; `lock`: lines come whole."""
        self._prefix = prefix.encode()
        self._lock = lock
        self._reader = Reader()
        self._asked_from = ""
        self._is_read = True
        # A line may be cut off within a character.
        self._process = subprocess.Popen(
            call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, errors="replace"
        )
        self._thread = Thread(target=self._pump, daemon=True)
        self._thread.start()

    def finish(self) -> int:
        """Print the rest of a run that has ended. The exit code of the way there.

        If that is not 0, lines may be missing; it is 0 where nobody reads them any more.
        """
        assert self._process.stdin
        self._asked_from = self._reader.cursor
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{self._asked_from}\n")
            self._process.stdin.close()
        self._thread.join()
        code = self._process.wait()
        return code if self._is_read else 0

    def _pump(self) -> None:
        try:
            for line in self._process.stdout or ():
                message = self._reader.read(line, self._asked_from)
                if message is not None:
                    self._print(message)
        except BrokenPipeError:
            self._is_read = False  # Whoever read it has seen enough; the run goes on to its end.
            self._process.kill()
        except BaseException:
            self._process.kill()  # Or it would wait for ever for someone to read the rest.
            raise

    def _print(self, message: bytes) -> None:
        with self._lock:
            write(self._prefix + message + b"\n", raw(sys.stdout))


def no_way(where: str, error: CtlError) -> None:
    """Tell that the output on a machine cannot be shown."""
    tell(f"Its output on {where} cannot be shown, and it runs all the same: {error}")


def incomplete(unit: str, where: str) -> None:
    """Tell that the output on a machine may not be all of it."""
    tell(
        f"Lines of the output of {unit} on {where} may be missing here. All of them: fleetctl "
        f"journal --lines all {unit}"
    )
