"""A small disk under a node: filled, freed, made read-only. A tmpfs in a mount namespace of the test's own, so it needs
apart("mount"); fullness is the kernel's own, and nothing in a node is told that it is tried.

    disk = Disk(r, "n2", mebibytes=8)
    Cluster(r, 3, data={"n2": disk.path("data")})
    disk.fill(); disk.free()
"""
import errno
import os
import subprocess

from .apart import inside
from .ground import Failed, ensure


class Disk:
    def __init__(self, round, name, mebibytes):
        ensure("mount" in inside(), "a disk wants a mount namespace of its own: campaign(..., apart=['mount'])")
        self.root = round.path(f"disk-{name}")
        self._ballast = os.path.join(self.root, "ballast")
        os.mkdir(self.root)
        self._mount("-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", self.root)
        round.at_end(self.close)

    def path(self, name):
        return os.path.join(self.root, name)

    def fill(self, leave=0):
        """Until nothing but `leave` bytes fits on it."""
        with open(self._ballast, "ab", buffering=0) as file:
            size = 1 << 20
            while size:
                try:
                    file.write(b"\0" * size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise Failed(f"{self._ballast}: {error}") from None
                    size //= 2
            if leave:
                file.truncate(max(0, file.tell() - leave))

    def free(self):
        try:
            os.remove(self._ballast)
        except FileNotFoundError:
            pass

    def left(self):
        space = os.statvfs(self.root)
        return space.f_bavail * space.f_frsize

    def read_only(self):
        """What has files open for writing keeps the kernel from it: then Failed says so."""
        self._mount("-o", "remount,ro", self.root)

    def writable(self):
        self._mount("-o", "remount,rw", self.root)

    def close(self):
        subprocess.run(["umount", "-l", self.root], capture_output=True)

    @staticmethod
    def _mount(*words):
        done = subprocess.run(["mount", *words], capture_output=True, text=True)
        ensure(done.returncode == 0, f"mount {' '.join(words)}: {done.stderr.strip()}")
