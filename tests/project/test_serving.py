"""The answers of examples/serving.py; the example itself puts a server under load."""

import io
import json
import os
import pickle
import re
import signal
import socket
import sys
import time
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from seeds import SEED

from examples import serving
from skconv import ConvNetClassifier, ConvNetRegressor, load_model, save_model
from tests.attacks import clients, load


@pytest.fixture(scope="module")
def clf(digits):
    X, _, y, _ = digits
    names = np.array([f"a {digit}" for digit in range(10)])
    return ConvNetClassifier(filters=(8,), max_iter=2, random_state=SEED).fit(
        X, names[y]
    )


@pytest.fixture(scope="module")
def app(clf, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(clf, path)
    return serving.create_app(path)


def test_server_ends_before_it_answers_if_the_file_is_no_model(tmp_path):
    path = tmp_path / "model.safetensors"
    path.write_bytes(pickle.dumps(ConvNetClassifier()))
    with pytest.raises(ValueError, match="model.safetensors' cannot be loaded"):
        serving.create_app(path)


def ask(app, body, content_type=serving.JSON, **more):
    """Return the status and the answer, as a server would get them."""
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/predict",
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **more,
    }
    sent = []
    body = b"".join(app(environ, lambda *words: sent.append(words)))
    [(status, headers)] = sent
    assert dict(headers)["Content-Length"] == str(len(body))
    return status, json.loads(body)


@pytest.mark.parametrize("content_type", serving.READERS)
@pytest.mark.parametrize("images", [1, 3])
def test_answers_equal_the_predictions_of_the_model(
    content_type, images, app, clf, digits
):
    X = digits[1][: 2 * images].astype(np.float32)
    requests = serving.requests_of(X, clf, content_type, images)
    assert len(requests) == 2
    for k, (_, body, expected) in enumerate(requests):
        status, answer = ask(app, body, content_type)
        part = X[k * images :][:images]
        assert (status, answer["probabilities"]) == ("200 OK", expected)
        assert answer["labels"] == clf.predict(part).tolist()
        assert set(answer) == {"labels", "probabilities"}
        assert np.array_equal(np.float32(expected), clf.predict_proba(part))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"[[0, 1]]", "X has 2 features, but ConvNetClassifier is expecting 64"),
        (b"", "Expecting value"),
        (b"[", "Expecting value"),
        (b"\xff", "can't decode|invalid"),
        (b"{}", "X must be an array, .* got dict"),
        (b'"text"', "X must be an array, .* got str"),
        (b"[[[1], [2, 3]]]", r"X\[0\] must have rows of one length"),
        (b"[" * 100_000, "recursion"),
        (b"[[" + b"NaN, " * 63 + b"0]]", "contains NaN"),
        (b"[[" + b"1e999, " * 63 + b"0]]", "infinity"),
        (b"[[" + b'"a", ' * 63 + b"0]]", "X must hold numbers, got text"),
        (b"[[" + b"null, " * 63 + b"0]]", "contains NaN"),
        (b"[[1" + b"0" * 400 + b", 1" * 63 + b"]]", "int too large"),
        (b"[]", "Found array with 0 sample"),
    ],
)
def test_invalid_image_is_refused(body, words, app):
    status, answer = ask(app, body)
    assert status == "400 Bad Request"
    assert re.search(words, answer["error"])


def test_bytes_that_are_no_images_are_refused(app):
    for body in (b"\0" * 7, b"\0" * 8, b""):
        status, _ = ask(app, body, serving.BINARY)
        assert status == "400 Bad Request"


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"PATH_INFO": "/"}, "404 Not Found"),
        ({"REQUEST_METHOD": "GET"}, "404 Not Found"),
        ({"CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"CONTENT_LENGTH": str(2**24 + 1)}, "413 Content Too Large"),
        ({"CONTENT_TYPE": "text/plain"}, "415 Unsupported Media Type"),
    ],
)
def test_invalid_request_is_refused(more, status, app):
    got, answer = ask(app, b"[]", **more)
    assert got == status
    assert answer["error"]


# Every kind of target ----------------------------------------------------------------

Y = np.arange(60) % 3
TARGETS = {
    "int": Y * 10 - 5,
    "float": Y * 1.0,
    "text": np.array(["a", "b\N{SNOWMAN}", '"'])[Y],
    "objects": np.array(["a", "b", "c"], object)[Y],
    "bool": Y > 0,
    "two texts": np.array(["no", "yes"])[(Y > 0).astype(int)],
    "labels": np.c_[Y > 0, Y == 1, Y == 2].astype(int),
    "one label": (Y > 0).astype(int)[:, None],
    "number": Y * 1.5,
    "column": Y[:, None] * 1.5,
    "numbers": np.c_[Y, -Y] * 1.5,
    "counts": Y,
}


