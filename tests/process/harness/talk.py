"""A client that is a program: one JSON object a line on its standard input, one answer a line on its standard output.

{"id":7,"f":"read","key":"x"}  ->  {"id":7,"type":"ok","value":3}, or type fail or info with "why"

Answers may come in any order. What the program cannot answer any more, since it was killed, is unknown, and so is what
does not come in time; what could not even be handed over is certainly not done.

Beware    a program that does not read (a frozen one) fills the pipe after some thousand requests; then `ask` waits with it
"""
import json
import threading


class Talk:
    def __init__(self, process):
        self._in, self._out = process.stdin, process.stdout
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._answers, self._next, self._over = {}, 0, False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def ask(self, request, within):
        """The answer, a dict with "type"."""
        with self._lock:
            if self._over:
                return {"type": "fail", "why": "the client has ended"}
            self._next += 1
            number = self._next
            self._answers[number] = None
        try:
            line = (json.dumps({**request, "id": number}) + "\n").encode()
            self._in.write(line)  # a short line, whole in the pipe or not at all
            self._in.flush()
        except (OSError, ValueError):
            return {"type": "info", "why": "the client ended while it was asked"}
        with self._changed:
            self._changed.wait_for(lambda: self._answers[number] or self._over, within)
            return self._answers.pop(number) or {"type": "info", "why": "no answer in time"}

    def _read(self):
        for line in self._out:
            try:
                answer = json.loads(line)
            except ValueError:
                continue  # cut by a kill
            with self._changed:
                if answer.get("id") in self._answers:  # else it came too late, and who asked has gone on
                    self._answers[answer["id"]] = answer
                    self._changed.notify_all()
        with self._changed:
            self._over = True
            self._changed.notify_all()

    def ended(self):
        """Its process is gone: nothing is awaited from it any more."""
        self._reader.join(5)
        for end in (self._in, self._out):
            try:
                end.close()
            except OSError:
                pass
