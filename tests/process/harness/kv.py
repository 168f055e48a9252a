"""Clients of the replicated map: `troupe kv` in line mode, the log's state, and how long no write was accepted.

    kv = Kv(cluster, ["n4", "n5"])          # through the first of these that can be reached
    kv.ask({"op": "put", "key": "a", "value": "1"})["outcome"]
    writes = Writes(); writes.accepted(begun, ended); writes.after(moment); writes.longest_gap(since, until)
"""
import json
import subprocess
import threading

from .ground import program, until
from .talk import Talk

OUTCOMES = {"done": "ok", "not_done": "fail", "unknown": "info"}


class Kv:
    """One line-mode client, started again when it has ended or went silent. Not for two threads at once."""

    def __init__(self, cluster, nodes, within=3.0, inside=None):
        self._cluster, self._nodes, self._within = cluster, list(nodes), within
        self._inside = inside or self._nodes[0]
        self._process, self._talk = None, None
        self.starts = 0
        self.errors = {}  # sentence: how often

    def ask(self, request):
        """The answer, with "outcome"; what the program cannot say any more is unknown."""
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._start()
        answer = self._talk.ask(request, self._within + 2)
        if "outcome" not in answer:  # the talk's own words: it has ended, or is silent
            self.close()
            answer = {"outcome": "unknown" if answer["type"] == "info" else "not_done", "error": answer["why"]}
        if "error" in answer and not compared(answer):
            self.errors[answer["error"]] = self.errors.get(answer["error"], 0) + 1
        return answer

    def _start(self):
        c = self._cluster
        words = [*c.inside(self._inside), program(), "kv", "--secret-file", c.secret_file]
        words += ["--timeout", f"{int(self._within * 1000)}ms"]
        for name in self._nodes:
            words += ["--at", c[name].listen]
        self._process = c.round.guard.spawn(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._talk = Talk(self._process)
        self.starts += 1

    def close(self):
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._cluster.round.guard.gone(self._process)
        self._talk.ended()
        self._process = self._talk = None


def compared(answer):
    """A cas that was carried out and found another value, unlike one that was not carried out."""
    return answer["outcome"] == "not_done" and "revision" in answer


def value_of(answer):
    """Of a get that was answered: the value, or nothing."""
    return answer["items"][0]["value"] if answer["items"] else None


class Writes:
    """When writes were asked for and accepted, by the one monotonic clock."""

    def __init__(self):
        self._lock, self._all = threading.Lock(), []

    def accepted(self, begun, ended):
        with self._lock:
            self._all.append((begun, ended))

    def __len__(self):
        return len(self._all)

    def after(self, moment):
        """Seconds from then until a write that was asked for since was accepted; nothing: never."""
        with self._lock:
            ends = [ended for begun, ended in self._all if begun >= moment]
        return (min(ends) - moment) / 1e9 if ends else None

    def longest_gap(self, since, until):
        """Seconds between two accepted writes, and when it began."""
        with self._lock:
            ends = sorted(e for _, e in self._all if since <= e <= until)
        marks = [since, *ends, until]
        gap, at = max((b - a, a) for a, b in zip(marks, marks[1:]))
        return gap / 1e9, at


def log_status(node, within=3, here=False, group=None):
    """`troupe log status --json` of that node, or nothing."""
    words = [*(["--here"] if here else []), *(["--group", group] if group else [])]
    done = node.verb("log", "status", "--json", *words, within=within)
    try:
        return json.loads(done.stdout) if done.returncode == 0 else None
    except ValueError:
        return None


def leader(cluster, among=None, group=None):
    """The name of who leads the log, or this group, as one that leads says itself; nothing: nobody says so."""
    best = None
    for node in cluster:
        if not node.runs() or node.frozen or (among and node.name not in among):
            continue
        seen = log_status(node, within=2, here=True, group=group)
        if seen and seen["role"] == "leader" and (best is None or seen["term"] > best["term"]):
            best = seen
    return best and best["node"]


def has_leader(cluster, within, voters=None):
    """Until somebody leads, with exactly these voters if they are named; the status."""

    def found():
        name = leader(cluster)
        seen = name and log_status(cluster[name], here=True)
        if seen and seen["role"] == "leader" and (voters is None or sorted(seen["voters"]) == sorted(voters)):
            return seen
        return None

    return until(found, within, lambda: f"no leader with {voters or 'any'} as voters within {within} s: {states(cluster)}", each=0.1)


def states(cluster):
    """What each node says of the log, for a failure's sentence."""

    def one(node):
        if not node.runs():
            return f"{node.name} does not run"
        done = node.verb("log", "status", "--json", "--here", within=2)
        return f"{node.name}: {(done.stdout or done.stderr).strip()[:400]}"

    return "; ".join(one(node) for node in cluster)
