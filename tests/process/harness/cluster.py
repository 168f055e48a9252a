"""Real nodes in processes of their own: started, killed, frozen, thawed, brought back with what they had on disk.

Assumes   ports below the ephemeral range, so that a restarted node finds its own port free
Beware    a frozen process that is to stop is thawed first; a killed one keeps its data directory and gets a new
          incarnation
"""
import json
import os
import secrets
import signal
import socket
import subprocess

from .events import read_events
from .ground import Failed, ensure, program, tail, until
from .talk import Talk

DEFAULTS = ("--membership.sync-interval", "2s", "--membership.reform-after", "5s")


def free_port(draw, taken):
    """A loopback port that nobody has and no outgoing connection gets."""
    while True:
        port = draw.randint(20000, 32000)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in taken:
            taken.add(port)
            return port


def state_of(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except OSError:
        return None


class Node:
    def __init__(self, cluster, name, listen, options=(), data=None):
        self.cluster, self.name, self.listen = cluster, name, listen
        self.options = list(options)
        place = cluster.round.place
        self.data = data or os.path.join(place, name)
        self.events_file = os.path.join(place, f"{name}.events")
        self.log = os.path.join(place, f"{name}.log")
        self.process, self.talk = None, None
        self.frozen = False
        self.lives = 0  # processes so far

    def command(self):
        c = self.cluster
        words = [*c.inside(self.name), *c.program, *(["--name"] if c.is_troupe else ["--node.name"]), self.name]
        words += ["--node.listen", self.listen, "--node.data", self.data, "--node.events", self.events_file]
        words += ["--security.secret-file", c.secret_file]
        if c.wire:
            words += ["--node.advertised", c.wire.address(self.name)]
        words += ["--cluster.seeds", ",".join(c.seeds)]
        return [*words, *c.options, *self.options]

    def start(self):
        ensure(not self.runs(), f"{self.name} runs already")
        talks = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} if self.cluster.talks else {"stdin": subprocess.DEVNULL}
        with open(self.log, "ab") as log:
            if not self.cluster.talks:
                talks["stdout"] = log
            self.process = self.cluster.round.guard.spawn(self.command(), stderr=log, **talks)
        if self.cluster.talks:
            self.talk = Talk(self.process)
        self.lives += 1
        self.frozen = False
        if self.cluster.wire:
            self.cluster.wire.belongs(self.process.pid, self.name)

    @property
    def pid(self):
        return self.process.pid

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """SIGKILL, as a crash: it has no last word."""
        self._must_run()
        self.process.kill()
        self.bury()

    def freeze(self):
        """SIGSTOP; returns when it stands still."""
        self._must_run()
        self.process.send_signal(signal.SIGSTOP)
        until(lambda: state_of(self.pid) == "T", 10, f"{self.name} does not stand still", each=0.001)
        self.frozen = True

    def thaw(self):
        if self.frozen and self.runs():
            self.process.send_signal(signal.SIGCONT)
        self.frozen = False

    def restart(self):
        """The same data and address, a new process and incarnation."""
        if self.runs():
            self.kill()
        self.start()

    def stop(self, within=20):
        """SIGTERM: it leaves in order. Its exit code, and Failed if it does not end."""
        self._must_run()
        self.thaw()
        self.process.terminate()
        try:
            self.process.wait(within)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} did not stop within {within} s: {tail(self.log)}") from None
        return self.bury()

    def check(self):
        """Failed where its process has ended without having been told to."""
        if self.process is not None and not self.runs():
            raise Failed(f"{self.name} has ended by itself, with code {self.process.returncode}: {tail(self.log)}")

    def _must_run(self):
        self.check()
        ensure(self.process, f"{self.name} does not run")

    def bury(self):
        code = self.process.wait()
        self.cluster.round.guard.gone(self.process)
        if self.talk:
            self.talk.ended()
        self.frozen, self.process = False, None
        return code

    def verb(self, *words, within=5):
        """`troupe VERB ... --at this node`, as a finished process."""
        return self.cluster.verb(*words, at=self, within=within)

    def view(self):
        """The members that this node knows, rows of name, state, incarnation, ...; empty if it does not answer."""
        if not self.runs() or self.frozen:
            return []
        done = self.verb("members", "--json", within=2)
        try:
            return json.loads(done.stdout)["members"] if done.returncode == 0 else []
        except (ValueError, KeyError) as error:
            raise Failed(f"members --json of {self.name} is none: {error}: {done.stdout[:300]}") from None

    def up(self):
        """Names that are up in its view."""
        return sorted(row["name"] for row in self.view() if row["state"] == "up")

    def events(self, *kinds):
        return [event for event in read_events(self.events_file) if not kinds or event["event"] in kinds]


