"""Watchers of the replicated map through faults: what they are told, from the first change on, is held against what was done.

    watch = Watch(cluster, ["n1", "n2"])
    watch.upto(revision, within=20)         # until it was told of this change
    watch.check({7: ("a", "1")})            # complete, in order, and as was acknowledged; how many changes
"""
import json
import subprocess
import threading

from .ground import ensure, program, until


class Watch:
    """`troupe kv watch` of all keys, one after the other: each goes on where the last one ended, or went silent, at the next node."""

    def __init__(self, cluster, nodes):
        self._cluster, self._nodes = cluster, list(nodes)
        self._lock, self._seen, self._process, self._ending = threading.Lock(), [], None, False
        self.starts = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _next(self):
        with self._lock:
            return self._seen[-1][0] + 1 if self._seen else 1

    def _run(self):
        while not self._ending:
            c, node = self._cluster, self._nodes[self.starts % len(self._nodes)]
            self.starts += 1
            words = [*c.inside(node), program(), "kv", "watch", "", "--prefix", "--json", "--rev", str(self._next())]
            words += ["--secret-file", c.secret_file, "--timeout", "2s", "--at", c[node].listen]
            process = c.round.guard.spawn(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            self._process = process
            for line in process.stdout:
                event = json.loads(line)
                if event["event"] in ("put", "delete"):
                    item = event["item"]
                    with self._lock:
                        self._seen.append((event["revision"], item["key"], item["value"]))
            process.wait()
            c.round.guard.gone(process)

    def upto(self, revision, within):
        until(lambda: self._next() > revision, within, lambda: f"the watch was told up to {self._next() - 1} of {revision}")

    def close(self):
        self._ending = True
        if self._process and self._process.poll() is None:
            self._process.kill()
        self._thread.join(10)

    def check(self, written):
        """`written`: by revision, the key and value that was acknowledged."""
        with self._lock:
            seen = list(self._seen)
        for place, (revision, key, value) in enumerate(seen, 1):
            ensure(revision == place, f"the watch tells of change {revision} where {place} was to come")
            ensure(
                written.get(revision, (key, value)) == (key, value),
                lambda: f"the watch says {key}={value} of change {revision}, and acknowledged was {written[revision]}",
            )
        told = {revision for revision, _, _ in seen}
        missing = sorted(set(written) - told)
        ensure(not missing, lambda: f"the watch was not told of {len(missing)} acknowledged changes, among them {missing[:5]}")
        return len(seen)
