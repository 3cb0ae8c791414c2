"""The answers of examples/serving.py; the example itself puts a server under load."""

import io
import json
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
from examples import serving
from skconv import ConvNetClassifier, save_model


@pytest.fixture(scope="module")
def clf(digits):
    X, _, y, _ = digits
    names = np.array([f"a {digit}" for digit in range(10)])
    return ConvNetClassifier(filters=(8,), max_iter=2, random_state=0).fit(X, names[y])


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
