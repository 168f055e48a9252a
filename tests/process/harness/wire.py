"""A wire in user space: every byte between two nodes passes through a proxy, which can be told, for each direction of
each pair and while it runs, to delay, throttle, stall, cut, repeat or corrupt. It takes no rights, and no netem.

    wire = Wire()
    with Cluster(r, 5, wire=wire) as cluster: ...
    wire.set([("n1", "n2")], delay=0.05, jitter=0.02)  # seconds; what n1 says to n2
    wire.set(pairs, rate=20_000)                       # bytes a second
    wire.split(splits.halves(names, 2))                # as a cut network: nothing arrives, and nobody is told
    wire.cut(pairs)                                    # connections are reset in the middle of the next frame
    wire.repeat(pairs), wire.corrupt(pairs)            # the next frame twice, or with one bit of its body turned
    wire.heal()

How  Each node is told to advertise the address of its proxy (node.advertised), so that others dial that. Who dials is
     found by the owner of the connection's other end in /proc: both ends of each connection have names then.
Costs   some 50 us a round trip; 300 MiB/s in frames of 64 KiB, 35 MiB/s in frames of 128 bytes
Beware  Delay keeps the order, as TCP does. What is split is kept, as by TCP's retransmission, and arrives after the heal
     where neither side has given up. Frames are followed by their length (patterns/link/frame.hpp), so not under TLS.
     Clients, such as `troupe members`, reach nodes directly.
"""
import os
import random
import selectors
import socket
import threading
import time
from collections import deque

from .frames import Frames
from .ground import ensure

CHUNK = 256 * 1024
QUEUE_MAX = 1024 * 1024  # bytes that a direction keeps before it stops reading: pressure goes back to who writes
RULE = {"delay": 0.0, "jitter": 0.0, "rate": 0.0, "stalled": False}


class Direction:
    """One direction of one connection: what was read at `source` and has to go to `target`."""

    def __init__(self, pair, source, target):
        self.pair, self.source, self.target = pair, source, target
        self.queue, self.size = deque(), 0  # (due, bytes)
        self.last_due = 0.0
        self.allowance, self.filled = 0.0, time.monotonic()
        self.frames = Frames()
        self.ended = self.closed = False  # nothing more to read; told to the target


class Connection:
    def __init__(self, a, b, ends, pair):
        self.sockets, self.ends = (a, b), ends  # ends: of a, the other's and its own address
        self.open = False  # b has answered
        self.directions = (Direction(pair, a, b), Direction(pair[::-1], b, a))

    def name(self, dialer):
        """Who dialed was not known when it did, since its process had just begun."""
        for way in self.directions:
            way.pair = tuple(dialer if name == "?" else name for name in way.pair)


