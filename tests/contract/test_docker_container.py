"""`docker.Network`, `docker.Volume` and `docker.Container`."""

from __future__ import annotations

import os
import random
import secrets
import socket
from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from tests.contract.dockerd import BASE, LABEL, base_id, engine, inspect, run, volume_names
from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.sshd import free_port

FOREVER = ["sleep", "infinity"]


def container(**arguments: Any) -> Program:
    """A program of one container that exports its id and name."""
    image = base_id()

    def program() -> None:
        given: dict[str, Any] = {"image": image, "command": FOREVER, "labels": [LABEL]} | arguments
        made = docker.Container("it", **given)
        pulumi.export("id", made.id)
        pulumi.export("name", made.name)
        pulumi.export("networks", made.network_datas)
        pulumi.export("hostname", made.hostname)

    return program


def test_what_is_asked_for_arrives(project: Project) -> None:
    program = container(
        hostname="host",
        domainname="example.org",
        entrypoints=["/bin/sh", "-c", "exec sleep $SECONDS_TO_SLEEP"],
        command=[],
        envs=["SECONDS_TO_SLEEP=infinity"],
        working_dir="/tmp",  # noqa: S108
        tmpfs={"/run/x": "mode=700"},
        capabilities={"adds": ["CAP_SYS_PTRACE"], "drops": ["CAP_MKNOD"]},
        security_opts=["seccomp=unconfined"],
        stop_signal="SIGKILL",
        stop_timeout=3,
        memory=128,
        memory_swap=256,
        shm_size=32,
        init=True,
        dns=["192.0.2.1"],
        hosts=[{"host": "somewhere", "ip": "192.0.2.7"}],
        sysctls={"net.ipv4.ip_unprivileged_port_start": "0"},
        restart="unless-stopped",
        volumes=[{"container_path": "/data"}],
        uploads=[
            {"file": "/etc/deep/er/secret", "content": "hush\n", "permissions": "0600"},
            {"file": "/run.sh", "content": "#!/bin/sh\n", "executable": True},
            {"file": "/bytes", "content_base64": "AAEC"},
        ],
    )
    made = project.up(program).outputs
    identity = made["id"]
    assert made["name"].startswith("it-")
    assert made["hostname"] == "host"
    assert run(identity, "hostname -f") == "host.example.org"
    assert run(identity, "pwd") == "/tmp"
    assert run(identity, "stat -c %a /run/x") == "700"
    assert run(identity, "cat /etc/deep/er/secret; stat -c %a /etc/deep/er/secret") == "hush\n600"
    assert run(identity, "stat -c %a /run.sh") == "744"
    assert run(identity, "od -An -tx1 /bytes").split() == ["00", "01", "02"]
    assert "192.0.2.7" in run(identity, "grep somewhere /etc/hosts")
    assert "192.0.2.1" in run(identity, "cat /etc/resolv.conf")
    found = inspect(identity)
    assert found is not None
    host, config = found["HostConfig"], found["Config"]
    assert host["Memory"] == 128 * 1024 * 1024
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    assert host["SecurityOpt"] == ["seccomp=unconfined"]
    assert [name.removeprefix("CAP_") for name in host["CapAdd"]] == ["SYS_PTRACE"]
    assert host["Init"] is True
    assert (config["StopSignal"], config["StopTimeout"]) == ("SIGKILL", 3)
    assert config["Labels"].items() >= {(LABEL["label"], LABEL["value"])}
    assert project.up(program).steps == {"it": "same"}
    volume = found["Mounts"][0]["Name"]
    project.destroy()
    assert inspect(identity) is None
    assert volume not in volume_names()


def _addresses(networks: Sequence[Any]) -> list[list[Any]]:
    return [[one.ip_address, one.gateway, one.ip_prefix_length] for one in networks]


def test_a_fixed_address_in_a_network(project: Project) -> None:
    image, net = base_id(), f"10.{random.randint(200, 250)}.{random.randint(0, 255)}"

    def program() -> None:
        network = docker.Network(
            "net",
            driver="bridge",
            ipam_configs=[{"subnet": f"{net}.0/24", "gateway": f"{net}.1"}],
            labels=[LABEL],
        )
        for number in (10, 11):
            made = docker.Container(
                f"c{number}",
                image=image,
                command=FOREVER,
                labels=[LABEL],
                networks_advanced=[
                    {
                        "name": network.name,
                        "ipv4_address": f"{net}.{number}",
                        "aliases": [f"alias{number}"],
                    }
                ],
            )
            pulumi.export(f"c{number}", made.id)
            pulumi.export(f"data{number}", made.network_datas.apply(_addresses))

    done = project.up(program).outputs
    assert done["data10"] == [[f"{net}.10", f"{net}.1", 24]]
    assert f"{net}.11" in run(done["c10"], "getent hosts alias11")
    assert set(project.up(program).steps.values()) == {"same"}
    refreshed = project.up(program, refresh=True)
    assert all(steps.endswith("same") for steps in refreshed.steps.values())


