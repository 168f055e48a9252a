"""Clients of `troupe lock` that take one lock by turns and write, under its fence, to a file that refuses older fences than
it has seen; whatever keeps the lock: `way` gives the words that name the store.

  - what the file took was written under fences that rise, each client's own; what came late was refused
  - a lock whose holder is killed or frozen is another's within its lease and `bound`
  - a frozen holder that wakes ends its command, which went on without it, and exits with 122; a killed one takes its
    command along
"""
import json
import signal
import subprocess
import sys
import textwrap

from .ground import Failed, Void, ensure, now, program, until

# The command: it writes under its fence, again and again, until it is ended or has done so three times.
WRITER = textwrap.dedent(
    """
    import fcntl, os, sys, time
    path, who, long = sys.argv[1], sys.argv[2], sys.argv[3] == "long"
    fence = int(os.environ["TROUPE_FENCE"])
    for turn in range(1000 if long else 3):
        with open(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            rows = [line.split() for line in file]
            highest = max((int(row[1]) for row in rows if row[0] == "took"), default=0)
            print("took" if fence >= highest else "late", fence, who, file=file)
        time.sleep(0.02)
    """
)


class Client:
    """One that takes the lock, writes, and gives it back; `long`: and does not give it back by itself."""

    def __init__(self, r, way, who, path, long, ttl):
        self.who, self._said = who, r.path(f"said-{who}")
        line = [program(), "lock", "ledger", "--ttl", f"{int(ttl * 1000)}ms", "--owner", who, "--json", *way]
        line += ["--", sys.executable, "-c", WRITER, path, who, "long" if long else "short"]
        with open(self._said, "w") as said:
            self.process = r.guard.spawn(line, stdout=said, stderr=said)
        self.guard = r.guard

    def said(self):
        with open(self._said) as file:
            return file.read()

    def runs(self):
        return self.process.poll() is None

    def ended(self, within):
        until(lambda: not self.runs(), within, lambda: f"{self.who} does not end: {self.said()}")
        self.guard.gone(self.process)
        return self.process.returncode


class File:
    def __init__(self, path):
        self.path = path
        open(path, "w").close()

    def rows(self):
        with open(self.path) as file:
            rows = [line.split() for line in file if line.endswith("\n")]
        return [(verdict, int(fence), who) for verdict, fence, who in rows]

    def last(self):
        took = [row for row in self.rows() if row[0] == "took"]
        return took[-1][1:] if took else (0, None)

    def late(self):
        return sum(verdict == "late" for verdict, _, _ in self.rows())

    def check(self):
        highest, owners = 0, {}
        for verdict, fence, who in self.rows():
            ensure(owners.setdefault(fence, who) == who, f"fence {fence} is {owners[fence]}'s and {who}'s")
            ensure((verdict == "took") == (fence >= highest), f"{verdict} {fence} of {who} after {highest}")
            highest = max(highest, fence)


class Lockers:
    """`way`: a list of words, or who makes one for each client."""

    def __init__(self, r, way, ttl=2.0, bound=6.0):
        self.r, self.ttl, self.bound = r, ttl, bound
        self.way = way if callable(way) else lambda: way
        self.file, self.waits, self._number = File(r.path("ledger")), [], 0

    def client(self, long):
        self._number += 1
        return Client(self.r, self.way(), f"c{self._number}", self.file.path, long, self.ttl)

    def places(self):
        """What `troupe locks` shows; nothing where it is not answered."""
        try:
            line = [program(), "locks", "--json", *self.way()]
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
        holder.process.send_signal(signal.SIGSTOP if how == "frozen" else signal.SIGKILL)
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

    def conclude(self):
        self.file.check()
        if not self.file.late():
            raise Void("nothing came late")
        self.r.say(f"{len(self.file.rows())} writes, {self.file.late()} late ones refused; the longest wait for the next holder was {max(self.waits):.2f} s")
