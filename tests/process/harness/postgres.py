"""A PostgreSQL server of the test's own: in a folder of its own, by an unprivileged user, on loopback and a free port, or `at` a
place of a network.

Beware    it refuses to run as root, so root gives it to the user postgres, or nobody
"""
import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile

from .cluster import free_port
from .ground import Failed, Skipped, needs, tail, until


def binaries():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4].split(".")[0]))
    if not found:
        raise Skipped("PostgreSQL is missing: install postgresql")
    return found[-1]


def unprivileged():
    """The words by which a command is another's, and who that is; none where we are no root."""
    if os.geteuid() != 0:
        return [], None
    needs("setpriv")
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        words = ["setpriv", "--reuid", str(user.pw_uid), "--regid", str(user.pw_gid), "--clear-groups"]
        if subprocess.run([*words, "true"], capture_output=True).returncode != 0:
            raise Skipped(f"no right to run a server as {name}, who is unknown in a user's namespace")
        return words, user
    raise Skipped("there is no user to run PostgreSQL as")


class Postgres:
    def __init__(self, r, options=(), network=None, at=None):
        self.round, self.process = r, None
        self._bin, (self._as, user) = binaries(), unprivileged()
        self.place = tempfile.mkdtemp(prefix="troupe-pg.")
        r.at_end(lambda: shutil.rmtree(self.place, ignore_errors=True))
        if user:
            os.chown(self.place, user.pw_uid, user.pw_gid)
        self.host, self._inside = (network.address(at), network.inside(at)) if network else ("127.0.0.1", [])
        self.port = free_port(r.ports, set())
        self.log = r.path("postgres.log")
        self._options = ["-k", self.place, "-p", str(self.port), "-c", f"listen_addresses={self.host}"]
        for option in options:
            self._options += ["-c", option]
        made = self._run("initdb", "-D", f"{self.place}/data", "-U", "troupe", "-A", "trust", "--no-sync")
        if made.returncode != 0:
            raise Failed(f"initdb: {made.stderr}")
        with open(f"{self.place}/data/pg_hba.conf", "a") as rules:
            rules.write("host all all samenet trust\n")

    @property
    def store(self):
        return f"postgresql://troupe@{self.host}:{self.port}/postgres"

    def _run(self, name, *words):
        line = [*self._inside, *self._as, os.path.join(self._bin, name), *words]
        return subprocess.run(line, capture_output=True, text=True, timeout=60, cwd=self.place)

    def _ready(self):
        if self.process.poll() is not None:
            return False
        return self._run("pg_isready", "-q", "-h", self.host, "-p", str(self.port), "-U", "troupe").returncode == 0

    def start(self):
        def started():
            # One that was killed leaves children, and until they have noticed no other may begin.
            if self.process is None or self.process.poll() is not None:
                if self.process is not None:
                    self.round.guard.gone(self.process)
                line = [*self._inside, *self._as, os.path.join(self._bin, "postgres"), "-D", f"{self.place}/data", *self._options]
                with open(self.log, "a") as log:
                    self.process = self.round.guard.spawn(line, stdout=log, stderr=log, cwd=self.place)
            return self._ready()

        until(started, 30, lambda: f"PostgreSQL does not start: {tail(self.log)}")

    def kill(self):
        self.round.guard.end(self.process)  # SIGKILL
        self.process = None

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)  # without waiting for its clients
        until(lambda: self.process.poll() is not None, 20, lambda: f"PostgreSQL does not stop: {tail(self.log)}")
        self.round.guard.gone(self.process)
        self.process = None
