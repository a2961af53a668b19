import re

from tests.unit.toolchain.conftest import Computer


def test_make_alone_explains_every_target(computer: Computer) -> None:
    result = computer.run("make")
    assert result.returncode == 0
    makefile = (computer.checkout / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    assert {"up", "down", "test", "doctor", "env", "help"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  {target} +\S", result.stdout, re.MULTILINE), target


def test_down_with_nothing_up_installs_nothing(computer: Computer) -> None:
    result = computer.run("make", "-s", "down")
    assert (result.returncode, result.stdout) == (0, "Nothing is up.\n"), result.stderr
    assert not computer.cache.exists()
