"""Follows a link's frames through a stream of bytes, to do something to exactly one of them.

A frame is four bytes of length, little-endian, and so many more (patterns/link/frame.hpp).
"""


class Frames:
    HEADER = 6  # length, kind, flags

    def __init__(self):
        self._left = 0  # of the frame that the stream is in
        self._length = b""  # of a length that is not whole yet

    def apply(self, order, block, draw):
        """The block with `order` done to its first suitable frame, and whether it was: cut, repeat, corrupt, or None.

        A cut ends the block within a frame's body; who calls cuts the connection there.
        """
        bodies = self._walk(block)
        if order == "cut":
            for begin, end in bodies:
                if end - begin > 1:
                    return block[: draw.randint(begin + 1, end - 1)], True
        elif order == "corrupt":
            for begin, end in bodies:
                if end > begin:
                    at = draw.randrange(begin, end)
                    return block[:at] + bytes([block[at] ^ (1 << draw.randrange(8))]) + block[at + 1 :], True
        elif order == "repeat":
            for begin, end in bodies:
                start = begin - self.HEADER
                if start >= 0 and int.from_bytes(block[start : start + 4], "little") == end - start - 4:
                    return block[:end] + block[start:end] + block[end:], True
        return block, False

    def _walk(self, block):
        """(begin, end) of the frames' bodies within the block, as far as they lie in it."""
        bodies, at = [], 0
        while at < len(block):
            if self._left:
                take = min(self._left, len(block) - at)
                bodies.append((at, at + take))
                self._left -= take
                at += take
                continue
            need = 4 - len(self._length)
            self._length += block[at : at + need]
            at += min(need, len(block) - at)
            if len(self._length) == 4:
                self._left = int.from_bytes(self._length, "little")
                self._length = b""
        # kind and flags are no body, where they lie in this block
        return [(begin + 2, end) if begin + 2 <= end else (end, end) for begin, end in bodies]
