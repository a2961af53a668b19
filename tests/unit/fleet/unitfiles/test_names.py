import pytest

from fleet_cluster.fleet.unitfiles.names import (
    MAX_LENGTH,
    TEMPLATE_TYPES,
    TYPES,
    UnitFileError,
    check_name,
    instance_of,
    is_template,
    specifiers,
    template_of,
    unit_name,
)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("web", "web.service"),
        ("web.service", "web.service"),
        ("web@1", "web@1.service"),
        ("web@", "web@.service"),
        ("web.timer", "web.timer"),
        ("web.v2@1", "web.v2@1.service"),
        ("a:b-c_d\\x2d", "a:b-c_d\\x2d.service"),
        ("web@user@host", "web@user@host.service"),
    ],
)
def test_a_name_without_a_type_is_that_of_a_service(given: str, name: str) -> None:
    assert unit_name(given) == name


@pytest.mark.parametrize("unit_type", TYPES)
def test_types_that_have_unit_files_are_accepted(unit_type: str) -> None:
    check_name(f"web.{unit_type}")


@pytest.mark.parametrize("unit_type", TYPES)
def test_only_some_types_have_templates(unit_type: str) -> None:
    if unit_type in TEMPLATE_TYPES:
        check_name(f"web@.{unit_type}")
        check_name(f"web@1.{unit_type}")
    else:
        with pytest.raises(UnitFileError, match="types that do: service, socket"):
            check_name(f"web@1.{unit_type}")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "'.service' is not a unit's name: names are like web.service"),
        ("@1.service", "names are like web.service, web@1.service"),
        (".web.service", "names are like"),
        ("web.", "names are like"),
        ("web.servce", "unknown type 'servce'.*did you mean web.service"),
        ("web.2", "unknown type '2'.*write web.2.service"),
        ("web@1.0", "unknown type '0'.*write web@1.0.service"),
        ("web server", "because of ' ': allowed are letters, digits and"),
        ("units/web.service", "because of '/'.*give the unit's name, not a path"),
        ("web@*.service", "because of '\\*'.*name one unit"),
        ("-.slice", "take it for an option; begin it with a letter or a digit"),
        ("--root=.service", "because of '='"),
        ("--all.service", "take it for an option"),
        ("-a@1.service", "take it for an option"),
        ("wéb.service", "because of 'é'"),
        ("web\n.service", r"because of '\\n'"),
        ("sda.device", "cannot be run from a file: systemd makes device units"),
        ("run-1.scope", "cannot be run from a file: scope units are made by"),
        ("web.snapshot", "no longer has snapshot units"),
        ("web.busname", "no longer has busname units"),
    ],
)
def test_other_names_are_refused(given: str, said: str) -> None:
    with pytest.raises(UnitFileError, match=said):
        unit_name(given)


def test_a_full_name_needs_its_type() -> None:
    with pytest.raises(UnitFileError, match=r"'web' .* has no type: write web\.service"):
        check_name("web")


def test_the_longest_name_is_that_of_the_longest_file() -> None:
    longest = "w" * (MAX_LENGTH - len(".service")) + ".service"
    check_name(longest)
    with pytest.raises(UnitFileError, match="has 249 characters: at most 248"):
        check_name(f"w{longest}")


@pytest.mark.parametrize(
    ("name", "template", "instance", "is_one"),
    [
        ("web.service", None, None, False),
        ("web@.service", None, None, True),
        ("web@1.service", "web@.service", "1", False),
        ("web@a@b.c.socket", "web@.socket", "a@b.c", False),
        ("web.v2@1.service", "web.v2@.service", "1", False),
        ("not a name", None, None, False),
    ],
)
def test_templates_and_instances(
    name: str, template: str | None, instance: str | None, is_one: bool
) -> None:
    assert template_of(name) == template
    assert instance_of(name) == instance
    assert is_template(name) == is_one


def test_specifiers_of_an_instance() -> None:
    assert specifiers("web@80.service") == {
        "%n": "web@80.service",
        "%N": "web@80",
        "%p": "web",
        "%i": "80",
        "%%": "%",
    }


def test_specifiers_of_a_unit_that_is_no_instance() -> None:
    found = specifiers("web.v2.socket")
    assert (found["%N"], found["%p"], found["%i"]) == ("web.v2", "web.v2", "")