def fit(kind, X):
    params = {"filters": (4,), "max_iter": 2, "random_state": SEED}
    if kind in ("number", "column", "numbers", "counts"):
        params["loss"] = "poisson" if kind == "counts" else "squared_error"
        return ConvNetRegressor(**params).fit(X, TARGETS[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ConvNetClassifier(**params).fit(X, TARGETS[kind])


@pytest.mark.parametrize("content_type", serving.READERS)
@pytest.mark.parametrize("kind", TARGETS)
def test_labels_are_those_of_predict_for_every_kind_of_target(
    kind, content_type, tmp_path
):
    X = np.random.default_rng(SEED).random((60, 8, 8)).astype(np.float32)
    model = fit(kind, X)
    # Outputs around 0, where probabilities are all but equal.
    output = model.network_.arrays["output.kernel"]
    output *= np.float32(1e-9)
    model.network_.arrays["output.bias"][...] = 0
    save_model(model, tmp_path / "model.safetensors")
    app = serving.create_app(tmp_path / "model.safetensors")
    body = X.tobytes()
    if content_type == serving.JSON:
        body = json.dumps(X.tolist()).encode()
    status, answer = ask(app, body, content_type)
    assert status == "200 OK"
    assert answer["labels"] == model.predict(X).tolist()
    assert ("probabilities" in answer) == hasattr(model, "predict_proba")
    if "probabilities" in answer:
        assert answer["probabilities"] == model.predict_proba(X).tolist()


def test_answers_are_json_that_others_can_read(app, digits):
    X = digits[1][:2].copy()
    X[1] = 3e38
    for content_type, body in [
        (serving.JSON, json.dumps(X.tolist()).encode()),
        (serving.BINARY, X.astype("<f4").tobytes()),
    ]:
        status, answer = ask(app, body, content_type)
        assert status == "400 Bad Request"
        assert (
            "infinite or NaN for 1 of 2 samples, first in sample 1" in answer["error"]
        )


# Hostile requests --------------------------------------------------------------------


@pytest.mark.parametrize("name", clients.BODIES)
def test_hostile_body_is_refused_in_little_memory_and_time(name, app):
    body = clients.BODIES[name]
    tracemalloc.start()
    start = time.process_time()
    try:
        status, answer = ask(app, body)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert status.startswith("4")
    assert 0 < len(answer["error"]) < 500
    assert peak < 50 * serving.LIMIT
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"CONTENT_TYPE": "application/json; charset=utf-8"}, "200"),
        ({"CONTENT_TYPE": "Application/JSON"}, "200"),
        ({"HTTP_CONTENT_ENCODING": "identity"}, "200"),
        ({"HTTP_CONTENT_ENCODING": "gzip"}, "415"),
        ({"CONTENT_TYPE": None}, "415"),
        ({"CONTENT_TYPE": "application/json,application/json"}, "415"),
        ({"CONTENT_LENGTH": None}, "411"),
        ({"CONTENT_LENGTH": "-1"}, "411"),
        ({"CONTENT_LENGTH": "+1"}, "411"),
        ({"CONTENT_LENGTH": "1_0"}, "411"),
        ({"CONTENT_LENGTH": "\N{SUPERSCRIPT TWO}"}, "411"),
        ({"CONTENT_LENGTH": "9" * 5000}, "413"),
        ({"CONTENT_LENGTH": "100000"}, "408"),
    ],
)
def test_headers_that_lie_or_vary(more, status, app):
    body = clients.row(b"0.5")
    assert ask(app, body, **more)[0].startswith(status)


def test_too_many_images_are_refused(app):
    images = b"\0" * 256 * serving.MOST_IMAGES
    assert ask(app, images, serving.BINARY)[0] == "200 OK"
    assert ask(app, images + b"\0" * 256, serving.BINARY)[0].startswith("413")
    body = b"[" + b"1," * serving.MOST_IMAGES + b"1]"
    assert ask(app, body)[0].startswith("413")


