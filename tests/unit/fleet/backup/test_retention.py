"""Which backups are removed: those of one cluster that are too many, and never another file."""

from hypothesis import given
from hypothesis import strategies as st

from fleet_cluster.fleet.backup.retention import name, surplus

ID, OTHER = "6d0fd7c91f", "77aa77aa77"
TIMES = st.lists(st.integers(0, 4_000_000_000), unique=True, max_size=12)
ODD = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "fleet-6d0fd7c9-20261129T030000Z.db.new",
            "fleet-6d0fd7c9-20261129.db",
            "my-fleet-6d0fd7c9-20261129T030000Z.db",
            "fleet-6d0fd7c9-20261129T030000Z.db\n",
            ".fleet-10.0.0.11.new",
        ]
    ),
)


@given(TIMES, TIMES, st.lists(ODD, max_size=6), st.integers(1, 5))
def test_the_newest_of_a_cluster_stay_and_so_does_what_is_not_its_own(
    own: list[int], others: list[int], odd: list[str], keep: int
) -> None:
    mine = [name(ID, at) for at in sorted(own)]
    theirs = [name(OTHER, at) for at in others]
    gone = surplus(ID, keep, [*odd, *reversed(mine), *theirs])
    assert gone == mine[: max(0, len(mine) - keep)]


def test_the_name_says_of_which_data_it_is_and_when_it_was_taken() -> None:
    assert name(ID, 1_795_921_200.9) == "fleet-6d0fd7c9-20261129T030000Z.db"
