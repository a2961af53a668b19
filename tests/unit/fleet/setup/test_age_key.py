"""The machine's own key: made once, and never again while there is one."""

from pathlib import Path

import pytest

from fleet_cluster.fleet.setup.fleetd import age_key


@pytest.mark.parametrize("before", [None, "", "AGE-SECRET-KEY-OF-BEFORE"])
def test_a_key_is_made_where_there_is_none_or_a_power_cut_left_an_empty_one(
    before: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "age.key"
    if before is not None:
        key.write_text(before)

    def run(*words: str) -> str:
        Path(words[-1]).write_text("AGE-SECRET-KEY-NEW")
        return ""

    monkeypatch.setattr(age_key, "run", run)
    monkeypatch.setattr(age_key, "_install", lambda: None)
    age_key.make(key)
    assert key.read_text() == (before or "AGE-SECRET-KEY-NEW")
