import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.unitfiles.requirements import CONTRADICTIONS
from fleet_cluster.fleet.unitfiles.syntax import MAX_SIZE, read
from fleet_cluster.fleet.unitfiles.unitfile import Requirements, UnitFileError, parse
from fleet_cluster.fleet.unitfiles.validation import check

GOLDEN = Path(__file__).parent / "golden" / "bad_unit_files.txt"
ID = "3f2a9c1b5d6e4f708192a3b4c5d6e7f8"
OTHER_ID = "0" * 32

Case = tuple[str, str, str, str]


def cases() -> list[Case]:
    """Of each block of the golden file: title, unit's name, text of its file, error."""
    found: list[Case] = []
    for block in GOLDEN.read_text(encoding="utf-8").split("\n## ")[1:]:
        title, name, *lines = block.strip("\n").split("\n")
        text = "".join(line.removeprefix("| ") + "\n" for line in lines[:-1])
        found.append((title, name, text, lines[-1].removeprefix("=> ")))
    return found


def service(options: str = "", name: str = "web.service") -> Requirements:
    """The requirements of a service with these lines in [X-Fleet]."""
    return parse(name, f"[Service]\nExecStart=/bin/true\n[X-Fleet]\n{options}\n").requirements


@pytest.mark.parametrize(
    ("name", "text", "error"), [case[1:] for case in cases()], ids=[case[0] for case in cases()]
)
def test_a_bad_file_is_refused(name: str, text: str, error: str) -> None:
    with pytest.raises(UnitFileError) as refusal:
        check(name, text)
    assert str(refusal.value) == error


def test_every_contradiction_is_in_the_golden_file() -> None:
    errors = [case[3] for case in cases()]
    for one, other in CONTRADICTIONS:
        assert any(f"{one} cannot be used with {other}: " in error for error in errors)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("\ufeff[Service]\n", "web.service:1: the file starts with a byte order mark"),
        ("[Service]\r\n", "web.service:1: the line holds a carriage return"),
        ("[Service]\nExecStart=/bin/true\rb\n", "web.service:2: the line holds a carriage"),
        ("[Service]\n\nExecStart=\0\n", "web.service:3: the line holds a NUL byte"),
        ("[Service]\n#" + "x" * MAX_SIZE, "web.service:1: the file is too large"),
    ],
    ids=["byte order mark", "CRLF", "CR", "NUL", "size"],
)
def test_text_that_editors_do_not_show_is_refused(text: str, error: str) -> None:
    with pytest.raises(UnitFileError, match=error):
        parse("web.service", text)


def test_a_bad_name_is_refused_with_the_file() -> None:
    with pytest.raises(UnitFileError, match="'web' is not a unit's name"):
        check("web", "[Service]\nExecStart=/bin/true\n")


def test_what_a_unit_file_says() -> None:
    text = "[Unit]\nDescription=Web\nDescription=Web on %i\n[Service]\nExecStart=/bin/true\n"
    unit = parse("web@80.service", text)
    assert (unit.name, unit.text, unit.description) == ("web@80.service", text, "Web on %i")
    assert unit.sha == hashlib.sha256(text.encode()).hexdigest()
    assert unit.requirements == Requirements()


@pytest.mark.parametrize(
    "text",
    [
        "[Service]\nType=oneshot\nExecStart=/bin/true\nExecStart=/bin/true\n",
        "[Service]\nExecStart=/bin/false\nExecStart=\nExecStart=/bin/true\n",
        "[Service]\nExecStop=/bin/true\nRemainAfterExit=yes\n",
        "[Unit]\nSuccessAction=reboot\n[Service]\n",
        "[Service]\nExecStart=-/bin/true\n",
        "[Service]\nExecStart=@/bin/true yes\n",
        "[Service]\nExecStart=true with/a/slash\n",
        '[Service]\nExecStart=/bin/sh -c "while :; do date ; sleep 60 ; done"\n',
        "[Service]\nExecStart=/bin/date +%%Y%%m, 50%, %H and %%\n",
        "[Service]\nExecStart={{program}} --image {{image}}\nWorkingDirectory={{folder}}/app\n",
        "[Service]\nExecStart=/bin/true\nX-{{note}}=1\n",
        "[Service]\nExecStart=/bin/true\nWorkingDirectory=-app\n",
        "[Service]\nExecStart=/bin/true\nWorkingDirectory=~\n",
        "[Service]\nExecStart=%h/bin/web\n",
        "[Service]\nType=dbus\nBusName=org.example.Web\nExecStart=/bin/true\n",
        "[Unit]\nConflicts=db.service\n[Service]\nExecStart=/bin/true\n[X-Other]\nKey=value\n",
    ],
)
def test_what_systemd_accepts_is_accepted(text: str) -> None:
    found = parse("web.service", text).requirements
    assert replace(found, runs_once=False) == Requirements()
    assert check("web.service", text) == []