class Wire:
    def __init__(self, seed=0):
        self._draw = random.Random(seed)
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake.setblocking(False)
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._addresses, self._targets, self._owners = {}, {}, {}
        self._rules, self._orders = {}, {}
        self._connections = set()
        self.counts = {}  # what was done to frames: ("cut", pair) -> how often; and ("bytes", pair)
        self._over, self._error = False, None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # who is who
    def add(self, name, target):
        """A node that will listen at `target`, HOST:PORT."""
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        listener.setblocking(False)
        host, port = target.rsplit(":", 1)
        with self._lock:
            self._targets[listener] = (name, (host, int(port)))
            self._addresses[name] = "127.0.0.1:%d" % listener.getsockname()[1]
            self._selector.register(listener, selectors.EVENT_READ, listener)
        self._nudge()

    def address(self, name):
        return self._addresses[name]

    def belongs(self, pid, name):
        with self._lock:
            self._owners[pid] = name

    # what is done; pairs are (from, to)
    def set(self, pairs, **rule):
        ensure(rule.keys() <= RULE.keys(), f"a wire knows {', '.join(RULE)}")
        with self._lock:
            for pair in pairs:
                self._rules[pair] = {**self._rules.get(pair, RULE), **rule}
        self._nudge()

    def split(self, pairs):
        self.set(pairs, stalled=True)

    def cut(self, pairs):
        self._order(pairs, "cut")

    def repeat(self, pairs):
        self._order(pairs, "repeat")

    def corrupt(self, pairs):
        self._order(pairs, "corrupt")

    def heal(self):
        with self._lock:
            self._rules.clear()
            self._orders.clear()
        self._nudge()

    def done(self, what, pairs=None):
        """How often that was done to these pairs; bytes are counted as "bytes"."""
        with self._lock:
            return sum(n for (w, pair), n in self.counts.items() if w == what and (pairs is None or pair in pairs))

    def close(self):
        self._over = True
        try:
            self._nudge()
        finally:
            self._thread.join()
            self._close_all()

    def _close_all(self):
        for end in [*self._targets, self._wake_in, *(end for c in self._connections for end in c.sockets)]:
            end.close()
        self._wake.close()
        self._selector.close()

    def _order(self, pairs, what):
        with self._lock:
            for pair in pairs:
                self._orders.setdefault(pair, deque()).append(what)
        self._nudge()

    def _nudge(self):
        if self._error:
            raise self._error
        try:
            self._wake.send(b".")
        except OSError:
            pass  # it is awake anyway

    # the loop
    def _run(self):
        try:
            self._loop()
        except Exception as error:  # told by the next call, in the thread of the test
            self._error = error

    def _loop(self):
        pause = None
        while not self._over:
            for key, ready in self._selector.select(pause):
                with self._lock:
                    if key.fileobj is self._wake_in:
                        self._wake_in.recv(4096)
                    elif key.data in self._targets:
                        self._accept(key.data)
                    elif key.data in self._connections:
                        self._serve(key.data, key.fileobj, ready)
            with self._lock:
                pause = self._turn()

    def _accept(self, listener):
        try:
            a, peer = listener.accept()
        except OSError:
            return
        name, target = self._targets[listener]
        ends = peer, a.getsockname()
        dialer = owner_of(*ends, self._owners)
        b = socket.socket()
        for end in (a, b):
            end.setblocking(False)
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        b.connect_ex(target)
        connection = Connection(a, b, ends, (dialer, name))
        self._connections.add(connection)
        for end in (a, b):
            self._selector.register(end, selectors.EVENT_WRITE if end is b else selectors.EVENT_READ, connection)

    def _serve(self, connection, end, ready):
        if end is connection.sockets[1] and not connection.open and ready & selectors.EVENT_WRITE:
            if end.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0:
                return self._reset(connection)
            connection.open = True
        if ready & selectors.EVENT_READ:
            way = connection.directions[connection.sockets.index(end)]
            if way.ended or way.size >= QUEUE_MAX:
                return
            try:
                block = end.recv(CHUNK)
            except BlockingIOError:
                return
            except OSError:
                return self._reset(connection)
            if not block:
                way.ended = True
            else:
                self._take(connection, way, block)

    def _take(self, connection, way, block):
        """Into the queue, with what was ordered for the next frame done to it."""
        if "?" in way.pair:
            connection.name(owner_of(*connection.ends, self._owners))
        orders = self._orders.get(way.pair)
        order = orders[0] if orders else None
        block, did = way.frames.apply(order, block, self._draw)
        if did:
            orders.popleft()
            self._count(order, way.pair)
        rule = self._rules.get(way.pair, RULE)
        due = time.monotonic() + rule["delay"] + rule["jitter"] * self._draw.random()
        way.last_due = due = max(due, way.last_due)
        way.queue.append((due, block))
        way.size += len(block)
        if did and order == "cut":
            way.queue.append((due, None))  # the reset, behind what went before

    def _turn(self):
        """Sends what is due; how long the loop may sleep."""
        now, pause = time.monotonic(), None
        for connection in list(self._connections):
            for way in connection.directions:
                wait = self._send(connection, way, now)
                if connection not in self._connections:
                    break
                if wait is not None:
                    pause = wait if pause is None else min(pause, wait)
            if connection in self._connections:
                self._listen(connection)
        return pause

    def _send(self, connection, way, now):
        rule = self._rules.get(way.pair, RULE)
        if rule["stalled"] or not connection.open:
            return None
        while way.queue:
            due, block = way.queue[0]
            if due > now:
                return due - now
            if block is None:
                return self._reset(connection)
            if rule["rate"]:
                way.allowance = min(rule["rate"] / 10, way.allowance + rule["rate"] * (now - way.filled))
                way.filled = now
                if way.allowance < 1:
                    return 0.02
            part = block[: int(way.allowance)] if rule["rate"] else block
            try:
                sent = way.target.send(part)
            except BlockingIOError:
                return 0.02 if rule["rate"] else None  # without a rate the selector says when
            except OSError:
                return self._reset(connection)
            way.allowance -= sent
            way.size -= sent
            self._count("bytes", way.pair, sent)
            way.queue.popleft()
            if sent < len(block):
                way.queue.appendleft((due, block[sent:]))
                if not rule["rate"]:
                    return None
        if way.ended and not way.closed:
            way.closed = True
            try:
                way.target.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            if all(w.closed for w in connection.directions):
                self._drop(connection)
        return None

    def _listen(self, connection):
        """Which readiness matters now: reading while there is room, writing while something is due."""
        now = time.monotonic()
        for i, end in enumerate(connection.sockets):
            into, out_of = connection.directions[1 - i], connection.directions[i]
            events = 0
            if not out_of.ended and out_of.size < QUEUE_MAX:
                events |= selectors.EVENT_READ
            rule = self._rules.get(into.pair, RULE)
            waits = into.queue and into.queue[0][0] <= now and not rule["stalled"] and not rule["rate"]
            if (i == 1 and not connection.open) or (connection.open and waits):
                events |= selectors.EVENT_WRITE
            self._watch(end, events, connection)

    def _watch(self, end, events, connection):
        known = self._selector.get_map().get(end)
        if known is None and events:
            self._selector.register(end, events, connection)
        elif known is not None and not events:
            self._selector.unregister(end)
        elif known is not None and known.events != events:
            self._selector.modify(end, events, connection)

    def _reset(self, connection):
        """Both sides see a reset, as from a host that has no such connection."""
        for end in connection.sockets:
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            except OSError:
                pass
        self._drop(connection)

    def _drop(self, connection):
        self._connections.discard(connection)
        for end in connection.sockets:
            self._watch(end, 0, connection)
            end.close()

    def _count(self, what, pair, by=1):
        self.counts[what, pair] = self.counts.get((what, pair), 0) + by


def in_table(address):
    return f"{socket.inet_aton(address[0])[::-1].hex().upper()}:{address[1]:04X}"


def owner_of(peer, here, owners):
    """Whose socket `peer` of the connection to `here` is, by the inode that /proc/net/tcp has for both addresses: one port
    may have another connection, or an old one, to elsewhere. "?" for a stranger."""
    wanted, inode = [in_table(peer), in_table(here)], None
    with open("/proc/net/tcp") as table:
        for line in table:
            fields = line.split()
            if fields[1:3] == wanted:
                inode = f"socket:[{fields[9]}]"
                break
    for pid, name in list(owners.items()) if inode else []:
        try:
            for number in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{number}") == inode:
                    return name
        except OSError:
            continue  # that process, or that file, is gone
    return "?"
