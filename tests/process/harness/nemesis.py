"""A plan of faults over time, drawn from a seed and carried out beside the test; what it does is printed as a timeline.

The plan is drawn before anything runs and depends on the seed, the names and the kinds alone: the same seed makes the
same plan again. A kind of fault is a class with three methods:
    choose(draw, names)   -> (what, victims, text): what is done, to whom; victims are those whose loss it excuses. One
                          that is chosen by what the cluster is doing, such as its leader, is a Whoever
    begin(cluster, what)  and end(cluster, what)
"""
import threading
import time
from dataclasses import dataclass

from . import splits
from .ground import wall


class Kill:
    name = "kill"

    def __init__(self, *among):
        self._among = among  # whom; nobody named: anybody

    def choose(self, draw, names):
        victim = draw.choice(sorted(self._among) or names)
        return victim, {victim}, victim

    def begin(self, cluster, what):
        cluster[what].kill()

    def end(self, cluster, what):
        cluster[what].start()


class Freeze(Kill):
    name = "freeze"

    def begin(self, cluster, what):
        cluster[what].freeze()

    def end(self, cluster, what):
        cluster[what].thaw()


class Whoever:
    """A fault of the one that is found when it begins, such as the leader; `find(cluster)` gives a name or nothing. The
    plan cannot count it among the victims of its minority: together=1, or the loss of more is meant."""

    def __init__(self, kind, who, find):
        self.name, self._kind, self._who, self._find = kind.name, kind, who, find

    def choose(self, draw, names):
        found = set()
        return found, found, self._who

    def begin(self, cluster, what):
        name = self._find(cluster)
        if name and cluster[name].runs() and not cluster[name].frozen:
            self._kind.begin(cluster, name)
            what.add(name)

    def end(self, cluster, what):
        for name in what:
            self._kind.end(cluster, name)


class Split:
    """A partition, by the network or the wire, whichever the cluster has."""

    name = "split"

    def __init__(self, kinds=splits.KINDS):
        self._kinds = kinds

    def choose(self, draw, names):
        kind = draw.choice(self._kinds)
        pairs, text = splits.drawn(kind, names, draw)
        return pairs, splits.losers(pairs, names), f"{kind} {text}"

    def begin(self, cluster, what):
        (cluster.network or cluster.wire).split(what)

    def end(self, cluster, what):
        (cluster.network or cluster.wire).heal()


class Loss(Split):
    """So many of a hundred packets between any two are lost; TCP has to cope. Network only."""

    name = "loss"

    def choose(self, draw, names):
        percent = draw.randint(2, 15)
        return percent, set(), f"{percent} %"

    def begin(self, cluster, what):
        cluster.network.lose(splits.everybody(cluster.names), what)


class OnWire:
    """Something that the wire does in one direction between some: slow, narrow, or a reset in the middle of a frame."""

    def __init__(self, name, harmless=True, **rule):
        self.name, self._rule, self._harmless = name, rule, harmless

    def choose(self, draw, names):
        a, b = draw.sample(names, 2)
        pairs = {(a, b), (b, a)} if draw.random() < 0.5 else {(a, b)}
        return sorted(pairs), set() if self._harmless else {a, b}, " ".join(f"{x}->{y}" for x, y in sorted(pairs))

    def begin(self, cluster, what):
        if self._rule:
            cluster.wire.set(what, **self._rule)
        else:
            getattr(cluster.wire, self.name)(what)

    def end(self, cluster, what):
        if self._rule:
            cluster.wire.set(what, delay=0.0, jitter=0.0, rate=0.0, stalled=False)


class Full:
    """One of these disks is full."""

    name = "full disk"

    def __init__(self, disks):
        self._disks = disks  # by the node's name

    def choose(self, draw, names):
        victim = draw.choice(sorted(self._disks))
        return victim, set(), victim

    def begin(self, cluster, what):
        self._disks[what].fill()

    def end(self, cluster, what):
        self._disks[what].free()


