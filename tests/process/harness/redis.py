"""A Redis server of the test's own: in a folder of its own, by an unprivileged user, on loopback and a free port, or `at` a
place of a network."""
import os
import shutil
import signal
import subprocess
import tempfile

from .cluster import free_port, state_of
from .ground import Failed, needs, tail, until
from .postgres import unprivileged


class Redis:
    """`options`: as in redis.conf, ("appendonly", "yes"), ..."""

    def __init__(self, r, name="redis", options=(), password=None, network=None, at=None):
        needs("redis-server", "redis-cli")
        self.round, self.process, self.password = r, None, password
        self._as, user = unprivileged()
        self.place = tempfile.mkdtemp(prefix="troupe-redis.")
        r.at_end(lambda: shutil.rmtree(self.place, ignore_errors=True))
        if user:
            os.chown(self.place, user.pw_uid, user.pw_gid)
        self.host, self._inside = (network.address(at), network.inside(at)) if network else ("127.0.0.1", [])
        self.port = free_port(r.ports, set())
        self.log = r.path(f"{name}.log")
        self._options = ["--port", str(self.port), "--bind", self.host, "--protected-mode", "no", "--dir", self.place, "--save", ""]
        for key, value in options:
            self._options += [f"--{key}", value]
        if password:
            self._options += ["--requirepass", password]

    @property
    def store(self):
        who = f":{self.password}@" if self.password else ""
        return f"redis://{who}{self.host}:{self.port}"

    def say(self, *words, within=10):
        """What redis-cli shows for a command."""
        line = [*self._inside, "redis-cli", "-h", self.host, "-p", str(self.port), *words]
        known = {**os.environ, "REDISCLI_AUTH": self.password} if self.password else None
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", timeout=within, env=known)
        return done.stdout.strip()

    def start(self):
        with open(self.log, "a") as log:
            line = [*self._inside, *self._as, "redis-server", *self._options]
            self.process = self.round.guard.spawn(line, stdout=log, stderr=log, cwd=self.place)
        self.answers()

    def answers(self):
        def pong():
            if self.process.poll() is not None:
                raise Failed(f"redis-server does not start: {tail(self.log)}")
            return self.say("PING") == "PONG"

        until(pong, 20, lambda: f"redis-server does not answer: {tail(self.log)}")

    def kill(self):
        self.round.guard.end(self.process)  # SIGKILL

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)
        until(lambda: state_of(self.process.pid) == "T", 10, "redis-server does not freeze")

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def follow(self, other):
        """As its replica, with all that it has."""
        self.say("REPLICAOF", other.host, str(other.port))
        until(lambda: "master_link_status:up" in self.say("INFO", "replication"), 20, lambda: f"the replica does not follow: {tail(self.log)}")

    def lose_sight(self):
        """A replica that hears no more of its primary."""
        self.say("REPLICAOF", "127.0.0.1", "1")
        until(lambda: "master_link_status:down" in self.say("INFO", "replication"), 10, "the replica still follows")

    def lead(self):
        self.say("REPLICAOF", "NO", "ONE")
        until(lambda: "role:master" in self.say("INFO", "replication"), 10, "the replica does not lead")