def test_a_named_volume_outlives_its_container(project: Project) -> None:
    image = base_id()

    def program(command: str) -> Program:
        def make() -> None:
            volume = docker.Volume("data", labels=[LABEL])
            script = f"{command}; exec sleep infinity"
            docker.Container(
                "it",
                image=image,
                command=["sh", "-c", script],
                labels=[LABEL],
                volumes=[{"volume_name": volume.name, "container_path": "/data"}],
            )
            pulumi.export("volume", volume.name)

        return make

    project.up(program("echo kept > /data/file"))
    done = project.up(program("cat /data/file > /seen"))
    assert done.steps["data"] == "same"
    made = project.resource("it")
    assert made is not None
    assert run(made["id"], "until test -s /seen; do sleep 0.1; done; cat /seen") == "kept"
    project.destroy()
    assert done.outputs["volume"] not in volume_names()


def test_most_changes_delete_and_create_again(project: Project) -> None:
    first = project.up(container(hostname="a"))
    done = project.up(container(hostname="b"))
    assert [step for step, name in done.order if name == "it"][0] == "delete-replaced"
    assert done.diffs["it"] >= {"hostname"}
    assert first.outputs["id"] != done.outputs["id"]
    assert inspect(first.outputs["id"]) is None


def test_supervision_changes_in_place(project: Project) -> None:
    first = project.up(container(restart="no", memory=128, memory_swap=128))
    changed = {"restart": "always", "memory": 64, "memory_swap": 64, "destroy_grace_seconds": 1}
    done = project.up(container(**changed))
    assert done.steps == {"it": "update"}
    assert first.outputs["id"] == done.outputs["id"]
    found = inspect(done.outputs["id"])
    assert found is not None
    assert found["HostConfig"]["RestartPolicy"]["Name"] == "always"
    assert found["HostConfig"]["Memory"] == 64 * 1024 * 1024


def test_one_stopped_outside_is_started_again(project: Project) -> None:
    first = project.up(container())
    engine().kill(first.outputs["id"])
    project.refresh()
    kept = project.resource("it")
    assert kept is not None
    assert kept["outputs"]["mustRun"] is False
    done = project.up(container())
    assert done.steps == {"it": "update"}
    assert done.outputs["id"] == first.outputs["id"]
    found = inspect(first.outputs["id"])
    assert found is not None
    assert found["State"]["Running"]
    assert project.up(container(), refresh=True).steps["it"].endswith("same")


def test_one_removed_outside_is_created_again(project: Project) -> None:
    first = project.up(container())
    engine().remove_container(first.outputs["id"], force=True, v=True)
    done = project.up(container(), refresh=True)
    assert done.steps["it"].endswith("create")
    assert inspect(done.outputs["id"]) is not None


def test_destroy_does_not_mind_one_that_is_gone(project: Project) -> None:
    first = project.up(container())
    engine().remove_container(first.outputs["id"], force=True, v=True)
    project.destroy()


def test_a_published_port_answers(project: Project) -> None:
    port = free_port()
    listen = "my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 5)"
    answer = "while (my $c = $s->accept) { print $c q(hi); close $c }"
    serve = ["perl", "-MIO::Socket::INET", "-e", f"{listen}; {answer}"]
    ports = [{"internal": 80, "external": port, "ip": "127.0.0.1"}]
    program = container(command=serve, ports=ports)
    identity = project.up(program).outputs["id"]
    run(identity, "until grep -q ':0050 ' /proc/net/tcp; do sleep 0.1; done")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        assert connection.recv(10) == b"hi"


