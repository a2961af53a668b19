from __future__ import annotations

from standin.aws import settings


def test_values_arrive_as_json_text() -> None:
    config = {
        "region": "eu-central-1",
        "skipMetadataApiCheck": "true",
        "endpoints": '[{"ec2": "http://127.0.0.1:1", "elasticloadbalancingv2": "http://x"}]',
        "defaultTags": '{"tags": {"a": "1"}}',
    }
    decoded = settings.decoded(config)
    assert settings.config_problems(decoded) == []
    read = settings.read(decoded)
    assert read.region == "eu-central-1"
    assert read.endpoints == {"ec2": "http://127.0.0.1:1", "elbv2": "http://x"}
    assert read.tags == {"a": "1"}


def test_unsupported_settings_are_named() -> None:
    found = settings.config_problems({"useFipsEndpoint": True, "endpoints": [{"s4": "x"}]})
    assert {problem.path for problem in found} == {"useFipsEndpoint", "endpoints[0].s4"}


def test_half_of_the_credentials_is_refused() -> None:
    [problem] = settings.config_problems({"accessKey": "x"})
    assert problem.path == "secretKey"


def test_what_the_engine_adds_is_no_setting() -> None:
    assert settings.config_problems({"version": "7.51.1", "region": "x"}) == []
