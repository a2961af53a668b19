import pytest

from fleet_cluster.fleet.unitfiles.names import UnitFileError
from fleet_cluster.fleet.unitfiles.text import text_of
from fleet_cluster.fleet.unitfiles.unitfile import parse


def test_two_characters_end_a_line_as_one_does() -> None:
    text = text_of("web.service", b"[Service]\r\nExecStart=/bin/echo \\\r\n  a\r\n")
    assert text == "[Service]\nExecStart=/bin/echo \\\n  a\n"
    assert parse("web.service", text).text == text


def test_a_comment_may_be_in_latin_1() -> None:
    text = text_of("web.service", b"# caf\xe9\n  ; na\xefve\n[Service]\n# \xc3\xa9\n")
    assert text == "# café\n  ; naïve\n[Service]\n# é\n"


def test_other_lines_are_utf_8() -> None:
    with pytest.raises(UnitFileError, match=r"web.service:2: the line is not UTF-8.* byte 0xe9"):
        text_of("web.service", b"[Unit]\nDescription=Caf\xe9\n")
