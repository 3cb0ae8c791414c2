"""
Serving: answers over HTTP
==========================

Answer HTTP requests with a model, in processes that are forked after it was loaded.

The server is gunicorn (``pip install gunicorn``; the picture needs matplotlib), which
needs a system that can fork. This file is its configuration, too:

    gunicorn --config serving.py 'serving:create_app("model.safetensors")'

``python examples/serving.py`` trains a model, starts the server on a free port, sends
many requests, compares every answer with the model's prediction, and draws one answer
and the times of all.
"""

import argparse
import inspect
import json
import logging
import math
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, load_model, save_model

try:
    from gunicorn.workers.gthread import ThreadWorker
except ImportError:  # the application runs on other servers, too
    ThreadWorker = object

JSON, BINARY = "application/json", "application/octet-stream"
LIMIT = 2**20  # bytes of a request, or more if an image needs more as text
MOST_IMAGES = 1024  # in a request
SECONDS = 10  # that a client may take to send a request, or to read the answer


# The application ----------------------------------------------------------------------


def create_app(path):
    """Return the WSGI application that answers with the model in a file."""
    return Application(path)


class Application:
    """Answers with the model in a file; `reload` replaces it, if it can be loaded."""

    def __init__(self, path):
        self.path = path
        self.turn = threading.Lock()  # memory is needed for one prediction at a time
        self.load()

    def load(self):
        model = load_model(self.path)  # runs no code from the file
        # Before the fork: what cannot predict must end the server, not a request.
        to_json(predict(model, np.zeros((1, *model.input_shape_))))
        to_json(getattr(model, "classes_", np.empty(0)).tolist())
        self.limit = max(LIMIT, 32 * math.prod(model.input_shape_))
        self.model = model

    def reload(self):
        try:
            self.load()
        except (ValueError, TypeError, OSError, MemoryError) as error:
            logging.getLogger("gunicorn.error").error("the old model stays: %s", error)

    def __call__(self, environ, start_response):
        status, answer = self.respond(environ)
        body = to_json(answer)
        headers = [("Content-Type", JSON), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    def respond(self, environ):
        """Return the status and the answer to POST /predict, or an error."""
        if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("POST", "/predict"):
            return "404 Not Found", {"error": "POST images to /predict"}
        length = environ.get("CONTENT_LENGTH") or ""
        if not (length.isascii() and length.isdecimal()):  # or it is sent in chunks
            return "411 Length Required", {"error": "send a Content-Length"}
        if len(length) > 18 or int(length) > self.limit:
            words = f"send at most {self.limit} bytes"
            return "413 Content Too Large", {"error": words}
        content_type = (environ.get("CONTENT_TYPE") or "").partition(";")[0]
        read = READERS.get(content_type.strip().lower())
        encoding = environ.get("HTTP_CONTENT_ENCODING", "identity")
        if read is None or encoding.lower() != "identity":
            known = " or ".join(READERS)
            words = f"Content-Type must be {known}, without a Content-Encoding"
            return "415 Unsupported Media Type", {"error": words}
        body = read_body(environ["wsgi.input"], int(length))
        if len(body) < int(length):
            words = f"{len(body)} of {length} bytes came before the end, or in time"
            return "408 Request Timeout", {"error": words}
        model = self.model  # one, even if it is replaced now
        with self.turn:
            try:
                images = read(body, model)
                if len(images) > MOST_IMAGES:
                    words = f"send at most {MOST_IMAGES} images, got {len(images)}"
                    return "413 Content Too Large", {"error": words}
                return "200 OK", predict(model, images)
            except (TypeError, ValueError, OverflowError, RecursionError) as error:
                return "400 Bad Request", {"error": str(error)}


def predict(model, images):
    """Return what `predict` gives and, of a classifier, `predict_proba`."""
    answer = {"labels": model.predict(images).tolist()}
    if hasattr(model, "predict_proba"):
        answer["probabilities"] = model.predict_proba(images).tolist()
    return answer


def to_json(value):
    return json.dumps(value, allow_nan=False).encode()  # NaN is not JSON


def read_body(stream, length):
    """Return a body, as far as it comes: a client may end it, or be too slow."""
    parts = []
    while length > 0 and (part := stream.read(min(length, 2**16))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def read_json(body, model):
    """Read a list of images: rows of numbers, or nested as (h, w) or (h, w, c)."""
    images = json.loads(body)
    if not isinstance(images, list):
        kind = type(images).__name__
        raise TypeError(f"X must be an array, as lists of numbers, got {kind}")
    if len(images) > MOST_IMAGES:
        return images
    return [read_numbers(image, f"X[{i}]") for i, image in enumerate(images)]


def read_numbers(level, name):
    """Return nested lists as an array.

    NumPy would also take text, in which each value is as long as the longest.
    """
    level, shape = [level], []
    while level and isinstance(level[0], list):
        lengths = {len(part) if isinstance(part, list) else -1 for part in level}
        if len(lengths) > 1:
            raise ValueError(f"{name} must have rows of one length")
        shape += lengths
        level = list(chain.from_iterable(level))
    for value in level:
        if not (value is None or isinstance(value, int | float)):
            kind = "text" if isinstance(value, str) else type(value).__name__
            raise ValueError(f"X must hold numbers, got {kind} in {name}")
    return np.array(level, float).reshape(shape)


def read_binary(body, model):
    """Read images as little-endian float32, one after the other: no text to parse."""
    return np.frombuffer(body, "<f4").reshape(-1, *model.input_shape_)


READERS = {JSON: read_json, BINARY: read_binary}


# The server: settings that gunicorn takes from this file ------------------------------


class BoundedWorker(ThreadWorker):
    """A worker whose threads wait for clients, for each a limited time."""

    def init_process(self):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # not the server's handler
        release_signal()
        self.beginnings = {}
        threading.Thread(target=self.watch, daemon=True).start()
        super().init_process()

    def watch(self):
        """End the reading of a request and, later, the writing of an answer."""
        while True:
            time.sleep(SECONDS / 10)
            now = time.monotonic()
            for conn, beginning in self.beginnings.copy().items():
                late = now - beginning
                with suppress(OSError):
                    if late > 2 * SECONDS:
                        conn.sock.shutdown(socket.SHUT_RDWR)
                    elif late > SECONDS:
                        conn.is_late = True
                        conn.sock.shutdown(socket.SHUT_RD)

    def handle(self, conn):
        conn.is_late = conn.is_read = False
        self.beginnings[conn] = time.monotonic()
        try:
            result = super().handle(conn)
        finally:
            del self.beginnings[conn]
        # Until gunicorn 23 it is a pair. True or a mark keeps the connection.
        if (result[0] if isinstance(result, tuple) else result) is False:
            self.close(conn)
        return result

    def handle_request(self, req, conn):
        conn.is_read = True  # its head: the application answers
        return super().handle_request(req, conn)

    def close(self, conn):
        """Close a connection here: gunicorn would keep all others waiting for it.

        What the client still sends is dropped for a while. A reset would make it lose
        the answer.
        """
        end = time.monotonic() + 2
        with suppress(OSError):
            if conn.is_late and not conn.is_read:
                conn.sock.send(
                    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"
                )
            conn.sock.shutdown(socket.SHUT_WR)
            conn.sock.settimeout(1)
            while time.monotonic() < end and conn.sock.recv(2**16):
                pass
        conn.sock.close()


def hold_signal():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])


