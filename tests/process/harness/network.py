"""Nodes in network namespaces of their own, joined by a bridge and cut by nftables: real packets that do not arrive.

Needs apart("net") first, so that the bridge lies in a namespace of the test's own; a node's namespace lives as long as
a sleeping process in it, and nothing of it has a name on this machine.

    network = Network(r, ["n1", "n2", "n3"])
    network.split(splits.halves(names, 1))  # pairs (from, to)
    network.lose(pairs, percent=20)         # of the packets
    network.heal()
    network.apart(pairs)                    # for good: nothing heals it
"""
import os
import subprocess

from .ground import Failed, ensure, until
from .apart import inside as apart_in

SUBNET = "10.77.0"
PORT = 4711


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True)
    ensure(done.returncode == 0, f"`{' '.join(words)}`: {done.stderr.strip()}")
    return done.stdout


class Network:
    def __init__(self, round, names):
        ensure("net" in apart_in(), "a network wants a namespace of its own: campaign(..., apart=['net'])")
        self._guard, self._holders, self._apart = round.guard, {}, set()
        self._numbers = {name: i for i, name in enumerate(names, 1)}
        run("ip", "link", "add", "hub", "type", "bridge")
        run("ip", "link", "set", "hub", "up")
        run("ip", "addr", "add", f"{SUBNET}.254/24", "dev", "hub")
        for name, i in self._numbers.items():
            self._holders[name] = self._namespace()
            pid = str(self._holders[name].pid)
            run("ip", "link", "add", f"port{i}", "type", "veth", "peer", "name", "eth0", "netns", pid)
            run("ip", "link", "set", f"port{i}", "master", "hub", "up")
            for words in (("addr", "add", f"{SUBNET}.{i}/24", "dev", "eth0"), ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
                run(*self.inside(name), "ip", *words)
            self._nft(name, "add table ip cut; add chain ip cut in { type filter hook input priority 0; }")

    def _namespace(self):
        ours = os.readlink("/proc/self/ns/net")
        holder = self._guard.spawn(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)

        def is_apart():
            try:
                return os.readlink(f"/proc/{holder.pid}/ns/net") != ours
            except OSError as error:
                raise Failed(f"no namespace: {error}") from None

        until(is_apart, 10, "no namespace after 10 s", each=0.002)
        return holder

    def place(self, name):
        return f"{self.address(name)}:{PORT}"

    def address(self, name):
        return f"{SUBNET}.{self._numbers[name]}"

    def inside(self, name):
        """What stands before a command that is to run where this node runs."""
        return ["nsenter", f"--net=/proc/{self._holders[name].pid}/ns/net"]

    def apart(self, pairs):
        self._apart = set(pairs)
        self.heal()

    def split(self, pairs):
        self._rule(pairs, "drop")

    def lose(self, pairs, percent):
        self._rule(pairs, f"numgen random mod 100 < {int(percent)} drop")

    def _rule(self, pairs, what):
        for hearer in sorted({to for _, to in pairs}):
            self._nft(hearer, "; ".join(self._rules(pairs, hearer, what)))

    def _rules(self, pairs, hearer, what):
        return [f"add rule ip cut in ip saddr {self.address(sender)} {what}" for sender, to in sorted(pairs) if to == hearer]

    def heal(self):
        for name in self._numbers:
            self._nft(name, "; ".join(["flush chain ip cut in", *self._rules(self._apart, name, "drop")]))

    def _nft(self, name, lines):
        run(*self.inside(name), "nft", lines)

    def close(self):
        for i in self._numbers.values():  # a namespace's own end takes them along, but some time later
            subprocess.run(["ip", "link", "del", f"port{i}"], capture_output=True)
        for holder in self._holders.values():
            self._guard.end(holder)
        subprocess.run(["ip", "link", "del", "hub"], capture_output=True)
