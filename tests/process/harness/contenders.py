"""Contenders of `troupe elect NAME --algorithm A`, one at each node, whose commands write to one file under their fences; and
the faults of whoever leads.
"""
import signal

from . import resource
from .ground import ensure, now, program, until
from .resource import Client, File

PATIENCE = 1.0
TTL = 2.0  # of the map's own election


class Trial:
    """One election, with a contender at each node that runs; `inside(node)`: what stands before a contender's command."""

    def __init__(self, r, cluster, algorithm, inside=lambda node: []):
        self.r, self.cluster, self.algorithm, self._inside = r, cluster, algorithm, inside
        self.name = f"work-{algorithm}"
        self.file = File(r.path(f"file-{algorithm}"))
        self.contenders, self.all, self.waits = {}, [], []

    def enter(self, node):
        number = len(self.all) + 1
        who = f"{self.algorithm}-{node.name}-{number}"
        line = [program(), "elect", self.name, "--algorithm", self.algorithm, "--ttl", f"{int(TTL * 1000)}ms", "--json"]
        line += ["--at", node.listen, "--secret-file", self.cluster.secret_file, "--", *self.file.writer(who)]
        c = self.contenders[node.name] = Client(self.r, number, who, line, self._inside(node))
        c.node = node
        self.all.append(c)
        return c

    def fill(self):
        for node in self.cluster:
            there = self.contenders.get(node.name)
            if there and not there.runs():
                there.bury()
                there = None
            if not there:
                self.enter(node)

    def bound(self):
        own = 2 * TTL if self.algorithm == "log" else 4 * PATIENCE
        return own + 1 + self.r.options.bound

    def acting(self):
        """Whoever wrote last, and still runs."""
        who = self.file.last()[1]
        return next((c for c in self.contenders.values() if c.who == who and c.process.poll() is None), None)

    def view(self):
        return self.cluster.verb("elect", self.name).stdout

    def await_acting(self, but=(), why="nobody acts"):
        def found():
            one = self.acting()
            return one if one and one.who not in but else None

        return until(found, self.bound(), lambda: f"{self.algorithm}: {why} within {self.bound()} s: {self.view()}", each=0.01)

    def fault(self, what):
        victim = self.await_acting()
        fence, since = self.file.last()[0], now()
        node = victim.node
        if what == "node killed":
            node.kill()
        elif what == "node frozen":
            node.freeze()
        else:
            victim.slept = what == "contender frozen"
            victim.process.send_signal(signal.SIGSTOP if victim.slept else signal.SIGKILL)
        after = self.await_acting(but={victim.who}, why=f"nobody follows {victim.who}, {what},")
        self.waits.append((now() - since) / 1e9)
        if self.algorithm != "bully":
            ensure(self.file.last()[0] > fence, f"{after.who} acts under {self.file.last()[0]}, after {fence}")
        if what.startswith("node"):
            # By log the contender goes on through the map's other voters, if it can: then it ends when it has lost.
            code = victim.ended(10 + TTL)
            ensure(code == 122, f"{victim.who}, {what}, ended with {code}: {victim.said()}")
            for name, c in list(self.contenders.items()):
                if c.node is node:
                    del self.contenders[name]
            if what == "node killed":
                node.start()
            else:
                node.thaw()
            self.cluster.all_up(60)
        elif what == "contender killed":
            victim.ended(5)
        else:
            late = sum(row[0] == "late" for row in self.file.rows())
            if self.algorithm != "bully":
                until(lambda: sum(row[0] == "late" for row in self.file.rows()) > late, 5, "the command of a frozen contender does not go on", each=0.01)
            victim.process.send_signal(signal.SIGCONT)
            code = victim.ended(10)
            ensure(code == 122, f"{victim.who}, frozen, ended with {code}: {victim.said()}")
        self.r.say(f"{self.algorithm}: {what}: {victim.who} is followed by {after.who} after {self.waits[-1]:.2f} s")
        return victim

    def close(self):
        for c in self.contenders.values():
            if c.process.poll() is None:
                c.process.send_signal(signal.SIGTERM)
        for c in self.contenders.values():
            c.ended(10)
        self.contenders = {}

    def judge(self):
        """By the checker; by bully nothing is promised of two sides that do not hear each other."""
        if self.algorithm == "bully":
            return
        self.file.check()
        said = [resource.judge(self.r, self.name, self.file, self.all, "fencing")]
        said.append(resource.judge(self.r, self.name, self.file, self.all, "leader", resource.leaders))
        if self.algorithm == "log":  # it ends a command before another may lead
            said.append(resource.judge(self.r, self.name, self.file, [c for c in self.all if not c.slept], "mutex"))
        self.r.say(f"{self.algorithm}: {'; '.join(said)}")