def test_one_that_cannot_start_stays_and_the_next_up_replaces_it(project: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        program = container(ports=[{"internal": 80, "external": port, "ip": "127.0.0.1"}])
        with pytest.raises(EngineFailed) as failure:
            project.up(program)
    assert str(port) in failure.value.text
    kept = project.resource("it")
    assert kept is not None
    found = inspect(kept["id"])
    assert found is not None
    assert found["State"]["Status"] == "created"
    done = project.up(program)
    assert "replace" in done.steps["it"]
    assert inspect(kept["id"]) is None
    assert project.up(program).steps == {"it": "same"}


def test_an_image_that_is_nowhere_is_named(project: Project) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.up(container(image="127.0.0.1:1/no/such:image"))
    assert "127.0.0.1:1/no/such:image" in failure.value.text
    assert ".py" not in failure.value.text, "no stack trace"


def test_one_that_exits_at_once_is_created_and_started_again_by_the_next_up(
    project: Project,
) -> None:
    program = container(command=["false"])
    first = project.up(program)
    # The plugin reads it back soon after its start: on a busy computer it may run still.
    engine().wait(first.outputs["id"])
    project.refresh()
    kept = project.resource("it")
    assert kept is not None
    assert kept["outputs"]["mustRun"] is False
    told = project.preview(program)
    assert (told.steps, told.diffs) == ({"it": "update"}, {"it": {"mustRun"}})
    assert project.up(program).outputs["id"] == first.outputs["id"]


def test_one_that_need_not_run_may_exit(project: Project) -> None:
    project.up(container(command=["true"], must_run=False))


def test_a_privileged_one_reads_its_label_back(project: Project) -> None:
    """Created only: not every engine starts a privileged container."""
    given = {"privileged": True, "start": False, "must_run": False}
    project.up(container(**given))
    kept = project.resource("it")
    assert kept is not None
    assert kept["outputs"]["securityOpts"] == ["label=disable"]
    assert project.up(container(**given), refresh=True).steps == {"it": "refresh,same"}
    told = project.preview(container(**given, security_opts=[]))
    assert "replace" in told.steps["it"]
    assert told.diffs["it"] == {"securityOpts"}


def test_capabilities_are_read_back_with_their_prefix(project: Project) -> None:
    short, full = ({"adds": [name]} for name in ("SYS_PTRACE", "CAP_SYS_PTRACE"))
    project.up(container(capabilities=short))
    assert project.up(container(capabilities=short)).steps == {"it": "same"}
    project.refresh()
    assert project.preview(container(capabilities=short)).diffs["it"] == {"capabilities"}
    assert project.preview(container(capabilities=full)).steps == {"it": "same"}


def test_unconfined_paths_are_not_read_back(project: Project) -> None:
    options = ["seccomp=unconfined", "systempaths=unconfined"]
    program = container(security_opts=options)
    identity = project.up(program).outputs["id"]
    assert run(identity, "test -w /proc/sys/kernel/hostname && echo writable") == "writable"
    assert project.up(program).steps == {"it": "same"}
    project.refresh()
    told = project.preview(program)
    assert "replace" in told.steps["it"]
    assert told.diffs["it"] == {"securityOpts"}
    ignoring = pulumi.ResourceOptions(ignore_changes=["securityOpts"])
    cured = container(security_opts=options, opts=ignoring)
    assert project.preview(cured).steps == {"it": "same"}
    replaced = project.up(container(security_opts=options, opts=ignoring, hostname="other"))
    found = inspect(replaced.outputs["id"])
    assert found is not None
    assert found["HostConfig"]["MaskedPaths"] == [], "a new one gets all options"


def test_memory_reads_swap_back(project: Project) -> None:
    first = project.up(container(memory=128))
    told = project.preview(container(memory=128))
    assert (told.steps, told.diffs) == ({"it": "update"}, {"it": {"memorySwap"}})
    done = project.up(container(memory=128))
    assert (done.steps, done.outputs["id"]) == ({"it": "update"}, first.outputs["id"])
    assert project.up(container(memory=128)).steps == {"it": "same"}


def test_one_by_an_images_tag_is_stable(project: Project) -> None:
    done = project.up(container(image=BASE))
    assert not [said for said in done.messages if "image" in said]
    assert project.up(container(image=BASE)).steps == {"it": "same"}
    assert project.up(container(image=BASE), refresh=True).steps == {"it": "refresh,same"}


def test_waiting_for_health(project: Project) -> None:
    check = {"tests": ["CMD-SHELL", "test -e /ready"], "interval": "200ms", "retries": 100}
    slow = "sleep 1; touch /ready; exec sleep infinity"
    program = container(command=["sh", "-c", slow], healthcheck=check, wait=True)
    identity = project.up(program).outputs["id"]
    assert run(identity, "ls /ready") == "/ready"
    assert project.up(program).steps == {"it": "same"}


def test_the_providers_host_is_used(project: Project) -> None:
    here = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")

    def program(host: str) -> Program:
        def make() -> None:
            provider = docker.Provider("engine", host=host)
            options = pulumi.ResourceOptions(provider=provider)
            docker.Network("it", labels=[LABEL], opts=options)

        return make

    assert project.up(program(here)).steps["it"] == "create"
    project.destroy()
    with pytest.raises(EngineFailed) as failure:
        project.up(program("unix:///no/such/docker.sock"))
    assert "unix:///no/such/docker.sock" in failure.value.text


def test_a_child_of_a_component(project: Project) -> None:
    def program() -> None:
        parent = pulumi.ComponentResource("my:own:Component", "parent")
        options = pulumi.ResourceOptions(parent=parent)
        made = docker.Network("it", labels=[LABEL], opts=options)
        pulumi.export("name", made.name)

    assert project.up(program).outputs["name"].startswith("it-")


def test_preview_makes_nothing(project: Project) -> None:
    name = f"fleet-cluster-contract-{secrets.token_hex(4)}"
    assert project.preview(container(name=name)).steps == {"it": "create"}
    assert inspect(name) is None


def test_secret_uploads_stay_secret(project: Project) -> None:
    image = base_id()

    def program() -> None:
        content = pulumi.Output.secret("top-secret-text")
        upload = docker.ContainerUploadArgs(file="/key", content=content)
        docker.Container("it", image=image, command=FOREVER, labels=[LABEL], uploads=[upload])

    project.up(program)
    assert "top-secret-text" not in project.state()
    project.refresh()
    assert "top-secret-text" not in project.state()


def test_an_unknown_restart_policy_is_refused(project: Project) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.preview(container(restart="sometimes"))
    assert "on-failure" in failure.value.text