def test_one_large_image_is_taken(tmp_path):
    X = np.random.default_rng(SEED).random((4, 120, 110, 3)) - 0.5
    clf = ConvNetClassifier(filters=(2,), max_iter=1).fit(X, [0, 1, 0, 1])
    save_model(clf, tmp_path / "model.safetensors")
    app = serving.create_app(tmp_path / "model.safetensors")
    body = json.dumps((X[:1] * 1e-5).tolist()).encode()
    assert 2**19 < len(body) < app.limit > serving.LIMIT
    assert ask(app, body)[1]["labels"] == clf.predict(X[:1] * 1e-5).tolist()
    assert ask(app, b" " * app.limit + b"1")[0].startswith("413")


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_broken_file_on_reload_leaves_the_old_model(content, clf, digits, tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(clf, path)
    app = serving.create_app(path)
    body, expected = digits[1][:1].astype("<f4").tobytes(), ask_model(clf, digits)
    path.unlink() if content is None else path.write_bytes(content)
    app.reload()
    assert ask(app, body, serving.BINARY)[1]["probabilities"] == expected
    other = load_model_of(app, clf, digits, path)
    assert ask(app, body, serving.BINARY)[1]["probabilities"] == other != expected


def ask_model(clf, digits):
    return clf.predict_proba(digits[1][:1].astype(np.float32)).tolist()


def load_model_of(app, clf, digits, path):
    """Replace the file by another model, load it, and return what that predicts."""
    save_model(clf, path)
    other = load_model(path)
    other.partial_fit(digits[0], clf.classes_[digits[2]])
    save_model(other, path)
    app.reload()
    return ask_model(other, digits)


def test_labels_that_are_no_json_end_the_server_before_it_answers(tmp_path):
    X = np.random.default_rng(SEED).random((60, 8, 8))
    clf = fit("int", X)
    clf.classes_ = np.array([1, 2, np.inf])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving, "load_model", lambda path: clf)
        with pytest.raises(ValueError, match="JSON compliant"):
            serving.create_app(tmp_path)


# A server ----------------------------------------------------------------------------


@pytest.fixture
def server(clf, tmp_path):
    pytest.importorskip("gunicorn", reason="the server of the example")
    path, log = tmp_path / "model.safetensors", tmp_path / "log"
    save_model(clf, path)
    with serving.serve(path, "--error-logfile", str(log)) as (process, address):
        clients.send(address, b"GET / HTTP/1.0\r\n\r\n")  # the workers have started
        yield process, address, path
    assert "Traceback" not in log.read_text()


@pytest.mark.slow
def test_clients_that_are_slow_do_not_stop_others(server, clf, digits):
    _, address, _ = server
    requests = serving.requests_of(digits[1][:20].astype(np.float32), clf, serving.JSON)
    slow = [socket.create_connection(address) for _ in range(100)]
    for k, each in enumerate(slow):
        head = clients.request(requests[0][1])
        each.sendall(head[: len(head) - 1] if k % 2 else head[: k % 50])
    each, _, wrong = serving.load_test(address, requests, clients=4)
    assert not wrong
    assert each.max() < 5
    ends = [clients.read_status(connection) for connection in slow if connection]
    assert set(ends) <= {408, "closed"}
    assert ends.count(408) >= 90
    for connection in slow:
        connection.close()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs the signal SIGHUP")
def test_reload_takes_a_new_file_and_no_broken_one(server, clf, digits):
    process, address, path = server
    body = digits[1][:1].astype("<f4").tobytes()

    def answer():
        return clients.ask(address, serving.BINARY, body)["probabilities"]

    def wait_for(expected):
        end = time.monotonic() + 20
        while answer() != expected and time.monotonic() < end:
            time.sleep(0.1)
        return answer() == expected

    old = ask_model(clf, digits)
    broken = path.with_name("broken")
    broken.write_bytes(path.read_bytes()[:-1])
    os.replace(broken, path)
    process.send_signal(signal.SIGHUP)
    time.sleep(2)
    assert answer() == old
    save_model(clf, path)
    other = load_model(path).partial_fit(digits[0], clf.classes_[digits[2]])
    save_model(other, path)
    process.send_signal(signal.SIGHUP)
    assert wait_for(ask_model(other, digits))


SLOW = f"""
import sys, time
sys.path.insert(0, {str(serving.HERE)!r})
from serving import *

def post_fork(server, worker):
    time.sleep(worker.age == 2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs the signal SIGHUP")
def test_worker_that_has_not_begun_ends_at_a_reload(clf, tmp_path):
    """Or the server would wait 30 s for its end before it reads the next signal."""
    pytest.importorskip("gunicorn", reason="the server of the example")
    path, log = tmp_path / "model.safetensors", tmp_path / "log"
    config = tmp_path / "config.py"
    config.write_text(SLOW)
    save_model(clf, path)
    options = ("--error-logfile", str(log), "--log-level", "debug")
    with serving.serve(path, *options, config=config) as (process, address):
        clients.send(address, b"GET / HTTP/1.0\r\n\r\n")
        for count in (1, 2):
            process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 20
            while log.read_text().count("Hang up") < count and time.monotonic() < end:
                time.sleep(0.1)
            assert log.read_text().count("Hang up") == count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_clients_attack_in_a_short_form(tmp_path):
    pytest.importorskip("gunicorn", reason="the server of the example")
    it = clients.attack(150, SEED, tmp_path)
    assert it.outcomes["honest, right"] > 20


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_load_in_a_short_form(tmp_path):
    pytest.importorskip("gunicorn", reason="the server of the example")
    it = load.attack(6, SEED, tmp_path)
    assert it.outcomes["right"] > 20
    for name, found in it.usages.items():
        load.check(name, found, allowed=2**26)  # threads begin, and caches fill
