"""Namespaces of the test's own, so that nothing which it mounts, names or cuts is seen by anybody else.

`apart("net", "mount")` runs the script again inside fresh namespaces; what it has made there vanishes with its last
process. Somebody who is not root gets them through a user namespace, where the system allows that.
"""
import os
import subprocess
import sys

from .ground import Skipped, needs

MARK = "HARNESS_APART"


def inside():
    return os.environ.get(MARK, "").split(",")


def apart(*kinds):
    """At the beginning of a script, before anything is started. Skipped where there is no right to."""
    if set(kinds) <= set(inside()):
        if "mount" in kinds:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        if "net" in kinds:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return
    needs("unshare", *(["ip", "nft", "nsenter"] if "net" in kinds else []))
    enter = ["unshare", *(f"--{kind}" for kind in kinds)]
    if os.geteuid() != 0:
        enter += ["--map-root-user"]
    tried = subprocess.run([*enter, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        raise Skipped(f"no right to namespaces ({', '.join(kinds)}): {tried.stderr.strip()}")
    os.environ[MARK] = ",".join(kinds)
    sys.stdout.flush()
    os.execvp(enter[0], [*enter, sys.executable, "-B", *sys.argv])
