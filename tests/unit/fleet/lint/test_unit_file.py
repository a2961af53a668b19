"""What is told of unit files, with and without a systemd to ask."""

import stat
from pathlib import Path

import pytest

from fleet_cluster.fleet.lint.unit_file import (
    Findings,
    Verification,
    lint,
    read_unit_file,
    read_verifications,
)
from fleet_cluster.fleet.unitfiles.names import UnitFileError

SERVICE = "[Service]\nExecStart=/bin/true\n"

# What systemd 252 and 257 said, the same in both, of units in the folder /f.
SAID = """\
/f/web.service:6: Unknown key 'Restrat' in section [Service], ignoring.
/lib/systemd/system/other.service:3: Unknown key 'Colour' in section [Unit], ignoring.
/f/web.service:8: WorkingDirectory= path is not absolute: app
web.service: Unit configuration has fatal error, unit will not be started.
Unit web.service has a bad unit file setting.
/f/log@.service:3: Failed to parse service restart specifier: allways
log@i.service: Failed to create log@i.service/start: Unit sysinit.target not found.
log@i.service: Command /usr/bin/log is not executable: No such file or directory
night.timer: Timer unit lacks value setting. Refusing.
Unit night.timer has a bad unit file setting.
"""


class FakeSystemd:
    """A `systemd-analyze` that says what a test wants."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._program = folder / "systemd-analyze"
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def says(self, script: str) -> None:
        """Lines of shell; the files' folder is $SYSTEMD_UNIT_PATH."""
        self._program.write_text(f"#!/bin/sh\n{script}\nexit 1\n")
        self._program.chmod(self._program.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeSystemd:
    return FakeSystemd(tmp_path, monkeypatch)


@pytest.fixture
def no_systemd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")


def test_what_systemd_says_of_the_files_and_of_nothing_else() -> None:
    assert read_verifications(
        ["web.service", "log@.service", "night.timer", "good.path"], "/f", SAID
    ) == {
        "web.service": Verification(
            [
                (6, "Unknown key 'Restrat' in section [Service], ignoring."),
                (8, "WorkingDirectory= path is not absolute: app"),
            ],
            is_refused=True,
        ),
        "log@.service": Verification([(3, "Failed to parse service restart specifier: allways")]),
        "night.timer": Verification(
            [(0, "Timer unit lacks value setting. Refusing.")], is_refused=True
        ),
        "good.path": Verification(),
    }


def test_what_only_systemd_knows_is_refused_with_its_words(systemd: FakeSystemd) -> None:
    systemd.says(
        'echo "$SYSTEMD_UNIT_PATH/web.service:4: Surely wrong: 5" >&2\n'
        "echo 'web.service: Unit configuration has fatal error, unit will not be started.' >&2\n"
        "echo 'Unit web.service has a bad unit file setting.' >&2"
    )
    found = lint({"web.service": SERVICE + "Nice=5 \\\n  6\n", "good.service": SERVICE})
    assert found == Findings(
        {"web.service": "web.service:3: systemd refuses the file: Surely wrong: 5"}
    )
    with pytest.raises(UnitFileError, match="web.service:3: systemd refuses"):
        found.refuse()


def test_systemd_knows_best_what_it_does_not_know(systemd: FakeSystemd) -> None:
    files = {"web.service": SERVICE + "NewKey=1\nRestrat=always\n"}
    systemd.says(
        "echo \"$SYSTEMD_UNIT_PATH/web.service:4: Unknown key 'Restrat' in section [Service],"
        ' ignoring." >&2'
    )
    told = lint(files).remarks["web.service"]
    assert told == [
        "web.service:4: systemd has no Restrat= in [Service] and skips the line; did you mean"
        " Restart=?"
    ]
    by_table = lint(files, ask_systemd=False).remarks["web.service"]
    assert [line.split()[4] for line in by_table] == ["NewKey=", "Restrat="]


def test_what_systemd_skips_is_remarked_on(systemd: FakeSystemd) -> None:
    systemd.says('echo "$SYSTEMD_UNIT_PATH/web.service:3: Cannot parse it, ignoring: 1" >&2')
    remarks = lint({"web.service": SERVICE + "RestartSec=1 aeon\n"}).remarks
    assert remarks == {"web.service": ["web.service:3: systemd says: Cannot parse it, ignoring: 1"]}


def test_a_systemd_that_does_not_answer_is_told_of(systemd: FakeSystemd) -> None:
    systemd.says("echo 'Failed to initialize manager: Permission denied' >&2")
    found = lint({"web.service": SERVICE, "bad.service": "[Service]\nExecStart=bin/x\n"})
    assert found.faults.keys() == {"bad.service"}
    assert found.notice == (
        "systemd-analyze could not be asked: Failed to initialize manager: Permission denied;"
        " the files were checked without it"
    )


@pytest.mark.usefixtures("no_systemd")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Enviroment=A=1", "did you mean Environment=?"),
        ("restart=always", "did you mean Restart=?"),
        ("After=db.service", "it belongs into [Unit]"),
        ("WantedBy=a.target", "it belongs into [Install]"),
        ("Colour=red", "and skips the line"),
        (
            "[Servise]",
            "so systemd skips it; did you mean Service?",
        ),
        ("[Timer]", "a service has no section [Timer], so systemd skips it"),
    ],
)
def test_keys_and_sections_that_systemd_does_not_know(line: str, said: str) -> None:
    (remark,) = lint({"web.service": f"{SERVICE}{line}\n"}).remarks["web.service"]
    assert remark.startswith("web.service:3: ")
    assert remark.endswith(said)


@pytest.mark.usefixtures("no_systemd")
def test_what_is_meant_for_others_is_not_remarked_on() -> None:
    text = f"[X-Other]\n--anything\u00a0here=1\n{SERVICE}X-Note=1\n[Unit]\nX-Note=1\n"
    assert lint({"web.service": text}) == Findings()


def test_drop_ins_are_refused(tmp_path: Path) -> None:
    file, drop_ins = tmp_path / "web.service", tmp_path / "web.service.d"
    file.write_text(SERVICE)
    drop_ins.mkdir()
    (drop_ins / "README").touch()
    assert read_unit_file(file) == SERVICE
    (drop_ins / "limits.conf").touch()
    with pytest.raises(UnitFileError, match="has the drop-in limits.conf, and fleet gives"):
        read_unit_file(file)
