"""
Serving: answers over HTTP
==========================

Answer HTTP requests with a model, in processes that are forked after it was loaded.

The server is gunicorn (``pip install gunicorn``; the picture needs matplotlib), which
needs a system that can fork:

    gunicorn --preload --workers 2 'serving:create_app("model.safetensors")'

``python examples/serving.py`` trains a model, starts the server on a free port, sends
many requests, compares every answer with the model's prediction, and draws one answer
and the times of all.
"""

import argparse
import inspect
import json
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from skconv import ConvNetClassifier, load_model, save_model

JSON, BINARY = "application/json", "application/octet-stream"
LIMIT = 2**24  # bytes of a request


def create_app(path):
    """Return the WSGI application that answers with the model in a file."""
    clf = load_model(path)  # runs no code from the file
    # Before the fork: a model that cannot predict must end the server, not a request.
    clf.predict_proba(np.zeros((1, *clf.input_shape_)))

    def app(environ, start_response):
        status, answer = respond(clf, environ)
        body = json.dumps(answer).encode()
        headers = [("Content-Type", JSON), ("Content-Length", str(len(body)))]
        start_response(status, headers)
        return [body]

    return app


def respond(clf, environ):
    """Return the status and the answer to POST /predict, or an error."""
    if (environ["REQUEST_METHOD"], environ["PATH_INFO"]) != ("POST", "/predict"):
        return "404 Not Found", {"error": "POST images to /predict"}
    if not environ.get("CONTENT_LENGTH"):
        return "411 Length Required", {"error": "send a Content-Length"}
    length = int(environ["CONTENT_LENGTH"])
    if length > LIMIT:
        return "413 Content Too Large", {"error": f"send at most {LIMIT} bytes"}
    read = READERS.get(environ.get("CONTENT_TYPE"))
    if read is None:
        known = " or ".join(READERS)
        return "415 Unsupported Media Type", {"error": f"Content-Type must be {known}"}
    try:
        images = read(environ["wsgi.input"].read(length), clf)
        probabilities = clf.predict_proba(images)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return "400 Bad Request", {"error": str(error)}
    labels = clf.classes_[probabilities.argmax(axis=1)]
    return "200 OK", {
        "labels": labels.tolist(),
        "probabilities": probabilities.tolist(),
    }


def read_json(body, clf):
    """Read a list of images: rows of numbers, or nested as (h, w) or (h, w, c)."""
    return json.loads(body)


def read_binary(body, clf):
    """Read images as little-endian float32, one after the other: no text to parse."""
    return np.frombuffer(body, "<f4").reshape(-1, *clf.input_shape_)


READERS = {JSON: read_json, BINARY: read_binary}
HERE = Path(inspect.getfile(create_app)).parent  # a gallery has no __file__


@contextmanager
def serve(path, *options, workers=2):
    """Start gunicorn with the model in a file; yield its process and its address."""
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        command = [
            *(sys.executable, "-m", "gunicorn", "--log-level", "warning"),
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
        with serve(path, "--preload") as (_, address):
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
