"""A file that refuses older fences than it has seen, and clients whose commands write to it while they hold or lead.

    file = File(r.path("ledger"))
    c = Client(r, 1, "c1", [program(), "lock", "ledger", "--", *file.writer("c1")])
    file.check()                                      # the order in which it took and refused
    judge(r, "ledger", file, clients, "fencing")      # and what all of them did, by `troupe check`

In the history an acquire has returned when the command begins, and the lock is held until the command asks to end or, where
it is ended, to its last write.
"""
import sys
import textwrap
from collections import namedtuple

from .ground import Failed, ensure, now, until
from .history import History

# It writes under its fence, so many times, or until it is ended; each line with the moment in which it was asked for and
# that in which it was written, of the one clock.
WRITER = textwrap.dedent(
    """
    import fcntl, os, sys, time
    path, who, turns = sys.argv[1], sys.argv[2], int(sys.argv[3])
    fence = int(os.environ.get("TROUPE_FENCE") or os.environ["TROUPE_TERM"])
    assert int(os.environ.get("TROUPE_TERM", 0)) <= fence
    def write(what):
        asked = time.monotonic_ns()
        with open(path, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            rows = [line.split() for line in file]
            highest = max((int(row[1]) for row in rows if row[0] == "took"), default=0)
            verdict = what or ("took" if fence >= highest else "late")
            print(verdict, fence, who, asked, time.monotonic_ns(), file=file)
    write("begins")
    while turns != 0:
        write(None)
        turns -= 1
        time.sleep(0.02)
    write("ends")
    """
)
Row = namedtuple("Row", "what fence who asked done")


class File:
    def __init__(self, path):
        self.path = path
        open(path, "w").close()

    def writer(self, who, turns=-1):
        """The command; without a number of turns it does not end by itself."""
        return [sys.executable, "-c", WRITER, self.path, who, str(turns)]

    def all(self):
        with open(self.path) as file:
            rows = [line.split() for line in file if line.endswith("\n")]
        return [Row(what, int(fence), who, int(asked), int(done)) for what, fence, who, asked, done in rows]

    def rows(self):
        """(took or late, fence, who), in the file's order."""
        return [row[:3] for row in self.all() if row.what in ("took", "late")]

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


class Client:
    """One `troupe lock` or `troupe elect`; `inside`: what stands before it, where it has a namespace of its own."""

    def __init__(self, r, number, who, line, inside=()):
        self.number, self.who, self.guard, self._said = number, who, r.guard, r.path(f"said-{who}")
        self.begun, self.over = now(), None
        self.slept = False  # it was frozen, and may hold on without knowing better
        with open(self._said, "w") as said:
            self.process = r.guard.spawn([*inside, *line], stdout=said, stderr=said)

    def said(self):
        with open(self._said) as file:
            return file.read()

    def runs(self):
        return self.process.poll() is None

    def bury(self):
        self.process.wait()
        self.over = self.over or now()
        self.guard.gone(self.process)
        return self.process.returncode

    def ended(self, within):
        until(lambda: not self.runs(), within, lambda: f"{self.who} does not end: {self.said()}")
        return self.bury()


def events(c, rows):
    """What one client did: (kind, f, value, at), in order."""
    begins = next((row for row in rows if row.what == "begins"), None)
    code, over = c.process.returncode, c.over or now()
    yield "invoke", "acquire", None, c.begun
    if begins is None:
        yield "fail" if code == 121 else "info", "acquire", None, over
        return
    yield "ok", "acquire", begins.fence, begins.asked
    for row in rows:
        if row.what in ("took", "late"):
            yield "invoke", "access", row.fence, row.asked
            yield "ok" if row.what == "took" else "fail", "access", row.fence, row.done
        if row.what == "ends":
            yield "invoke", "release", row.fence, row.asked
            yield "ok" if code == 0 else "info", "release", row.fence, max(over, row.done)


def leaders(c, rows):
    """The terms under which it has led."""
    for row in rows:
        if row.what == "begins":
            yield "invoke", "leader", row.fence, row.asked
            yield "ok", "leader", row.fence, row.done


def recorded(path, file, clients, of=events):
    history, by = History(path, least=1), {c.who: [] for c in clients}
    for row in file.all():
        by.get(row.who, []).append(row)
    done = [(at, c.number, kind, f, value) for c in clients for kind, f, value, at in of(c, by[c.who])]
    for at, number, kind, f, value in sorted(done, key=lambda event: event[0]):
        history.record(number, kind, f, None, value, at)
    return history


def judge(r, name, file, clients, model, of=events):
    """What `troupe check` says; Failed where it is anything but consistent."""
    return recorded(r.path(f"history-{name}-{model}"), file, clients, of).judge(model)


def refuted(r, name, file, clients, model):
    """The checker's sentence of what is known to have gone wrong; Failed where it does not see it."""
    history = recorded(r.path(f"history-{name}-{model}"), file, clients)
    code, said = history.verdict(model)
    if code != 1:
        raise Failed(f"the checker sees nothing wrong by {model} in {history.path}: {said[:400]}")
    return said.splitlines()[0]