def test_a_key_that_systemd_skips_is_remarked_on() -> None:
    assert check("web.service", "[Service]\nExecStart=/bin/true\nMY_KEY=1\n")


def test_what_is_refused_at_submission_can_still_be_read() -> None:
    text = '[Install]\n[Service]\nExecStart=bin/web %e "\n--flag=1\n\u00a0Restart=always\n\u00a0\n'
    asked = parse("web.service", text + "\u00a0[X-Fleet]\n\u00a0Global=\u00a0yes\n").requirements
    assert asked == Requirements(is_global=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("srv-data\\x2d1.mount", "[Mount]\nWhat=tmpfs\nWhere=/srv//data-1/\n"),
        ("srv-swap.swap", "[Swap]\nWhat=/srv/swap\n"),
        ("home.automount", "[Automount]\nWhere=/home\n"),
        ("web.socket", "[Socket]\nListenFIFO=/run/web\n"),
        ("web.path", "[Path]\nDirectoryNotEmpty=/srv\n"),
        ("web.timer", "[Timer]\nOnTimezoneChange=yes\n"),
        ("web.target", "[Unit]\nDescription=Web\n"),
        ("web.slice", "[Slice]\nMemoryMax=1G\n"),
    ],
)
def test_other_types_that_systemd_accepts(name: str, text: str) -> None:
    assert check(name, text) == []


def test_other_types_need_no_exec_start() -> None:
    assert check("web.timer", "[Timer]\nOnCalendar=daily\n") == []


def test_syntax_comments_continuations_and_repeated_sections() -> None:
    text = (
        "# first\n  ; second\n\n[Unit]\n  After = a.service  \n"
        '[Service]\nExecStart=/bin/sh -c "a; \\\n# a comment does not end it\n   b # c" \\\n'
        "\nEnvironment=A=1\n[Unit]\nAfter=b.service\nOnlyKey=\nEscaped=a\\\\\nLast=x \\"
    )
    found = read("web.service", text)
    assert [(a.section, a.key, a.value, a.line) for a in found.directives] == [
        ("Unit", "After", "a.service", 5),
        ("Service", "ExecStart", '/bin/sh -c "a;     b # c"', 7),
        ("Service", "Environment", "A=1", 11),
        ("Unit", "After", "b.service", 13),
        ("Unit", "OnlyKey", "", 14),
        ("Unit", "Escaped", "a\\\\", 15),
        ("Unit", "Last", "x", 16),
    ]
    assert [(section.name, section.line) for section in found.sections] == [
        ("Unit", 4),
        ("Service", 6),
        ("Unit", 12),
    ]


def test_an_empty_assignment_withdraws_those_before_it() -> None:
    assert service("Conflicts=a.service b.service\nConflicts=\nConflicts=c.service").conflicts == (
        "c.service",
    )
    assert service(f"MachineID={ID}\nMachineID=") == Requirements()
    assert service("X-Conflicts=a.service\nConflicts=") == Requirements()


def test_machine_id() -> None:
    assert service(f"MachineID={ID}").machine_id == ID
    assert service(f"X-ConditionMachineID={ID}").machine_id == ID
    assert service(f"MachineID={ID}\nMachineID={OTHER_ID}").machine_id == ID


@pytest.mark.parametrize("old_first", [True, False])
def test_the_machine_id_of_todays_spelling_counts(old_first: bool) -> None:
    lines = [f"X-ConditionMachineID={OTHER_ID}", f"MachineID={ID}"]
    assert service("\n".join(lines if old_first else lines[::-1])).machine_id == ID


