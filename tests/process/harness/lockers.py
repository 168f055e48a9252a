"""Clients of `troupe lock` that take one lock by turns and write, under its fence, to a file that refuses older fences than
it has seen; whatever keeps the lock: `way` gives the words that name the store.

  - what the file took was written under fences that rise, each client's own; what came late was refused
  - a lock whose holder is killed or frozen is another's within its lease and `bound`
  - what all clients did is a history that `troupe check --model fencing` finds consistent; and, but for those that were
    frozen, by --model mutex: no two of them held it at once
  - a frozen holder that wakes ends its command, which went on without it, and exits with 122; a killed one takes its
    command along
"""
import itertools
import json
import signal
import subprocess

from . import resource
from .ground import Failed, Void, ensure, now, program, until
from .resource import Client, File


class Lockers:
    """`way`: a list of words, or who makes one for each client."""

    def __init__(self, r, way, ttl=2.0, bound=6.0):
        self.r, self.ttl, self.bound = r, ttl, bound
        self.way = way if callable(way) else lambda: way
        self.file, self.waits, self.clients, self._numbers = File(r.path("ledger")), [], [], itertools.count(1)

    def client(self, long, way=None, inside=(), turns=3):
        """One that takes the lock, writes so many times, and gives it back; `long`: and does not give it back by itself."""
        number = next(self._numbers)
        who = f"c{number}"
        line = [program(), "lock", "ledger", "--ttl", f"{int(self.ttl * 1000)}ms", "--owner", who, "--json", *(way or self.way())]
        self.clients.append(Client(self.r, number, who, [*line, "--", *self.file.writer(who, -1 if long else turns)], inside))
        return self.clients[-1]

    def places(self, way=None, inside=()):
        """What `troupe locks` shows; nothing where it is not answered."""
        try:
            line = [*inside, program(), "locks", "--json", *(way or self.way())]
            done = subprocess.run(line, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            raise Failed("`troupe locks` does not end") from None
        return json.loads(done.stdout)["places"] if done.returncode == 0 else None

    def turn(self, how, between=None):
        """A holder and three that wait; `between` is done to what they stand on, which costs nobody anything; then the
        holder is "killed" or "frozen", and the three follow."""
        r, file = self.r, self.file
        holder = self.client(True)
        until(lambda: file.last()[1] == holder.who, 20, lambda: f"{holder.who} does not write: {holder.said()}")
        waiting = [self.client(False) for _ in range(3)]

        def three_wait():
            places = self.places()
            return places is not None and sum(not p["holds"] for p in places) == 3

        until(three_wait, 20, lambda: f"not three wait: {self.places()}")
        if between:
            between()
            ensure(holder.runs(), lambda: f"{holder.who} ended meanwhile: {holder.said()}")
        since, fence = now(), file.last()[0]
        holder.slept = how == "frozen"
        holder.process.send_signal(signal.SIGSTOP if holder.slept else signal.SIGKILL)
        bound = self.ttl + self.bound
        until(lambda: file.last()[0] > fence, bound, lambda: f"nobody follows {holder.who}, {how}, within {bound} s: {self.places()}", each=0.01)
        self.waits.append((now() - since) / 1e9)
        if how == "frozen":
            late = file.late()
            until(lambda: file.late() > late, 5, "the command of a frozen holder does not go on", each=0.01)
            holder.process.send_signal(signal.SIGCONT)
            code = holder.ended(10)
            ensure(code == 122, f"a holder that slept past its lease ended with {code}: {holder.said()}")
        else:
            holder.ended(5)
        for c in waiting:
            code = c.ended(30)
            ensure(code == 0, f"{c.who} ended with {code}: {c.said()}")
        r.say(f"{how}: {holder.who} with fence {fence} is followed after {self.waits[-1]:.2f} s")
        file.check()

    def judge(self):
        self.file.check()
        fenced = resource.judge(self.r, "ledger", self.file, self.clients, "fencing")
        awake = resource.judge(self.r, "ledger", self.file, [c for c in self.clients if not c.slept], "mutex")
        self.r.say(f"{fenced}; {awake}")

    def conclude(self):
        self.judge()
        if not self.file.late():
            raise Void("nothing came late")
        self.r.say(f"{len(self.file.rows())} writes, {self.file.late()} late ones refused; the longest wait for the next holder was {max(self.waits):.2f} s")
