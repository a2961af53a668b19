from __future__ import annotations

import json

from standin.aws.shapes import camel, covers, document_text, given, pascal, same_document, same_set
from standin.aws.shapes import shown as shown_of


def test_a_request_has_what_was_given() -> None:
    inputs = {"ami": "ami-1", "keyName": "key"}
    assert given(inputs, ImageId="ami", SubnetId="subnetId") == {"ImageId": "ami-1"}


def test_outputs_come_from_anywhere_in_an_answer() -> None:
    found = {"State": {"Name": "running"}, "Placement": None, "PublicIp": ""}
    outputs = shown_of(found, state="State.Name", zone="Placement.AvailabilityZone", ip="PublicIp")
    assert outputs == {"state": "running", "ip": ""}


def test_names_change_at_every_depth() -> None:
    wire = {"httpTokens": "required", "inner": [{"deviceIndex": 0}]}
    api = {"HttpTokens": "required", "Inner": [{"DeviceIndex": 0}]}
    assert pascal(wire) == api
    assert camel(api) == wire


def test_what_aws_adds_is_no_difference() -> None:
    had = {"encrypted": True, "volumeId": "vol-1"}
    assert covers(had, {"encrypted": True, "__defaults": []})
    assert not covers(had, {"encrypted": False})
    assert not covers(had, {"volumeSize": 8})
    assert covers([had], [{"encrypted": True}])
    assert not covers([had, had], [{"encrypted": True}])


def test_sets_have_no_order() -> None:
    assert same_set(["a", "b"], ["b", "a"])
    assert not same_set(["a"], ["a", "a"])
    assert not same_set(["a"], ["b"])


def test_documents_are_compared_by_meaning() -> None:
    one = {"Statement": [{"Action": ["b", "a"], "Resource": ["*"]}]}
    other = {"Statement": {"Resource": "*", "Action": ["a", "b"]}}
    assert same_document(json.dumps(one, indent=2), other)
    assert not same_document(one, {"Statement": {"Resource": "*", "Action": "a"}})
    assert not same_document("{not json", one)


def test_documents_as_text() -> None:
    assert document_text("%7B%22a%22%3A1%7D") == '{"a":1}'
    assert document_text({"a": [1]}) == '{"a":[1]}'