def release_signal():
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])


def on_starting(server):
    """Hold the signal to end until a new worker can take it.

    The server's handler, which a fork inherits, would lose it, and a reload waits 30 s
    for a worker that does not end.
    """
    os.register_at_fork(before=hold_signal, after_in_parent=release_signal)


def on_reload(server):
    """At SIGHUP load the file again, before new workers are forked."""
    server.app.wsgi().reload()


preload_app = True
worker_class = BoundedWorker
workers = 2
threads = 128  # that wait for clients; they predict one at a time
keepalive = 0  # seconds for another request: a thread is for one
forwarded_allow_ips = ""  # whose headers say where the request came in: nobody's


# Clients ------------------------------------------------------------------------------

HERE = Path(inspect.getfile(create_app)).parent  # a gallery has no __file__


@contextmanager
def serve(path, *options, workers=2, config=HERE / "serving.py"):
    """Start gunicorn with the model in a file; yield its process and its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        command = [
            *(sys.executable, "-m", "gunicorn", "--log-level", "warning"),
            *(("--config", str(config)) if config else ()),
            *("--chdir", str(HERE), "--bind"),
            *(f"fd://{listener.fileno()}", "--workers", str(workers), *options),
            f"serving:create_app({str(Path(path).resolve())!r})",
        ]
        process = subprocess.Popen(command, pass_fds=[listener.fileno()])
        address = listener.getsockname()
    try:
        yield process, address
    finally:
        process.terminate()
        process.wait()


def load_test(address, requests, clients):
    """Send (content type, body, expected answer), each client one at a time.

    Returns the seconds of each, the seconds of all together, and the number of wrong
    answers.
    """
    with ThreadPoolExecutor(clients) as pool:
        ask(address, *requests[0])  # is answered when the workers have started
        start = time.perf_counter()
        answers = list(pool.map(lambda request: ask(address, *request), requests))
        seconds = time.perf_counter() - start
    wrong = sum(not right for _, right in answers)
    return np.array([each for each, _ in answers]), seconds, wrong


def ask(address, content_type, body, expected):
    start = time.perf_counter()
    connection = HTTPConnection(*address, timeout=60)
    connection.request("POST", "/predict", body, {"Content-Type": content_type})
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    seconds = time.perf_counter() - start
    return seconds, (response.status, answer.get("probabilities")) == (200, expected)


def requests_of(X, clf, content_type, images=1):
    """Return requests of some images each, and the answers that the model gives."""
    parts = [X[start : start + images] for start in range(0, len(X), images)]
    write = {
        JSON: lambda part: json.dumps(part.tolist()).encode(),
        BINARY: lambda part: part.astype("<f4").tobytes(),
    }[content_type]
    return [
        (content_type, write(part), clf.predict_proba(part).tolist()) for part in parts
    ]


def draw(image, probabilities, times):
    """Draw an answer, and the times of all."""
    import matplotlib.pyplot as plt  # here, as the server does not need it

    figure, axes = plt.subplot_mosaic(
        [["asked", "answered"], ["took", "took"]],
        figsize=(5.2, 4.6),
        width_ratios=[2, 3],
        layout="constrained",
    )
    asked, answered, took = axes.values()
    asked.imshow(image, cmap="gray_r")
    asked.set(title="asked", xticks=[], yticks=[])
    answered.bar(range(len(probabilities)), probabilities)
    answered.set(
        title="answered", xlabel="digit", ylabel="probability", ylim=(0, 1),
        xticks=range(len(probabilities)),
    )  # fmt: skip
    milliseconds = 1e3 * np.array(list(times.values()))
    bins = np.geomspace(milliseconds.min(), milliseconds.max(), 40)
    for content_type, each in zip(times, milliseconds, strict=True):
        took.hist(each, bins, alpha=0.6, label=content_type)
    took.set(title="took", xlabel="ms", ylabel="requests", xscale="log")
    took.xaxis.set_major_formatter("{x:g}")
    took.xaxis.set_minor_formatter("{x:g}")
    took.set_ylim(top=1.4 * took.get_ylim()[1])  # for the legend
    took.legend()
    return figure


def main():
    parser = argparse.ArgumentParser(description="Serve a model under load.")
    parser.add_argument("--output", type=Path, help="folder for the picture")
    folder_of_picture = parser.parse_args().output
    for package in ("gunicorn", "matplotlib"):
        if find_spec(package) is None:
            sys.exit(f"this example needs {package}: pip install {package}")
    X, y = load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    clf = ConvNetClassifier(max_iter=3, random_state=0).fit(X, y)
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        save_model(clf, path)
        with serve(path) as (_, address):
            for content_type in READERS:
                requests = requests_of(X[:300], clf, content_type)
                each, seconds, wrong = load_test(address, requests, clients=4)
                times[content_type] = each
                median, slowest = 1e3 * np.percentile(each, [50, 99])
                print(
                    f"{content_type}: {len(each) / seconds:.0f} requests a second, "
                    f"median {median:.1f} ms, 99th percentile {slowest:.1f} ms, "
                    f"wrong answers: {wrong}"
                )
    # The server gave the same answers as the model, if no answer was wrong.
    figure = draw(X[0].reshape(8, 8), requests[0][2][0], times)
    if folder_of_picture:
        figure.savefig(folder_of_picture / "serving.png", dpi=130)


if __name__ == "__main__":
    main()