class Cluster:
    """nodes of one round; `program` is a user's own node that takes the settings of `troupe config` as flags."""

    def __init__(self, round, count, options=(), wire=None, network=None, own=None, talks=False, each=None, data=None):
        self.round, self.wire, self.network = round, wire, network
        self.options = [*DEFAULTS, *options]
        self.is_troupe = own is None
        self.program = [program(), "node"] if own is None else list(own)
        self.talks = talks
        self.secret_file = os.path.join(round.place, "secret")
        with open(os.open(self.secret_file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            file.write(secrets.token_hex(16) + "\n")
        taken = set()
        self.nodes = {}
        for i in range(1, count + 1):
            name = f"n{i}"
            listen = network.place(name) if network else f"127.0.0.1:{free_port(round.ports, taken)}"
            self.nodes[name] = Node(self, name, listen, (each or {}).get(name, ()), (data or {}).get(name))
            if wire:
                wire.add(name, listen)
        first = list(self.nodes)[:3]
        self.seeds = [wire.address(name) if wire else self.nodes[name].listen for name in first]
        round.cluster = self

    def __iter__(self):
        return iter(self.nodes.values())

    def __getitem__(self, name):
        return self.nodes[name]

    @property
    def names(self):
        return list(self.nodes)

    def inside(self, name):
        return self.network.inside(name) if self.network else []

    def start(self, within=20):
        for node in self:
            node.start()
        self.all_up(within)
        return self

    def all_up(self, within, nodes=None):
        """Each of these (default: all that run) sees exactly these up."""
        for node in self:
            node.check()
        nodes = [self[name] for name in nodes] if nodes else [node for node in self if node.runs()]
        names = sorted(node.name for node in nodes)
        lagging = list(nodes)  # who has agreed once is asked again at the end, since it may have changed its mind

        def agreed():
            while lagging:
                if lagging[0].up() != names:
                    return False
                lagging.pop(0)
            lagging.extend(node for node in nodes if node.up() != names)
            return not lagging

        until(agreed, within, lambda: f"not all of {','.join(names)} see each other up within {within} s: {self.seen(nodes)}")

    def seen(self, nodes=None):
        def row(r):
            return f"{r['name']} {r['state']}"

        return "; ".join(
            f"{node.name} sees {', '.join(row(r) for r in node.view()) or 'nothing: ' + tail(node.log, 1)}"
            for node in nodes or self
        )

    def verb(self, *words, at=None, within=10):
        at = at or next(node for node in self if node.runs() and not node.frozen)
        line = [*self.inside(at.name), program(), *words, "--at", at.listen, "--secret-file", self.secret_file]
        line += ["--timeout", f"{int(within * 1000)}ms"]
        try:
            return subprocess.run(line, capture_output=True, text=True, timeout=within + 20)
        except subprocess.TimeoutExpired:
            raise Failed(f"`{' '.join(words)}` did not end {20} s after its own time-out of {within} s") from None

    def events(self, *kinds):
        """Of all nodes, by time."""
        return sorted((e for node in self for e in node.events(*kinds)), key=lambda e: e["time"])

    def heal(self):
        """Thawed, joined, and started again: all faults are over."""
        for medium in (self.network, self.wire):
            if medium:
                medium.heal()
        for node in self:
            node.check()
            node.thaw()
            if not node.runs():
                node.start()

    def stop(self, within=20):
        """All leave in order, the first one last; Failed if one ends with another code than 0."""
        for node in reversed(list(self)):
            node.check()
            if node.runs():
                code = node.stop(within)
                ensure(code == 0, f"{node.name}, asked to stop, ended with code {code}: {tail(node.log)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for node in self:
            if node.process:
                node.thaw()
        self.round.guard.end_all()
        for medium in (self.wire, self.network):
            if medium:
                medium.close()
        return False
