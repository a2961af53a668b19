import re

from tests.checkout import CHECKOUT
from tests.unit.toolchain.conftest import Computer


def test_make_alone_explains_every_target(computer: Computer) -> None:
    result = computer.run("make")
    assert result.returncode == 0
    makefile = (computer.checkout / "Makefile").read_text()
    targets = re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)
    assert {"up", "down", "test", "doctor", "env", "help"} <= set(targets)
    for target in targets:
        assert re.search(rf"^  {target} +\S", result.stdout, re.MULTILINE), target


def test_env_gets_all_that_pulumi_needs_but_docker() -> None:
    makefile = (CHECKOUT / "Makefile").read_text()
    (tools,) = re.findall(r"^env:.*\n\t@toolchain/setup (.*)$", makefile, re.MULTILINE)
    (groups,) = re.findall(
        r"^tool_groups=\((.*)\)$", (CHECKOUT / "toolchain/lib.sh").read_text(), re.MULTILINE
    )
    ours = {name.replace("_", "-") for name in re.findall(r"\w+", groups)}
    assert {*tools.split()} == ours - {"docker", "base-image"} | {"plugins"}


def test_down_with_nothing_up_installs_nothing(computer: Computer) -> None:
    result = computer.run("make", "-s", "down")
    assert (result.returncode, result.stdout) == (0, "Nothing is up.\n"), result.stderr
    assert not computer.cache.exists()
