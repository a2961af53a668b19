"""The step `etcd`: one path for every member that comes; `quorum.py` is about those that go.

The first machine bootstraps a cluster of one, once, and adds all others as learners, so that they
may come at the same time. Every other first boot, growth or replacement removes the stale member of
that name, joins as a learner, and is promoted when it has caught up.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..etcd_configuration import HOW_IT_BEGAN
from ..model.keys import CLUSTER
from .etcd_auth import EtcdAuth
from .etcd_peers import PeerTrust
from .etcd_release import remove_others
from .etcd_service import EtcdService, MemberRestart
from .etcd_versions import minor, objection
from .etcdctl import Etcdctl, EtcdMember, peer_url
from .files import DEBIANS_DATA, etcd_environment
from .inputs import Membership
from .quorum import Quorum
from .shell import RefusedError, StepError, say

OURS = (3, 6)
"""The first minor version of etcd that this set-up has installed; before, it was Debian's."""


@dataclass(frozen=True)
class MemberSetup:
    """The making of this machine's member of etcd."""

    wanted: Membership[str]
    service: EtcdService
    etcdctl: Etcdctl = Etcdctl()
    trusted: PeerTrust = PeerTrust()
    quorum: Quorum = Quorum()

    @property
    def peer(self) -> str:
        """URL at which its peers reach it."""
        return peer_url(self.wanted.address)

    def set_up(self, bootstrap: bool) -> None:
        """Makes this machine a member in good health.

        Raises:
            RefusedError: its version does not go with what the others run.
            StepError: it has no data, and no other member has; or it does not come up.
        """
        if self._is_debians():
            self._begin_anew()
            return
        self._check_versions()
        stood_still, has_data = not self.service.is_running, self.service.has_data
        if has_data and self._run():
            say(f"etcd on {self.wanted.name} is a member already")
            if bootstrap and self._is_alone():
                if stood_still:
                    self._forget_identity()
                self._add_others()
        elif cluster := self.etcdctl.reachable(self.wanted.others):
            self._join(cluster, is_new=not has_data)
        elif bootstrap:
            self._bootstrap()
        else:
            raise StepError(without_data(self.wanted))
        if self.wanted.is_first:
            self._grant()

    def _bootstrap(self) -> None:
        """A cluster of one, once: a member that loses its data must not do it by itself."""
        say(f"etcd on {self.wanted.name}: bootstrapping a new cluster")
        alone = [(self.wanted.name, self.peer)]
        self.trusted.trust([])
        self.service.start_anew(self._beginning(alone, "new"))
        self._wait_to_answer()
        self.service.configure(self._beginning(alone, "existing"))
        self._add_others()

    def _add_others(self) -> None:
        """Adds all others as learners: later, etcd would take one every five seconds."""
        here = [self.wanted.address]
        known = [one.peer for one in self.etcdctl.members(here)]
        for name, address in self.wanted.members.items():
            if peer_url(address) not in known:
                self._add_learner(here, name, peer_url(address))

    def _is_debians(self) -> bool:
        """Whether this is the first machine, and runs an etcd of before it was of our choice."""
        here = self.etcdctl.versions([self.wanted.address])
        return (
            self.wanted.is_first
            and not self.service.has_data
            and any(minor(version) < OURS for version in here.values())
        )

    def _begin_anew(self) -> None:
        """Ends the cluster of Debian's etcd, whose data cannot be taken over, and begins another.

        It is as if all data were lost: units run on, fleet gives the new data another id, and
        Pulumi writes keys and units again. The other members go first, so that there are never two
        clusters; they join this one as any member does. The old data stay where they are.
        """
        name = self.wanted.name
        say(f"etcd on {name}: begins anew, empty; what there was stays in {DEBIANS_DATA}")
        self.etcdctl.wait(self._others_removed, f"the other members to leave {name} alone")
        self._bootstrap()
        self._grant()

    def _others_removed(self) -> bool:
        """Removes all others, the silent ones first: then fewer have to agree."""
        here, healthy = [self.wanted.address], self.etcdctl.healthy
        others = [one for one in self.etcdctl.members(here) if one.peer != self.peer]
        for one in sorted(others, key=lambda one: healthy(one.address)):
            self.etcdctl(here, "member", "remove", one.id)
        return True

    def _join(self, cluster: Sequence[str], is_new: bool) -> None:
        """Becomes a learner of the running cluster, catches up, is promoted.

        `is_new`: it has never been a member, so that it may be one that was added for it.
        """
        name = self.wanted.name
        self._check_voters(cluster)
        say(f"etcd on {name}: joining as a learner")
        # etcd refuses changes until its members have been connected for 5 s.
        self.etcdctl.wait(
            lambda: self._added(cluster, is_new), f"etcd to accept {name} as a learner"
        )
        members = self.etcdctl.members(cluster)
        names = {peer_url(address): one for one, address in self.wanted.members.items()}
        peers = [(one.name or names.get(one.peer, name), one.peer) for one in members]
        # One that has not begun yet shows nothing; it is as new as this one.
        begun = [one for one in members if one.name]
        self.trusted.trust(one.address for one in begun if one.peer != self.peer)
        self.service.start_anew(self._beginning(peers, "existing"))
        self.etcdctl.wait(
            lambda: self._promoted(cluster), f"etcd on {name} to catch up and be promoted"
        )

    def _check_versions(self) -> None:
        """Looks at the others; at this one where there are none."""
        versions = self.etcdctl.versions(self.wanted.others)
        found = versions or self.etcdctl.versions([self.wanted.address])
        if refusal := objection(self.wanted.version, found):
            raise RefusedError(refusal)

    def _check_voters(self, cluster: Sequence[str]) -> None:
        """Refuses to be one more while one that was added by hand counts, and has never started."""
        for one in self.etcdctl.members(cluster):
            if not one.name and not one.learner and one.peer != self.peer:
                raise RefusedError(never_started(one))

    def _added(self, cluster: Sequence[str], is_new: bool) -> bool:
        """Adds the learner, in place of a stale member of that name or address."""
        wanted = self.wanted
        for one in self.etcdctl.members(cluster):
            if is_new and one.peer == self.peer and one.learner and not one.name:
                return True
            if one.name == wanted.name or one.peer == self.peer:
                say(f"etcd: removing the stale member {one.id} of {wanted.name}")
                self.etcdctl(cluster, "member", "remove", one.id)
        self._add_learner(cluster, wanted.name, self.peer)
        return True

    def _add_learner(self, cluster: Sequence[str], name: str, peer: str) -> None:
        self.etcdctl(cluster, "member", "add", name, "--learner", f"--peer-urls={peer}")

    def _promoted(self, cluster: Sequence[str]) -> bool:
        """Whether this member votes; a learner that has caught up is promoted."""
        for one in self.etcdctl.members(cluster):
            if one.peer == self.peer and one.learner:
                # The leader alone knows; a follower asks it without the caller's name.
                leader = self.etcdctl.leader(cluster)
                self.etcdctl([leader], "member", "promote", one.id)
        return self.etcdctl.healthy(self.wanted.address)

    def _run(self) -> bool:
        """Has etcd run on the data that is here. False if the cluster has removed this member."""
        self.trusted.trust(self._others())
        if why := self.service.changes(self._variables):
            self._restart.carry_out(self._variables, "; ".join(why))
        else:
            self.service.start(self._variables)
        cluster = self.etcdctl.reachable(self.wanted.others)
        if cluster and self.peer not in self._begun_peers(cluster):
            return False
        self._wait_to_answer()
        self.etcdctl.clear_alarm(self._restart.members)
        return True

    def _others(self) -> Iterator[str]:
        """Addresses of the other members, also of those that are to go; of the wanted in doubt."""
        wanted = self.wanted
        cluster = self.etcdctl.reachable([*wanted.others, wanted.address])
        known = [one.address for one in self.etcdctl.members(cluster)] if cluster else wanted.others
        yield from (address for address in known if address != wanted.address)

    @property
    def _restart(self) -> MemberRestart:
        wanted, members = self.wanted, list(self.wanted.members.values())
        own = (self.service, self.etcdctl, self.quorum)
        return MemberRestart(wanted.name, wanted.address, members, *own)

    def _wait_to_answer(self) -> None:
        self.etcdctl.wait_for(self.wanted.name, self.wanted.address)

    def _grant(self) -> None:
        """Users and what they may do are those that are wanted, also in a cluster that is up."""
        EtcdAuth(self.etcdctl, self.wanted.address).reconcile(self.wanted.grants)

    def _is_alone(self) -> bool:
        """Whether this member is all of the cluster, as after a snapshot was restored."""
        return self._begun_peers([self.wanted.address]) == [self.peer]

    def _begun_peers(self, cluster: Sequence[str]) -> list[str]:
        """Those that have a name, which a member gets when it begins."""
        return [one.peer for one in self.etcdctl.members(cluster) if one.name]

    def _forget_identity(self) -> None:
        """Has fleet give the data another id: they may have been put back while etcd stood still.

        fleet sees by itself that data went back in time, but not before the next step asks.
        """
        name = self.wanted.name
        say(f"etcd on {name}: its data may be those of a snapshot, they get another id")
        self.etcdctl([self.wanted.address], "del", CLUSTER)

    @property
    def _variables(self) -> dict[str, str]:
        return etcd_environment(self.wanted.name, self.wanted.address, self.wanted.settings)

    def _beginning(self, peers: Sequence[tuple[str, str]], state: str) -> dict[str, str]:
        """Variables of a first start. `state` is new or existing."""
        initial = ",".join(f"{name}={peer}" for name, peer in peers)
        return {**self._variables, **dict(zip(HOW_IT_BEGAN, (initial, state), strict=True))}


