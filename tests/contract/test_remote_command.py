"""`command.remote.Command`, rule by rule as the real plugin was observed."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_command import remote
from pulumi_command.remote import ConnectionArgs, Logging, ProxyConnectionArgs

from tests.contract import sshd
from tests.contract.harness import EngineFailed, Program, Project
from tests.contract.sshd import Server


def connection(server: Server, **changes: Any) -> ConnectionArgs:
    arguments: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": server.user,
        "private_key": server.user_key("ed25519"),
        "host_key": server.host_key("ed25519"),
    }
    return ConnectionArgs(**(arguments | changes))


def command(server: Server, **arguments: Any) -> Program:
    """A program of one command that exports its streams."""

    def program() -> None:
        given: dict[str, Any] = {"connection": connection(server)} | arguments
        made = remote.Command("it", **given)
        pulumi.export("stdout", made.stdout)
        pulumi.export("stderr", made.stderr)

    return program


def test_it_runs_in_the_home_of_the_login_shell(project: Project, server: Server) -> None:
    done = project.up(command(server, create='echo "$HOME"; pwd; echo "$0"'))
    home, folder, shell = done.outputs["stdout"].splitlines()
    assert home == folder == str(Path.home())
    assert shell.endswith("sh")


def test_stdin_is_at_its_end_when_none_is_given(project: Project, server: Server) -> None:
    done = project.up(command(server, create='test -p /dev/stdin && echo pipe; cat; echo "<$?>"'))
    assert done.outputs["stdout"] in ("pipe\n<0>", "<0>")


def test_stdin_is_the_text_as_given(project: Project, server: Server) -> None:
    text = "one\n\ttwo $HOME `id` 'x' \"y\" ä€\n\n"
    done = project.up(command(server, create="cat; echo end", stdin=text))
    assert done.outputs["stdout"] == text + "end"


def test_streams_lose_exactly_one_newline(project: Project, server: Server) -> None:
    done = project.up(command(server, create=r"printf ' a\n\n'; printf 'b' >&2"))
    assert done.outputs["stdout"] == " a\n"
    assert done.outputs["stderr"] == "b"


def test_it_waits_for_children_that_hold_stdout(project: Project, server: Server) -> None:
    done = project.up(command(server, create="(sleep 1; echo late) & echo early"))
    assert done.outputs["stdout"] == "early\nlate"


def test_large_streams_do_not_block_each_other(project: Project, server: Server) -> None:
    text = "0123456789abcde\n" * 100_000
    counts = "tee /dev/stderr | wc -c"
    done = project.up(command(server, create=counts, stdin=text, logging=Logging.NONE))
    assert done.outputs["stdout"].strip() == str(len(text))
    assert len(done.outputs["stderr"]) == len(text) - 1


def test_an_allowed_variable_arrives(project: Project, server: Server) -> None:
    done = project.up(command(server, create="echo $ALLOWED", environment={"ALLOWED": "a b"}))
    assert done.outputs["stdout"] == "a b"


def test_a_refused_variable_fails_before_anything_runs(
    project: Project, server: Server, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    program = command(server, create=f"touch {ran}", environment={"REFUSED": "x"})
    with pytest.raises(EngineFailed):
        project.up(program)
    assert not ran.exists()


def test_nothing_runs_without_a_change(project: Project, server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program = command(server, create=f"echo create >> {log}", update=f"echo update >> {log}")
    project.up(program)
    assert project.up(program).steps == {"it": "same"}
    project.refresh()
    assert project.up(program, refresh=True).steps["it"].endswith("same")
    assert log.read_text() == "create\n"


def test_a_changed_input_runs_update(project: Project, server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    scripts = {
        "create": f"echo create $PULUMI_COMMAND_STDOUT | tee -a {log}; echo warn >&2",
        "update": f"echo update $PULUMI_COMMAND_STDOUT $PULUMI_COMMAND_STDERR >> {log}",
        "delete": f'echo "delete <$PULUMI_COMMAND_STDOUT>" >> {log}; cat >> {log}',
    }
    project.up(command(server, stdin="1", **scripts))
    changed = project.up(command(server, stdin="2", **scripts))
    assert changed.steps == {"it": "update"}
    assert changed.diffs == {"it": {"stdin"}}
    project.destroy()
    assert log.read_text() == "create\nupdate create warn\ndelete <>\n2"


def test_without_update_create_runs_again(project: Project, server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    project.up(command(server, create=f"echo first >> {log}"))
    done = project.up(command(server, create=f"echo second >> {log}; echo out"))
    assert done.steps == {"it": "update"}
    assert done.outputs["stdout"] == "out"
    assert log.read_text() == "first\nsecond\n"


def test_a_changed_trigger_replaces_new_before_old(
    project: Project, server: Server, tmp_path: Path
) -> None:
    log = tmp_path / "log"

    def program(trigger: str) -> Program:
        return command(
            server,
            create=f'echo "create {trigger} <$PULUMI_COMMAND_STDOUT>" >> {log}; echo {trigger}',
            update=f"echo update >> {log}",
            delete=f'echo "delete {trigger} <$PULUMI_COMMAND_STDOUT>" >> {log}',
            triggers=[trigger, {"a": [1, 2.5, True]}],
        )

    project.up(program("one"))
    done = project.up(program("two"))
    assert "replace" in done.steps["it"]
    assert "triggers" in done.diffs["it"]
    assert log.read_text() == "create one <>\ncreate two <>\ndelete one <one>\n"


def test_a_refused_previous_output_is_a_warning(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    with sshd.running(folder) as strict:
        project.up(command(strict, create="echo one", stdin="1"))
        done = project.up(command(strict, create='echo "<$PULUMI_COMMAND_STDOUT>"', stdin="2"))
        assert done.outputs["stdout"] == "<>"
        assert any("PULUMI_COMMAND_STDOUT" in message for message in done.messages)
        project.destroy()


def test_a_failure_shows_command_and_output(project: Project, server: Server) -> None:
    with pytest.raises(EngineFailed) as failure:
        project.up(command(server, create='echo "out"; echo err >&2; exit 3'))
    said = failure.value.text
    assert r'Process exited with status 3: running "echo \"out\"; echo err >&2; exit 3":' in said
    assert "out" in said
    assert "err" in said
    assert project.resource("it") is None


def test_a_failed_update_is_tried_again(project: Project, server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    ok = tmp_path / "ok"
    update = f"echo try >> {log}; test -e {ok}"
    project.up(command(server, create="echo made", update=update, stdin="1"))
    with pytest.raises(EngineFailed):
        project.up(command(server, create="echo made", update=update, stdin="2"))
    ok.touch()
    done = project.up(command(server, create="echo made", update=update, stdin="2"))
    assert done.steps == {"it": "update"}
    assert log.read_text() == "try\ntry\n"


def test_a_failed_delete_keeps_the_resource(
    project: Project, server: Server, tmp_path: Path
) -> None:
    ok = tmp_path / "ok"
    project.up(command(server, create="echo made", delete=f"test -e {ok}"))
    with pytest.raises(EngineFailed):
        project.destroy()
    assert project.resource("it") is not None
    ok.touch()
    project.destroy()
    assert project.resource("it") is None


def test_preview_runs_nothing(project: Project, server: Server, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    assert project.preview(command(server, create=f"touch {ran}")).steps == {"it": "create"}
    assert not ran.exists()


def test_the_connection_is_secret(project: Project, server: Server) -> None:
    project.up(command(server, create="echo made"))
    state = project.state()
    assert server.user_key("ed25519").splitlines()[1] not in state
    assert "127.0.0.1" not in state
    assert "made" in state


def test_a_secret_create_does_not_make_stdout_secret(project: Project, server: Server) -> None:
    def program() -> None:
        create = pulumi.Output.secret("echo shown")
        remote.Command("it", connection=connection(server), create=create)

    project.up(program)
    assert "echo shown" not in project.state()
    kept = project.resource("it")
    assert kept is not None
    assert kept["outputs"]["stdout"] == "shown"


def test_additional_secret_outputs_are_kept_secret(project: Project, server: Server) -> None:
    def program() -> None:
        options = pulumi.ResourceOptions(additional_secret_outputs=["stdout"])
        stdin = pulumi.Output.secret("hush")
        given = connection(server)
        remote.Command("it", connection=given, create="cat", stdin=stdin, opts=options)

    project.up(program)
    assert "hush" not in project.state()


def test_a_changed_connection_runs_the_command_again(
    project: Project, server: Server, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    create = f"echo ran >> {log}"
    project.up(command(server, create=create))
    other = connection(server, dial_error_limit=3)
    done = project.up(command(server, create=create, connection=other))
    assert done.diffs == {"it": {"connection"}}
    assert log.read_text() == "ran\nran\n"


@pytest.mark.parametrize("kind", sshd.KEY_TYPES)
def test_every_type_of_key_logs_in(project: Project, server: Server, kind: str) -> None:
    other = connection(server, private_key=server.user_key(kind), host_key=server.host_key(kind))
    assert project.up(command(server, create="echo in", connection=other)).outputs["stdout"] == "in"


def test_a_wrong_host_key_is_refused_after_n_plus_one_tries(
    project: Project, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    ran = tmp_path / "ran"
    with sshd.running(folder) as other:
        before = other.connections()
        wrong = connection(other, host_key=server.host_key("ed25519"), dial_error_limit=2)
        with pytest.raises(EngineFailed) as failure:
            project.up(command(other, create=f"touch {ran}", connection=wrong))
        other.wait_for_connections(before + 3)
    assert not ran.exists()
    assert "host key" in failure.value.text
    assert other.connections() == before + 3


def test_without_a_host_key_any_is_accepted(project: Project, server: Server) -> None:
    open_to_all = connection(server, host_key=None)
    done = project.up(command(server, create="echo in", connection=open_to_all))
    assert done.outputs["stdout"] == "in"


def test_a_key_that_cannot_be_read_is_not_tried(project: Project, server: Server) -> None:
    before = server.logins()
    broken = connection(server, private_key="no key at all")
    with pytest.raises(EngineFailed) as failure:
        project.up(command(server, create="echo in", connection=broken))
    assert server.logins() == before
    assert "no key at all" not in failure.value.text.replace(repr(broken), "")


def test_dialling_goes_on_until_the_server_is_there(project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "late"
    folder.mkdir()
    port = sshd.kept_port()
    with sshd.running(folder) as keys:
        late = connection(keys, port=port, dial_error_limit=100)
    stop = threading.Event()

    def serve_later() -> None:
        time.sleep(2)
        with sshd.running(folder, port=port):
            stop.wait()

    thread = threading.Thread(target=serve_later)
    thread.start()
    try:
        done = project.up(command(keys, create="echo in", connection=late))
    finally:
        stop.set()
        thread.join()
    assert done.outputs["stdout"] == "in"


def test_a_custom_timeout_ends_the_dialling(project: Project, server: Server) -> None:
    nobody = connection(server, port=sshd.kept_port(), dial_error_limit=-1)
    options = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="2s"))
    with pytest.raises(EngineFailed) as failure:
        project.up(command(server, create="echo in", connection=nobody, opts=options))
    assert "deadline" in failure.value.text


def test_a_proxy_is_a_bastion(project: Project, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "bastion"
    folder.mkdir()
    with sshd.running(folder, kinds=sshd.KEY_TYPES) as bastion:
        proxy = ProxyConnectionArgs(
            host="127.0.0.1",
            port=bastion.port,
            user=bastion.user,
            private_key=bastion.user_key("rsa"),
            host_key=bastion.host_key("ecdsa"),
        )
        through = connection(server, proxy=proxy)
        done = project.up(command(server, create="echo in", connection=through))
        assert done.outputs["stdout"] == "in"
        assert bastion.logins() == 1


def test_commands_run_side_by_side(project: Project, server: Server, tmp_path: Path) -> None:
    """Each waits for all the others: one after the other they would never end."""
    count = 12
    all_here = f"test $(ls {tmp_path} | grep -c here-) = {count}"
    wait = f"touch {tmp_path}/here-$ID; until {all_here}; do sleep 0.1; done"

    def program() -> None:
        for number in range(count):
            script = f"ID={number}; {wait}"
            remote.Command(f"c{number}", connection=connection(server), create=script)

    assert set(project.up(program).steps.values()) == {"create"}


def test_an_unknown_input_is_refused(project: Project, server: Server) -> None:
    def program() -> None:
        arguments = {"host": "127.0.0.1", "hostKey": "x", "sudo": True}
        remote.Command("it", connection=arguments, create="true")  # pyright: ignore

    with pytest.raises(EngineFailed) as failure:
        project.up(program)
    assert "sudo" in failure.value.text
