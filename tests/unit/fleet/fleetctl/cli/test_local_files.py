from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.cli.errors import CtlError
from fleet_cluster.fleet.fleetctl.cli.local_files import read_files
from fleet_cluster.fleet.unitfiles.names import UnitFileError
from tests.unit.fleet.fleetctl.small_cluster import SLEEP


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.chdir(tmp_path)
    for name in ("hello.service", "web@.service", "units/hello.service", "units/db.timer"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(SLEEP)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["hello"], {"hello.service"}),
        (["hello.service"], {"hello.service"}),
        (["./hello.service", "hello"], {"hello.service"}),
        (["units/db.timer"], {"db.timer"}),
        (["web@1", "web@2.service"], {"web@.service"}),
        (["web@.service"], {"web@.service"}),
        (["elsewhere", "web@*"], set[str]()),
    ],
)
def test_files_that_arguments_name(given: list[str], found: set[str]) -> None:
    assert read_files(given) == dict.fromkeys(found, SLEEP)


def test_two_files_of_one_name_are_refused() -> None:
    with pytest.raises(CtlError, match="two files for hello.service"):
        read_files(["hello", "units/hello.service"])


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(CtlError, match="there is no file units/helo.service"):
        read_files(["units/helo.service"])


def test_what_is_no_text_is_refused() -> None:
    Path("hello.service").write_bytes(b"\xff\xfe")
    with pytest.raises(UnitFileError, match=r"hello.service:1: the line is not UTF-8 text"):
        read_files(["hello"])


def test_brackets_in_a_folder_are_no_pattern() -> None:
    Path("units[1]").mkdir()
    Path("units[1]/web.service").write_text(SLEEP)
    assert read_files(["units[1]/web.service"]) == {"web.service": SLEEP}


def test_line_ends_and_comments_of_other_systems() -> None:
    Path("hello.service").write_bytes(b"# caf\xe9\r\n" + SLEEP.replace("\n", "\r\n").encode())
    assert read_files(["hello"]) == {"hello.service": "# caf\u00e9\n" + SLEEP}


def test_drop_ins_are_refused() -> None:
    Path("hello.service.d").mkdir()
    Path("hello.service.d/more.conf").write_text("[Service]\nNice=5\n")
    with pytest.raises(UnitFileError, match="hello.service has the drop-in more.conf"):
        read_files(["hello"])


def test_a_socket_comes_with_the_template_that_it_accepts_with() -> None:
    socket = "[Socket]\nListenStream=7077\nAccept={}\n"
    Path("web.socket").write_text(socket.format("yes"))
    assert read_files(["web.socket"]).keys() == {"web.socket", "web@.service"}
    Path("web.socket").write_text(socket.format("no"))
    assert read_files(["web.socket"]).keys() == {"web.socket"}


def test_what_etcd_would_refuse_is_refused() -> None:
    Path("hello.service").write_text("#" * 1_000_001)
    with pytest.raises(CtlError, match="has 1000001 bytes, and etcd takes no more than 1000000"):
        read_files(["hello"])


def test_what_a_timer_starts_comes_along_be_it_a_container() -> None:
    for name in ("n@.container", "web.container"):
        Path(name).write_text("[Container]\nImage=localhost/shop:1\n")
    Path("n@.timer").write_text("[Timer]\nOnCalendar=daily\n")
    assert read_files(["n@.timer"]).keys() == {"n@.timer", "n@.container"}
    Path("web.timer").write_text("[Timer]\nOnCalendar=daily\nUnit=hello.service\n")
    assert read_files(["web.timer"]).keys() == {"web.timer", "hello.service"}
