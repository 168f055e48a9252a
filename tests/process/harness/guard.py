"""Processes that end with the test, however the test ends: also by SIGKILL, from which nobody can clean up.

A second process holds the reading end of a pipe whose writing end is the test's. Each started process is written to it;
when the pipe ends, those that still run are killed. A pid counts only with its start time, so that one which the
system has given to somebody else since is left alone.
"""
import os
import signal
import subprocess
import sys
import threading


def started_at(pid):
    """The process's start in clock ticks since boot, or nothing: it is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return None if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return None


def end_all(lines):
    alive = {}
    for line in lines:
        word, pid, ticks = line.split()
        if word == "+":
            alive[pid] = ticks
        else:
            alive.pop(pid, None)
    for pid, ticks in alive.items():
        if started_at(pid) == ticks:
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass


class Guard:
    def __init__(self):
        self._lock = threading.Lock()
        self._running = {}
        self._watch = subprocess.Popen(
            [sys.executable, "-B", __file__], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )

    def spawn(self, words, **how):
        """A process of one's own: killed at the latest when the test ends."""
        process = subprocess.Popen(words, **how)
        self._tell("+", process.pid, started_at(process.pid) or 0)
        with self._lock:
            self._running[process.pid] = process
        return process

    def gone(self, process):
        """It was waited for, and its pid is free for others."""
        with self._lock:
            self._running.pop(process.pid, None)
        self._tell("-", process.pid, 0)

    def end(self, process):
        if process.poll() is None:
            process.kill()
        process.wait()
        self.gone(process)

    def end_all(self):
        with self._lock:
            left = list(self._running.values())
        for process in left:
            self.end(process)

    def _tell(self, word, pid, ticks):
        with self._lock:
            self._watch.stdin.write(f"{word} {pid} {ticks}\n".encode())
            self._watch.stdin.flush()

    def close(self):
        self.end_all()
        self._watch.stdin.close()
        self._watch.wait()


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end_all(sys.stdin.read().splitlines())
