"""Attack examples/serving.py with honest, hostile and slow clients at once.

    python -m tests.attacks clients --n 20000

Thirty-two clients send n requests. Half of them are honest, and compare each answer with
the model's. The hostile ones send what is malformed, or large, or a lie, and must get a
status of 4xx; the slow ones send or read a byte now and then, and must be let go in time.
Meanwhile workers are killed, and the file is replaced by another model or by nonsense and
loaded again. The memory of workers is bounded, and the log has no traceback.
"""

import collections
import json
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from http.client import HTTPException
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2]))
from examples import serving
from skconv import ConvNetClassifier, save_model
from tests.attacks.resources import memory_of

HONEST, HOSTILE, SLOW = 16, 8, 8
MEMORY = 2**20 * 128 + 2**27  # of a worker, beyond what it begins with
PATIENCE = 3 * serving.SECONDS + 5  # seconds, of any request


def request(body, content_type=serving.JSON, length=None, **headers):
    """Return the bytes of a request; `length` may lie."""
    headers = {
        "Content-Type": content_type,
        "Content-Length": len(body) if length is None else length,
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    lines = "".join(f"{k}: {v}\r\n" for k, v in headers.items() if v is not None)
    return f"POST /predict HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode() + body


def chunked(size, count):
    body = b"%x\r\n%s\r\n" % (size, b"1" * size) * count
    return request(body, length=None, Transfer_Encoding="chunked").replace(
        b"Content-Length: %d\r\n" % len(body), b""
    )


def row(value):
    return b"[[" + b", ".join([value] * 64) + b"]]"


# What is sent; each must be answered with 4xx, a header that is no HTTP at least closed.
BODIES = {
    "objects": b"[[" + b",".join([b"{}"] * 64) + b"]]",
    "one object": b'[{"a": 1, "a": 2}]',
    "an object": b'{"images": [[1]]}',
    "lists": b"[" * 64 + b"]" * 64,
    "deep": b"[" * 200_000,
    "deep and closed": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "text": b'["' + b"a" * 120_000 + b'"]',
    "texts": json.dumps([["a" * 120_000] + ["b"] * 63]).encode(),
    "long texts": json.dumps([["a" * 360_000] + ["b"] * 63] * 2).encode(),
    "texts for images": json.dumps(["a" * 360_000, "b"]).encode(),
    "many empty": b"[" + b"[]," * 80_000 + b"[]]",
    "many of one": b"[" + b"[1]," * 50_000 + b"[1]]",
    "wide": b"[[" + b"1," * 100_000 + b"1]]",
    "many objects": b"[[" + b"{}," * 80_000 + b"{}]]",
    "ragged": b"[[1,2],[3]]",
    "ragged inside": b"[[[1],[2,3]]]",
    "mixed": b"[[1,[2]]]",
    "nothing": b"",
    "no image": b"[]",
    "empty image": b"[[]]",
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "not finite": row(b"NaN"),
    "infinite": row(b"-Infinity"),
    "too large": row(b"1e39"),
    "overflows": row(b"3e38"),
    "beyond float64": row(b"1e999"),
    "long integers": row(b"9" * 4000),
    "longer integers": row(b"9" * 5000),
    "nulls": row(b"null"),
    "numbers as text": row(b'"1"'),
    "utf-16": json.dumps([[0.5] * 63]).encode("utf-16"),
    "no text": bytes(range(256)),
    "half a surrogate": b'["\\ud800"]',
}
REQUESTS = {
    **{name: request(body) for name, body in BODIES.items()},
    "as many lists": request(b"[" + b"[]," * 340_000 + b"[]]"),
    "as many numbers": request(b"[[" + b"1," * 520_000 + b"1]]"),
    "as many fractions": request(b"[[" + b"1e1," * 260_000 + b"1]]"),
    "as many objects": request(b"[[" + b"{}," * 340_000 + b"{}]]"),
    "as many texts": request(b"[[" + b'"a",' * 260_000 + b"1]]"),
    "binary of another length": request(b"\0" * 7, serving.BINARY),
    "binary NaN": request(np.full(64, np.nan, "<f4").tobytes(), serving.BINARY),
    "binary overflow": request(np.full(64, 3e38, "<f4").tobytes(), serving.BINARY),
    "too many images": request(b"\0" * 256 * 1025, serving.BINARY),
    "of no type": request(row(b"1"), None),
    "of another type": request(row(b"1"), "text/html"),
    "compressed": request(row(b"1"), Content_Encoding="gzip"),
    "large": request(b"1" * (serving.LIMIT + 1)),
    "much too large": request(b"1" * 2**25),
    "length beyond numbers": request(b"", length="9" * 5000),
    "length below 0": request(b"1", length=-1),
    "length with a sign": request(b"[]", length="+2"),
    "length in words": request(b"1", length="two"),
    "two lengths": request(b"[]", content_length="3"),
    "no length": request(b"", length=None).replace(b"Content-Length: 0\r\n", b""),
    "in chunks": chunked(1000, 10),
    "in many chunks": chunked(65536, 500),
    "another path": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    "another method": b"DELETE /predict HTTP/1.1\r\nHost: a\r\n\r\n",
    "another place": request(b"").replace(b"Host:", b"SCRIPT_NAME: /a\r\nHost:"),
    "no HTTP": b"\x16\x03\x01 hello\r\n\r\n",
    "long line": b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
    "many headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 10_000 + b"\r\n",
}
CUT = "cut short"  # fewer bytes than it says; the client then closes its side


def send(address, data, half_close=False, seconds=PATIENCE):
    """Send bytes; return the status of the answer, or how it ended."""
    with socket.create_connection(address, timeout=seconds) as connection:
        try:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the answer came before
        return read_status(connection)


def read_status(connection):
    try:
        answer = connection.makefile("rb").read()
    except TimeoutError:
        return "waited for too long"
    except ConnectionResetError:
        return "reset"
    if not answer:
        return "closed"
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"Traceback" in body:
        return "Traceback"
    return int(head.split()[1])


def trickle(address, rng, ended):
    """Be slow, in one of some ways; return how it ended, and after which time."""
    image = request(row(b"0.5"))
    way = rng.choice(["idle", "head", "body", "answer", "abandoned"])
    start = time.monotonic()
    with socket.create_connection(address, timeout=PATIENCE) as connection:
        if way == "answer":  # of megabytes, which nobody reads
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            images = request(b"\0" * 256 * 1024, serving.BINARY)
            connection.sendall(images)
            ended.wait(rng.uniform(1, 25))
            return way, "left", time.monotonic() - start
        if way == "abandoned":
            connection.sendall(image[: rng.randrange(len(image))])
            ended.wait(rng.uniform(0, 3))
            return way, "left", time.monotonic() - start
        begin = image.index(b"\r\n\r\n") + 4 if way == "body" else 0
        connection.sendall(image[:begin])
        connection.settimeout(0.5)
        for k in range(begin, len(image)):
            if ended.is_set():
                return way, "left", time.monotonic() - start
            try:
                if way != "idle":
                    connection.sendall(image[k : k + 1])
                if connection.recv(1, socket.MSG_PEEK) == b"":
                    break
                connection.settimeout(PATIENCE)
                return way, read_status(connection), time.monotonic() - start
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        return way, "closed", time.monotonic() - start


class Attack:
    """What clients share: the server's address, the requests left, and the outcomes."""

    def __init__(self, address, process, path, n, seed):
        self.address, self.process, self.path = address, process, path
        self.left, self.seed = n, seed
        self.outcomes, self.times = collections.Counter(), []
        self.problems, self.lock = [], threading.Lock()
        self.answers = None
        self.most_memory, self.slowest = 0, 0.0
        self.kills, self.last_kill = 0, -np.inf

    def take(self):
        """Return whether there is a request left, and take it."""
        with self.lock:
            self.left -= 1
            return self.left >= 0 and len(self.problems) < 10

    def count(self, name):
        with self.lock:
            self.outcomes[name] += 1

    def broken_by_a_kill(self, start):
        return self.kills and self.last_kill > start - 1

    def be_honest(self, k, X):
        rng = random.Random(f"{self.seed} honest {k}")
        while self.take():
            start = time.monotonic()
            i, size = rng.randrange(len(X) - 8), rng.randrange(1, 8)
            kind = rng.choice(list(serving.READERS))
            part = X[i : i + size]
            body = part.tobytes() if kind == serving.BINARY else None
            body = body or json.dumps(part.tolist()).encode()
            try:
                answer = ask(self.address, kind, body)
            except (OSError, HTTPException) as error:
                killed = self.broken_by_a_kill(start)
                self.count("honest, its worker was killed" if killed else "honest, no")
                if not killed:
                    self.problems.append(f"honest: {error!r}")
                continue
            right = [
                answer
                == {"labels": labels[i : i + size], "probabilities": p[i : i + size]}
                for labels, p in self.answers
            ]
            self.times.append(time.monotonic() - start)
            self.count("honest, right" if any(right) else "honest, wrong")
            if not any(right):
                self.problems.append(f"a wrong answer for {i}: {answer}"[:300])

    def be_hostile(self, k):
        rng = random.Random(f"{self.seed} hostile {k}")
        while self.take():
            name = rng.choice([*REQUESTS, CUT])
            start = time.monotonic()
            half = name == CUT
            data = request(row(b"1"), length=1000) if half else REQUESTS[name]
            try:
                status = send(self.address, data, half)
            except OSError as error:
                status = repr(error)
            took = time.monotonic() - start
            is_right = isinstance(status, int) and 400 <= status < 500
            is_right |= name == "in chunks" and status == 501
            if self.broken_by_a_kill(start) and not isinstance(status, int):
                self.count("hostile, its worker was killed")
            elif not is_right:
                self.problems.append(f"{name}: {status} after {took:.1f} s")
            else:
                self.count(f"hostile, {status}")

    def be_slow(self, k, ended):
        rng = random.Random(f"{self.seed} slow {k}")
        while not ended.is_set():
            start = time.monotonic()
            try:
                way, how, took = trickle(self.address, rng, ended)
            except OSError as error:
                way, how, took = "slow", repr(error), time.monotonic() - start
            self.count(f"slow {way}, {how}")
            self.slowest = max(self.slowest, took)
            if how in (200, "waited for too long"):
                self.problems.append(f"slow {way}: {how} after {took:.1f} s")

    def workers(self):
        return children(self.process.pid)

    def disturb(self, ended, models):
        """Kill workers, replace the file, and look at their memory."""
        rng = random.Random(f"{self.seed} disturb")
        while not ended.wait(0.2):
            for pid in self.workers():
                self.most_memory = max(self.most_memory, memory_of(pid))
            if rng.random() < 0.03 and self.workers():
                self.last_kill = time.monotonic()
                self.kills += 1
                os.kill(rng.choice(self.workers()), signal.SIGKILL)
            elif rng.random() < 0.03:
                broken = b"nonsense" if rng.random() < 0.5 else None
                temporary = self.path.with_suffix(".new")
                temporary.write_bytes(broken or rng.choice(models))
                os.replace(temporary, self.path)
                self.process.send_signal(signal.SIGHUP)
                self.count("reloads of nonsense" if broken else "reloads")


def ask(address, content_type, body):
    connection = serving.HTTPConnection(*address, timeout=PATIENCE)
    try:
        headers = {"Content-Type": content_type}
        connection.request("POST", "/predict", body, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def children(pid):
    """Return the processes that a process has started, here its workers."""
    return [
        int(child)
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    ]


def attack(n, seed, folder):
    """Let clients send `n` requests; return the attack, which has the outcomes."""
    rng = np.random.default_rng(seed)
    X = rng.random((200, 8, 8), np.float32)
    path, models, answers = folder / "model.safetensors", [], []
    for k in (1, 0):
        clf = ConvNetClassifier(filters=(4,), max_iter=2, random_state=k)
        clf.fit(X, np.array(["a", "bc", "d"])[np.arange(200) % 3])
        save_model(clf, path)
        models.append(path.read_bytes())
        answers.append((clf.predict(X).tolist(), clf.predict_proba(X).tolist()))
    log = folder / "log"
    with serving.serve(path, "--error-logfile", str(log)) as (process, address):
        it = Attack(address, process, path, n, seed)
        it.answers = answers
        ask(address, serving.BINARY, X[:1].tobytes())
        first = max(map(memory_of, it.workers()))
        ended = threading.Event()
        run = [(it.be_honest, k, X) for k in range(HONEST)]
        run += [(it.be_hostile, k) for k in range(HOSTILE)]
        others = [(it.be_slow, k, ended) for k in range(SLOW)]
        others.append((it.disturb, ended, models))
        clients, slow = ([threading.Thread(target=f, args=a) for f, *a in group]
                         for group in (run, others))  # fmt: skip
        for thread in slow + clients:
            thread.start()
        for thread in clients:
            thread.join()
        ended.set()
        for thread in slow:
            thread.join()
    words = log.read_text() if log.exists() else ""
    it.grown = it.most_memory - first
    assert not it.problems, "\n".join(it.problems[:20])
    assert "Traceback" not in words, words[-5000:]
    assert it.grown < MEMORY, f"a worker grew by {it.grown / 2**20:.0f} MB"
    return it


def main(n, seed):
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        it = attack(n, seed, Path(folder))
    median, slowest = 1e3 * np.percentile(it.times, [50, 99])
    print(
        f"finished, {n} requests in {time.monotonic() - start:.0f} s; honest answers "
        f"took {median:.0f} ms, the 99th percentile {slowest:.0f} ms, the longest "
        f"{max(it.times):.1f} s; workers killed: {it.kills}; a worker grew by "
        f"{it.grown / 2**20:.0f} MB at most; slow clients were held {it.slowest:.0f} s "
        f"at most; {dict(sorted(it.outcomes.items()))}"
    )