@dataclass
class Step:
    kind: object
    what: object
    victims: set
    text: str
    begins: float  # seconds into the plan
    ends: float
    began: int = 0  # wall nanoseconds; 0: it never hit
    ended: int = 0

    def __str__(self):
        return f"{self.begins:5.1f} s to {self.ends:5.1f} s: {self.kind.name} {self.text}"


def plan(draw, names, seconds, kinds, gap=(0.5, 2.0), length=(1.0, 4.0), together=1, spare=()):
    """Steps until `seconds`; of those that overlap, at most `together`, no two of a kind that heals everything, and
    never more than a minority of the names as victims, or all by one alone. `spare`: names that are nobody's victim."""
    steps, at = [], draw.uniform(*gap)
    while at < seconds:
        kind = draw.choice(kinds)
        last = draw.uniform(*length)
        running = [s for s in steps if s.ends > at]
        what, victims, text = kind.choose(draw, sorted(names))
        hurt = set().union(*(s.victims for s in running))
        clash = any(isinstance(s.kind, (Split, OnWire)) and isinstance(kind, (Split, OnWire)) for s in running)
        alone = not running and len(victims) == len(names)  # nobody keeps a majority: nothing else at the same time
        many = len(hurt | victims) > (len(names) - 1) // 2 and not alone
        if len(running) < together and not clash and not many and not hurt & victims and not victims & set(spare):
            steps.append(Step(kind, what, victims, text, at, min(at + last, seconds)))
        at += draw.uniform(*gap) + (last if together == 1 else 0)
    return steps


class Nemesis:
    """Carries a plan out in a thread of its own. `finish` (or the end of the `with`) waits for its end and heals."""

    def __init__(self, round, cluster, steps, say=True):
        self._round, self._cluster, self.steps, self._say = round, cluster, steps, say
        self._end, self._error = threading.Event(), None
        with open(round.path("plan"), "a") as file:
            file.writelines(f"{step}\n" for step in steps)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._zero = time.monotonic()
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind:
            self._end.set()
            self._thread.join()
        else:
            self.finish()
        return False

    def finish(self, early=False):
        """Early: what has not begun is left out. Everybody is healed in either case."""
        if early:
            self._end.set()
        self._thread.join()
        if self._error:
            error, self._error = self._error, None
            raise error
        self._cluster.heal()

    def hits(self, since=0, before=None):
        """Faults that were under way within a span of wall nanoseconds."""
        before = before or wall()
        return [s for s in self.steps if s.began and s.began < before and (not s.ended or s.ended > since)]

    def _run(self):
        moments = sorted(
            [(s.begins, i, True) for i, s in enumerate(self.steps)] + [(s.ends, i, False) for i, s in enumerate(self.steps)]
        )
        try:
            for at, i, begins in moments:
                step = self.steps[i]
                if begins and self._end.wait(max(0.0, self._zero + at - time.monotonic())):
                    continue
                if not begins and not step.began:
                    continue
                if not begins:
                    self._end.wait(max(0.0, self._zero + at - time.monotonic()))
                self.carry_out(step, begins)
        except Exception as error:  # told by finish, in the thread of the test
            self._error = error

    def carry_out(self, step, begins):
        (step.kind.begin if begins else step.kind.end)(self._cluster, step.what)
        if isinstance(step.kind, Whoever) and not step.what:
            return  # there was nobody: no hit
        setattr(step, "began" if begins else "ended", wall())
        if self._say:
            at = time.monotonic() - self._zero
            whom = f" ({','.join(sorted(step.what))})" if isinstance(step.kind, Whoever) else ""
            self._round.say(f"{at:6.2f} s  {step.kind.name} {step.text}{whom}{'' if begins else ': over'}")


def strike(round, cluster, kind):
    """One fault outside of a plan, begun at once: its step, which `relieve` ends."""
    what, victims, text = kind.choose(round.draw, cluster.names)
    step = Step(kind, what, victims, text, 0.0, 0.0)
    kind.begin(cluster, what)
    step.began = wall()
    round.say(f"{kind.name} {text}")
    return step


def relieve(round, cluster, step):
    step.kind.end(cluster, step.what)
    step.ended = wall()
    round.say(f"{step.kind.name} {step.text}: over")