def set_up_member(stdin: str, bootstrap: bool) -> None:
    """The step itself; `bootstrap` on the machine that may begin a cluster."""
    set_member_up(Membership[str].from_json(stdin), bootstrap)


def set_member_up(wanted: Membership[str], bootstrap: bool) -> None:
    """Makes this machine the member that is wanted; see `MemberSetup.set_up`."""
    MemberSetup(wanted, EtcdService(wanted.version)).set_up(bootstrap)
    remove_others(wanted.version)


def never_started(voter: EtcdMember) -> str:
    """Message when a voter has no name yet."""
    return (
        f"etcd counts on a member at {voter.peer} that has never started, and was not added here. "
        "Nothing was changed. Start it, or remove it as etcd's root on a machine of etcd: "
        f"etcdctl member remove {voter.id}"
    )


def without_data(wanted: Membership[str]) -> str:
    """Message when no member that answers has data: who is missing, and the ways out."""
    way_out = (
        "Bring the other machines back, or restore a snapshot."
        if wanted.others
        else f"It was the only one: pulumi up --replace '**::{wanted.name}-etcd' makes an empty "
        "etcd; or restore a snapshot."
    )
    return (
        f"etcd on {wanted.name} has no data, and no other member answers "
        f"({', '.join(wanted.others) or 'there is none'}): a majority of etcd's members is needed. "
        f"{way_out}"
    )
