import pytest

from fleet_cluster.fleet.unitfiles.command_lines import split
from fleet_cluster.fleet.unitfiles.names import UnitFileError


@pytest.mark.parametrize(
    ("value", "commands"),
    [
        ("/bin/true", [["/bin/true"]]),
        ('/bin/sh -c "a ; b"', [["/bin/sh", "-c", "a ; b"]]),
        ("/bin/sh -c 'a ; b' ; /bin/true", [["/bin/sh", "-c", "a ; b"], ["/bin/true"]]),
        (r"/bin/find . -exec ls {} \;", [["/bin/find", ".", "-exec", "ls", "{}", ";"]]),
        ("/bin/echo a;b", [["/bin/echo", "a;b"]]),
        ('/bin/echo ";" b', [["/bin/echo", ";", "b"]]),
        (r"/bin/echo \"a b\' c", [["/bin/echo", '"a', "b'", "c"]]),
        (r'/bin/echo "a \" ; b"', [["/bin/echo", 'a " ; b']]),
        ("/bin/echo a\" \"b ''", [["/bin/echo", "a b", ""]]),
        ("/bin/true ;", [["/bin/true"]]),
        ("/bin/echo \\", [["/bin/echo", ""]]),
    ],
)
def test_commands_of_a_line(value: str, commands: list[list[str]]) -> None:
    assert split(value) == commands


@pytest.mark.parametrize("value", ['/bin/echo "a', "/bin/echo it's", r'/bin/echo "a\"'])
def test_a_quote_has_to_be_closed(value: str) -> None:
    with pytest.raises(UnitFileError, match="is not closed"):
        split(value)