def test_machine_of_names_units_in_one_line_or_several() -> None:
    found = service("MachineOf=a.service b.socket\nX-ConditionMachineOf=c.service a.service")
    assert found.machine_of == ("a.service", "b.socket", "c.service")


@pytest.mark.parametrize(
    "options",
    [
        "MachineMetadata=disk=ssd\nMachineMetadata=region=us\nMachineMetadata=region=eu",
        "MachineMetadata=disk=ssd region=us region=eu",
        'MachineMetadata="disk=ssd" "region=us"\nX-ConditionMachineMetadata=region=eu',
        "MachineMetadata='region=eu' \\\n  disk=ssd region=us",
    ],
)
def test_metadata_is_grouped_by_key_not_by_line(options: str) -> None:
    assert service(options).machine_metadata == {
        "disk": frozenset({"ssd"}),
        "region": frozenset({"us", "eu"}),
    }


def test_quotes_keep_spaces_in_metadata() -> None:
    found = service('MachineMetadata="location=new york"')
    assert found.machine_metadata == {"location": frozenset({"new york"})}


def test_conflicts_and_replaces_are_patterns() -> None:
    found = service("Conflicts=web@*.service *.timer\nX-Conflicts=db-[0-9][!a].service").conflicts
    assert found == ("web@*.service", "*.timer", "db-[0-9][!a].service")
    assert service("Replaces=old*").replaces == ("old*",)


def test_names_in_one_quote_are_several() -> None:
    found = service('Conflicts="a.service b@*.service"  c.service').conflicts
    assert found == ("a.service", "b@*.service", "c.service")
    assert service("MachineOf='a.service  b.service'").machine_of == ("a.service", "b.service")


@pytest.mark.parametrize("word", ["true", "YES", "1", "On", "t"])
def test_global(word: str) -> None:
    assert service(f"Global={word}").is_global
    assert service(f"Global=no\nGlobal={word}").is_global
    assert service(f"Global={word}\nConflicts=db.service").conflicts == ("db.service",)


@pytest.mark.parametrize("word", ["false", "NO", "0", "Off", "f"])
def test_not_global(word: str) -> None:
    assert not service(f"Global=yes\nGlobal={word}").is_global
    assert service(f"Global={word}\nMachineOf=db.service").machine_of == ("db.service",)


def test_specifiers_are_those_of_the_unit() -> None:
    found = service("MachineOf=app@%i.service\nConflicts=%p@*.service", "web@80.service")
    assert (found.machine_of, found.conflicts) == (("app@80.service",), ("web@*.service",))
    found = service("MachineMetadata=unit=%n name=%N share=50%%", "web@80.service")
    assert found.machine_metadata == {
        "unit": frozenset({"web@80.service"}),
        "name": frozenset({"web@80"}),
        "share": frozenset({"50%"}),
    }


def test_a_percent_sign_is_not_expanded_twice() -> None:
    assert service("MachineMetadata=a=%%i", "web@80.service").machine_metadata == {
        "a": frozenset({"%i"})
    }


def test_a_template_keeps_what_only_an_instance_can_tell() -> None:
    found = service("MachineOf=app@%i.service\nConflicts=%p@*.service", "web@.service")
    assert (found.machine_of, found.conflicts) == (("app@%i.service",), ("web@*.service",))
    assert service("MachineID=%i", "agent@.service").machine_id == "%i"
    assert service("MachineID=%i", f"agent@{ID}.service").machine_id == ID
    with pytest.raises(UnitFileError, match="MachineID=%i: not the full id of a machine"):
        service("MachineID=%i", "agent@1.service")


def test_a_template_is_refused_for_what_no_instance_could_mend() -> None:
    with pytest.raises(UnitFileError, match="5: MachineID cannot be used with MachineOf"):
        service("MachineID=%i\nMachineOf=app@%i.service", "web@.service")
    with pytest.raises(UnitFileError, match="unknown specifier '%H'"):
        service("Conflicts=%H-%i.service", "web@.service")


@given(st.text(alphabet=st.sampled_from("[]=#;\\ \n\t\"'%aX-Fleet"), max_size=80))
def test_any_text_is_either_read_or_refused(text: str) -> None:
    try:
        unit = parse("web.timer", text)
    except UnitFileError as refusal:
        assert str(refusal).startswith("web.timer:")
    else:
        assert unit.text == text
