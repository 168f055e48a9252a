"""What any store of locks goes through: its contract, and many clients of which some are killed."""
import json
import os
import random
import signal
import subprocess
import threading
import time

from .ground import ensure, program


def keeps_its_contract(r, name, store, more=()):
    done = subprocess.run([program("lock-store-trial"), "--store", store, *more], capture_output=True, text=True, timeout=200)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    broken = [row for row in rows if not row["holds"]]
    ensure(done.returncode == 0 and not broken and len(rows) == 10, lambda: f"{name}: {broken} {done.stderr[-500:]}")
    waits = next(row["longest_seconds"] for row in rows if row["rule"] == "awaits")
    over = next(row["longest_seconds_after_ttl"] for row in rows if row["rule"] == "expiry")
    r.say(f"{name}: {len(rows)} rules hold; who waits was woken after {waits * 1000:.1f} ms, by a session's end {over * 1000:.1f} ms after it")


class Storm:
    """`many` threads in which one client follows the other; some are killed. `client`: who makes one."""

    def __init__(self, r, name, lockers, many, seconds, client=None):
        self.r, self.lockers, self.codes = r, lockers, {}
        self._client = client or (lambda: lockers.client(False))
        self._name, self._end, self._lock, self._running = name, time.monotonic() + seconds, threading.Lock(), []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(many)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        while time.monotonic() < self._end:
            c = self._client()
            with self._lock:
                self._running.append(c)
            c.bury()
            with self._lock:
                self._running.remove(c)
                self.codes[c.process.returncode] = self.codes.get(c.process.returncode, 0) + 1
            if c.process.returncode == 121:
                time.sleep(0.1)  # the server is not there

    def kill_one(self):
        with self._lock:
            if self._running:
                os.kill(random.choice(self._running).process.pid, signal.SIGKILL)

    def ended(self, least=10):
        for thread in self._threads:
            thread.join(60)
        ensure(not any(thread.is_alive() for thread in self._threads), lambda: f"clients do not end: {self.lockers.places()}")
        self.lockers.file.check()
        allowed = {0, 121, 122, -signal.SIGKILL}
        ensure(self.codes.get(0, 0) >= least and set(self.codes) <= allowed, lambda: f"clients ended so: {self.codes}")
        self.r.say(f"{self._name}: clients by exit code {dict(sorted(self.codes.items()))}, the highest fence {self.lockers.file.last()[0]}")


def goes_on(lockers):
    """Somebody else has it, with a higher fence."""
    fence = lockers.file.last()[0]
    c = lockers.client(False)
    ensure(c.ended(30) == 0, lambda: f"after all that nobody gets the lock: {c.said()}")
    ensure(lockers.file.last()[0] > fence, "the fence does not rise")
    lockers.file.check()
