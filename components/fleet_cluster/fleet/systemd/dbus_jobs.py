"""Jobs of systemd that were queued here: how each has ended.

The signal of a job's end may come before the answer that names the job: they are only matched when
somebody asks.
"""

from collections.abc import Iterable

_Job = str
"""The path of a job's object."""


class Jobs:
    """The last jobs of each unit."""

    def __init__(self) -> None:
        self._starts: dict[str, _Job] = {}
        self._reloads: dict[str, _Job] = {}
        self._ended: dict[str, tuple[_Job, str]] = {}
        """The last one that has ended, whoever queued it, and its result."""

    def queued(self, method: str, name: str, job: str) -> None:
        """Note what a method of systemd's manager has queued."""
        if method in ("StartUnit", "RestartUnit"):
            self._starts[name] = job
        if method == "ReloadUnit":
            self._reloads[name] = job

    def ended(self, name: str, job: str, result: str) -> None:
        """Note how a job has ended, in systemd's word."""
        self._ended[name] = (job, result)

    def is_reloaded(self, name: str) -> bool:
        """Whether a reload of the unit was queued here."""
        return name in self._reloads

    def is_known(self, name: str) -> bool:
        """Whether any job of the unit was queued here."""
        return name in self._reloads or name in self._starts

    def start_result(self, name: str) -> str:
        """How the last start has ended; empty if that is not known."""
        return self._result(name, self._starts)

    def reload_result(self, name: str) -> str:
        """How the last reload has ended; empty if that is not known."""
        return self._result(name, self._reloads)

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is known of these units."""
        for name in names:
            for jobs in (self._reloads, self._starts, self._ended):
                jobs.pop(name, None)

    def _result(self, name: str, queued: dict[str, _Job]) -> str:
        job, result = self._ended.get(name, ("", ""))
        return result if job and job == queued.get(name) else ""
