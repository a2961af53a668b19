"""Ten unit files, as `fleetctl verify` and `systemd-analyze verify` see them."""

import shutil
import subprocess
from pathlib import Path

import pytest

from fleet_cluster.fleet.fleetctl.__main__ import main
from fleet_cluster.fleet.fleetctl.cli.errors import Exit
from tests.unit_files.outcomes import FILES, FOLDER, REFUSED, REMARKS, WITH_A_WARNING

Output = pytest.CaptureFixture[str]
HAS_SYSTEMD = shutil.which("systemd-analyze") is not None


def test_they_are_ten() -> None:
    assert len(FILES) == 10
    assert REFUSED.keys() | REMARKS.keys() <= set(FILES)


@pytest.mark.parametrize(
    "has_systemd",
    [
        pytest.param(True, marks=pytest.mark.skipif(not HAS_SYSTEMD, reason="no systemd-analyze")),
        False,
    ],
    ids=["systemd", "table"],
)
@pytest.mark.parametrize("name", FILES)
def test_fleetctl_verify(
    name: str, has_systemd: bool, capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not has_systemd:
        monkeypatch.setenv("PATH", "/nowhere")
    code = main(["verify", str(FOLDER / name)])
    said = capsys.readouterr()
    if name == "nightly.timer" and not has_systemd:
        assert code == Exit.DONE  # What OnCalendar= accepts is systemd's to say: a machine asks it.
    elif name in REFUSED:
        assert code == Exit.FAILED
        assert said.err.startswith(REFUSED[name])
    else:
        assert (code, said.out) == (Exit.DONE, f"Unit {name} is valid\n")
        assert said.err.splitlines() == REMARKS.get(name, [])


@pytest.mark.skipif(not HAS_SYSTEMD, reason="no systemd-analyze")
@pytest.mark.parametrize("name", FILES)
def test_systemd_analyze_verify(name: str, tmp_path: Path) -> None:
    shutil.copy(FOLDER / name, tmp_path)
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", tmp_path / name],
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "SYSTEMD_UNIT_PATH": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    ).stderr
    is_refused = "has a bad unit file setting" in said
    assert is_refused == (name in REFUSED and name not in WITH_A_WARNING)
    assert ("ignoring" in said) == (name in WITH_A_WARNING | REMARKS.keys() | {"quotes.service"})
