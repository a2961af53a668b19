"""What of a unit with Fence=true the fence cannot stop is told, and what to do about it."""

import pytest

from fleet_cluster.fleet.lint.unit_file import lint

FENCE = "[X-Fleet]\nFence=true\n"
ELSEWHERE = "the fence cannot stop the container of"


def remarks(text: str, name: str = "db.service") -> list[str]:
    """The remarks on a file that is valid."""
    found = lint({name: text}, ask_systemd=False)
    assert found.faults == {}
    return found.remarks.get(name, [])


def service(*lines: str) -> str:
    return "\n".join(["[Service]", *lines, FENCE])


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (
            "/usr/bin/docker run --rm --name db {{db_image}}",
            f"{ELSEWHERE} docker run: add --cgroup-parent=db.slice, and a line Slice=db.slice to"
            " [Service]",
        ),
        ("-/usr/bin/docker --debug create x", f"{ELSEWHERE} docker create: add --cgroup-parent"),
        (
            "/usr/bin/docker start --attach db",
            f"{ELSEWHERE} docker start: make it with --cgroup-parent=db.slice, and a line Slice=",
        ),
        ("docker container run x", f"{ELSEWHERE} docker run"),
        ("/bin/sh -c 'true; exec docker run x'", f"{ELSEWHERE} docker run"),
        ("nerdctl run x", f"{ELSEWHERE} nerdctl run"),
        ("podman run x", f"{ELSEWHERE} podman run: make it with --cgroups=split"),
        (
            "docker compose up",
            f"{ELSEWHERE} docker compose: add cgroup_parent: db.slice in its file, and a line",
        ),
        ("docker-compose up", "the fence cannot stop what docker-compose starts"),
        ("/usr/bin/systemd-run /bin/sleep 9", "the fence cannot stop what systemd-run starts"),
    ],
)
def test_what_runs_outside_of_the_unit_is_remarked_on(command: str, said: str) -> None:
    (remark,) = remarks(service("Restart=always", f"ExecStart={command}"))
    assert remark.startswith(f"db.service:3: {said}")
    assert remarks(f"[Service]\nExecStart={command}\n") == [], "without a fence it is no matter"


@pytest.mark.parametrize(
    "lines",
    [
        ("ExecStart=/usr/bin/ledger --exclusive", "ExecStop=/usr/bin/docker stop db"),
        ("ExecStart=/bin/true", "ExecStartPre=-/usr/bin/docker rm --force db"),
        ("Slice=db.slice", "ExecStart=docker run --cgroup-parent=db.slice x"),
        ("Slice=db_%i.slice", "ExecStart=docker run --rm --cgroup-parent db_%i.slice x"),
        (
            "Slice=db.slice",
            "ExecStartPre=docker create --name db --cgroup-parent=db.slice x",
            "ExecStart=docker start --attach db",
        ),
        ("ExecStart=podman run --cgroups=split x",),
        ("Slice=db.slice", "ExecStart=docker compose up"),
    ],
)
def test_what_the_fence_can_kill_is_not_remarked_on(lines: tuple[str, ...]) -> None:
    assert remarks(service(*lines), "db@1.service") == []


@pytest.mark.parametrize("slice", ["system.slice", "system-db.slice", "-.slice", "other.slice"])
def test_slice_of_all_or_another_one_is_of_no_use(slice: str) -> None:
    command = "ExecStart=docker run --cgroup-parent=system.slice x"
    (remark,) = remarks(service(f"Slice={slice}", command))
    assert "docker run: add --cgroup-parent=" in remark


def test_slice_of_a_template_is_one_of_each_instance() -> None:
    (remark,) = remarks(service("ExecStart=docker run x"), "my-db@.service")
    assert "--cgroup-parent=my_db_%i.slice, and a line Slice=my_db_%i.slice" in remark


@pytest.mark.parametrize(
    ("name", "text"),
    [("db.timer", "[Timer]\nOnCalendar=daily\n"), ("db.socket", "[Socket]\nListenStream=80\n")],
)
def test_unit_that_starts_others_is_stopped_without_them(name: str, text: str) -> None:
    kind = name.removeprefix("db.")
    assert remarks(text + FENCE, name) == [
        f"{name}:4: the fence stops the {kind}, not what it has started: give that Fence=true too"
    ]
