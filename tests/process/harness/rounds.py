"""Rounds with seeds, until their number or their time is up, and one line at the end.

usage of each script: NAME [--rounds N] [--seed S] [--nodes N] [--seconds T] [--keep]
    --rounds N    how many have to be proved; a void one is tried again with the next seed, three times a round
    --seed S      of the first round; the others follow. The same seed makes the same plan of faults
    --nodes N     how many nodes
    --seconds T   no round begins after so many seconds
    --keep        keep the files of rounds that passed, too
Ends with code 0 if rounds were proved and none failed; 77 if this machine cannot do it; else 1. The files of a failed
round stay in the folder that is named: logs, event logs, histories, the plan.
"""
import argparse
import copy
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time

from . import apart as namespaces
from .ground import Failed, Skipped, Void, complain, say
from .guard import Guard


class Breath:
    """Does this machine give us time? Notes when a thread that sleeps briefly woke late: no node was better off."""

    LATE = 0.7

    def __init__(self):
        self._pauses, self._end = [], threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        before = time.monotonic()
        while not self._end.wait(0.05):
            after = time.monotonic()
            if after - before > self.LATE:
                self._pauses.append((time.time_ns() - int((after - before) * 1e9), time.time_ns()))
            before = after

    def pauses(self):
        """(from, to) in wall nanoseconds, as event logs have them."""
        return list(self._pauses)

    def close(self):
        self._end.set()
        self._thread.join()


class Round:
    def __init__(self, seed, options, place):
        self.seed, self.options, self.place = seed, options, place
        self.guard, self.breath = Guard(), Breath()
        self.nodes = options.nodes
        self.draw = random.Random(seed)
        self.ports = random.Random()  # what is free is not decided by the seed
        self.cluster = None
        self._ends = []

    def path(self, name):
        return os.path.join(self.place, name)

    def say(self, text):
        say(f"  {text}")
        with open(self.path("timeline"), "a") as file:
            file.write(text + "\n")

    def part(self, name):
        """The same round with a folder of its own, for another cluster."""
        other = copy.copy(self)
        other.place = self.path(name)
        os.mkdir(other.place)
        return other

    def at_end(self, do):
        """When all processes are gone, however the round ends."""
        self._ends.append(do)

    def close(self):
        self.guard.close()
        self.breath.close()
        for do in reversed(self._ends):
            do()


def arguments(name, nodes, rounds, more):
    parser = argparse.ArgumentParser(prog=name, epilog="The rest stands in tests/process/harness/rounds.py.")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=int(os.environ.get("HARNESS_SEED", "1")))
    parser.add_argument("--nodes", type=int, default=nodes)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--keep", action="store_true")
    for words, how in more:
        parser.add_argument(words, **how)
    return parser.parse_args()


def attempt(name, one, seed, options, place):
    """One round: "passed", "failed" or "void"."""
    os.mkdir(place)
    r = Round(seed, options, place)
    outcome, why = "passed", ""
    try:
        one(r)
    except Void as error:
        outcome, why = "void", str(error)
    except Failed as error:
        outcome, why = "failed", str(error)
    except (Skipped, SystemExit):
        outcome = "cut short"
        raise
    finally:
        r.close()
        if outcome == "cut short" and not options.keep:
            shutil.rmtree(place, ignore_errors=True)
    say(f"{outcome}: {name}, seed {seed}{': ' + why if why else ''}")
    if outcome != "failed" and not options.keep:
        shutil.rmtree(place, ignore_errors=True)
    else:
        say(f"  (its files are in {place})")
    return outcome


def campaign(name, one, nodes=5, rounds=1, more=(), apart=()):
    """Runs the rounds of a script, in namespaces of its own where they are named, and ends the process."""
    options = arguments(name, nodes, rounds, more)
    try:
        wanted = apart(options) if callable(apart) else apart
        if wanted:
            namespaces.apart(*wanted)
    except Skipped as error:
        say(f"skipped: {error}")
        sys.exit(77)

    def interrupted(number, _):
        raise SystemExit(128 + number)  # through all that cleans up

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    os.environ["LC_ALL"] = "C"
    work = tempfile.mkdtemp(prefix="troupe-round.")
    count = {"passed": 0, "failed": 0, "void": 0}
    bad, began, seed = [], time.monotonic(), options.seed
    try:
        while count["passed"] + count["failed"] < options.rounds:
            if time.monotonic() - began > options.seconds or count["void"] >= 3 * options.rounds:
                break
            outcome = attempt(name, one, seed, options, os.path.join(work, str(seed)))
            count[outcome] += 1
            if outcome == "failed":
                bad.append(str(seed))
            seed += 1
    except Skipped as error:
        say(f"skipped: {error}")
        sys.exit(77)
    finally:
        try:
            os.rmdir(work)  # where nothing was kept
        except OSError:
            pass
    took = time.monotonic() - began
    say(
        f"{name}: {count['passed']} passed, {count['failed']} failed, {count['void']} void in {took:.0f} s; "
        f"seeds from {options.seed}{', failed: ' + ' '.join(bad) if bad else ''}"
    )
    if count["passed"] == 0 and not bad:
        complain("nothing was proved: every round was void")
    sys.exit(1 if bad or count["passed"] == 0 else 0)
