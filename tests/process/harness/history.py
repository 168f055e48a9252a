"""What clients saw, as the JSON lines that `troupe check` judges: one clock for all, and three outcomes kept apart.

    history = History(r.path("history"), least=200)
    clients = Clients(history, 5, step)       # step(process, draw) does one operation
    ...
    clients.stop()
    history.judge("register")                 # Failed where it is violated; Void where it proves nothing

ok    done, and the value is the answer
fail  certainly not done
info  unknown: it may still happen
"""
import json
import os
import random
import subprocess
import threading
import time

from .ground import Failed, Void, now, program

# What the exit codes of the `troupe` program say of an operation that may change something.
OUTCOMES = {0: "ok", 1: "fail", 3: "fail", 5: "info"}


def outcome_of(done):
    """Of a finished `troupe` verb. A usage error is the test's own fault; whatever else, a signal too, is unknown."""
    if done.returncode == 2:
        raise Failed(f"{' '.join(done.args)}: {done.stderr.strip()}")
    return OUTCOMES.get(done.returncode, "info")


class History:
    def __init__(self, path, least=100):
        self.path, self.least = path, least
        self._file = open(path, "w")
        self._lock = threading.Lock()
        self.counts = {"invoke": 0, "ok": 0, "fail": 0, "info": 0}

    def record(self, process, kind, f, key, value, at=None):
        """`at`: when it was, where others have stamped it; the lines come in the order of their times all the same."""
        event = {"process": process, "type": kind, "f": f}
        if key is not None:
            event["key"] = key
        if value is not None:
            event["value"] = value
        with self._lock:  # stamped and written as one, so that lines stand in the order of their times
            event["time"] = at or now()
            self._file.write(json.dumps(event, separators=(",", ":")) + "\n")
            self.counts[kind] += 1

    def run(self, process, f, key, value, do):
        """One operation: `do` returns (outcome, answer). What it throws leaves the operation unknown, and is thrown on."""
        self.record(process, "invoke", f, key, value)
        outcome, answer = "info", None
        try:
            outcome, answer = do()
        finally:
            self.record(process, outcome, f, key, answer if outcome == "ok" else value)
        return outcome, answer

    def close(self):
        with self._lock:
            if not self._file.closed:
                self._file.close()

    def verdict(self, model, steps=5_000_000):
        """(code of `troupe check`, what it says); the timeline of a violation lies beside the history, as HTML."""
        self.close()
        words = [program(), "check", "--model", model, "--steps", str(steps), "--html", self.path + ".html", self.path]
        done = subprocess.run(words, capture_output=True, text=True)
        return done.returncode, (done.stdout + done.stderr).strip()

    def judge(self, model):
        if self.counts["ok"] < self.least:
            raise Void(f"{self.counts['ok']} operations were done, and {self.least} are the least that proves anything")
        code, said = self.verdict(model)
        if code == 5:
            raise Void(f"the checker gave up: {said[:400]}")
        if code != 0:
            raise Failed(f"the history is not what {model} promises: {said[:2000]}")
        return said

    def summary(self):
        return ", ".join(f"{count} {kind}" for kind, count in self.counts.items() if kind != "invoke")


class Clients:
    """Threads that do one operation after the other until they are stopped. Each draws from a seed of its own."""

    def __init__(self, processes, step, seed=0, pause=(0.001, 0.01)):
        self._end, self._errors = threading.Event(), []
        self._pause, self._step = pause, step
        self._threads = [
            threading.Thread(target=self._run, args=(p, random.Random(f"{seed}/{p}")), daemon=True) for p in range(processes)
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, process, draw):
        try:
            while not self._end.wait(draw.uniform(*self._pause)):
                self._step(process, draw)
        except Exception as error:  # told by stop, in the thread of the test
            self._errors.append(error)

    def stop_after(self, seconds, within=30):
        """Lets them go on for so long, and stops them; sooner if one has thrown."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._errors:
            time.sleep(0.02)
        self.stop(within)

    def stop(self, within=30):
        self._end.set()
        for thread in self._threads:
            thread.join(within)
            if thread.is_alive():
                raise Failed(f"a client has not come to an end within {within} s")
        if self._errors:
            raise self._errors[0]
