"""Signals: classifiers on the univariate sets that aeon and sktime ship."""

import json
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skconv import ConvNetClassifier, zoo
from skconv.layers import AvgPool1D

from .processes import SCRIPTS, environment, print_table

# With at least 100 samples for training. PLAID's signals differ in length: zeros follow
# the shorter ones. The others that are shipped have fewer (ArrowHead, GunPoint,
# ItalyPowerDemand, PickupGestureWiimoteZ, UnitTest), several channels (BasicMotions,
# JapaneseVowels) or numbers as targets (CardanoSentiment, Covid3Month, Tecator).
UCR = ["ACSF1", "Covid3Month_disc", "OSULeaf", "PLAID"]
# No signals by nature: pixels one after the other. More samples, for want of any.
SETS = [*UCR, "digits, by rows"]
NETWORKS = 5  # in an ensemble, as in the papers; each is a seed of the single network


class Data(NamedTuple):
    """Signals (n, length), and classes."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


def network(make: Callable[[], list[Any]], longest: int = 512) -> Callable[..., Any]:
    """Return what makes a classifier; the means of neighbours shorten long signals."""

    def build(seed: int, n: int, length: int) -> ConvNetClassifier:
        by = -(-length // longest)
        shorten = [("shorten", AvgPool1D(by))] if by > 1 else []
        clf = zoo.signal_classifier(n, random_state=seed)
        scale, *_ = clf.layers
        return clf.set_params(layers=[scale, *shorten, *make()])

    return build


def small_inception() -> list[Any]:
    return zoo.inception_time(16, depth=3, bottleneck=16)


# Name -> what makes it of a seed, the number of signals and their length.
OURS: dict[str, Callable[..., Any]] = {
    "zoo.signal_classifier()": network(zoo.strided_cnn, longest=4096),
    "zoo.inception_time(16, depth=3, bottleneck=16)": network(small_inception),
    "zoo.inception_time()": network(zoo.inception_time),
    "zoo.lite()": network(zoo.lite),
    "zoo.signal_fcn()": network(zoo.signal_fcn),
    "ConvNetClassifier()": lambda seed, n, length: ConvNetClassifier(random_state=seed),
    "MLPClassifier": lambda seed, n, length: make_pipeline(
        StandardScaler(), MLPClassifier(max_iter=1000, random_state=seed)
    ),
    "RandomForestClassifier": lambda seed, n, length: RandomForestClassifier(
        random_state=seed
    ),
}
ENSEMBLES = [name for name in OURS if "zoo" in name]
# Name -> the number of seeds.
THEIRS = {"MiniRocket (aeon)": 3, "1-NN, DTW (aeon)": 1, "InceptionTime (aeon)": 1}
MODELS = [*OURS, *THEIRS]


def run(
    python: str | None,
    sets: list[str] | None = None,
    models: list[str] | None = None,
    results: Path | None = None,
) -> list[dict[str, Any]]:
    """Print accuracies and times on each set, then mean ranks; return the records.

    Parameters
    ----------
    python : str
        One that has aeon, sktime and TensorFlow. None measures nothing.
    sets, models : list of str, default=None
        All by default.
    results : Path, default=None
        A file that each record is added to. What it has is not measured again.
    """
    print("\n## Signals")
    if python is None:
        print("\nNot measured: signals. Pass --aeon-python PATH.")
        return []
    warnings.simplefilter("ignore")
    records = read(results)
    with tempfile.TemporaryDirectory() as folder:
        aeon(python, "export", folder, *UCR)

        def rows() -> Iterator[list[str]]:
            for name in sets or SETS:
                data = load(name, folder)
                for model in models or MODELS:
                    found = of_model(records, name, model)
                    if not found:
                        found = measure(model, data, name, python, folder)
                        records.extend(found)
                        write(results, found)
                    yield row(found)

        columns = ["set", "classifier", "accuracy", "each", "processor seconds a fit"]
        print_table(columns, rows())
    print_table(["classifier", "mean accuracy", "mean rank", "sets"], ranks(records))
    return records


def of_model(
    records: list[dict[str, Any]], name: str, model: str
) -> list[dict[str, Any]]:
    """Return the records of a model and of its ensemble on a set."""
    names = model, ensemble_of(model)
    return [r for r in records if r["set"] == name and r["model"] in names]


def ensemble_of(model: str) -> str:
    return f"{model}, {NETWORKS} of them"


def load(name: str, folder: str) -> Data:
    """Return a set; the test part is not looked at before a model is measured."""
    if name in UCR:
        with np.load(Path(folder) / f"{name}.npz") as file:
            return Data(**file)
    X, y = load_digits(return_X_y=True)
    parts = train_test_split(X, y, test_size=0.25, stratify=y, random_state=0)
    X_train, X_test, y_train, y_test = parts
    data = Data(X_train.astype("f4"), y_train, X_test.astype("f4"), y_test)
    np.savez(Path(folder) / f"{name}.npz", **data._asdict())
    return data


def measure(
    model: str, data: Data, name: str, python: str, folder: str
) -> list[dict[str, Any]]:
    """Return a record of a model, and one of its ensemble if it has one."""
    if model in THEIRS:
        ours = zoo.signal_classifier(len(data.X_train))  # the same effort
        fits = [
            json.loads(aeon(python, "fit", folder, model, name, seed,
                            ours.max_iter, ours.batch_size))
            for seed in range(THEIRS[model])
        ]  # fmt: skip
        scores = [fit["accuracy"] for fit in fits]
        return [record(name, model, scores, [fit["seconds"] for fit in fits])]
    seconds, probabilities = [], []
    for seed in range(NETWORKS if model in ENSEMBLES else 3):
        clf = OURS[model](seed, *data.X_train.shape)
        start = time.process_time()
        clf.fit(data.X_train, data.y_train)
        seconds.append(time.process_time() - start)
        probabilities.append(clf.predict_proba(data.X_test))
    classes = clf.classes_
    scores = [accuracy(each, classes, data) for each in probabilities]
    records = [record(name, model, scores, seconds)]
    if model in ENSEMBLES:
        vote = accuracy(np.mean(probabilities, axis=0), classes, data)
        records.append(record(name, ensemble_of(model), [vote], [sum(seconds)]))
    return records


def accuracy(probabilities: np.ndarray, classes: np.ndarray, data: Data) -> float:
    return float((classes[probabilities.argmax(axis=1)] == data.y_test).mean())


def record(name: str, model: str, scores: list[float], seconds: list[float]):
    return {"set": name, "model": model, "scores": scores, "seconds": seconds}


def row(found: list[dict[str, Any]]) -> list[str]:
    """Return the cells of a record, and below them those of its ensemble."""
    cells = [
        [
            r["set"],
            r["model"],
            f"{np.mean(r['scores']):.3f}",
            ", ".join(f"{score:.3f}" for score in r["scores"]),
            f"{np.mean(r['seconds']):.1f}",
        ]
        for r in found
    ]
    return [" |\n| ".join(" | ".join(each) for each in cells)]


def ranks(records: list[dict[str, Any]]) -> Iterator[list[str]]:
    """Yield mean accuracy and mean rank over the sets that all of the models have."""
    means = {(r["model"], r["set"]): np.mean(r["scores"]) for r in records}
    models = list(dict.fromkeys(model for model, _ in means))
    sets = list(dict.fromkeys(name for _, name in means))
    common = [s for s in sets if all((m, s) in means for m in models)]
    if not common:
        return
    table = np.array([[means[m, s] for s in common] for m in models])
    places = rankdata(-table.round(4), axis=0).mean(axis=1)
    for place in np.argsort(places, kind="stable"):
        figures = f"{table[place].mean():.3f}", f"{places[place]:.2f}"
        yield [models[place], *figures, ", ".join(common)]


def aeon(python: str, *arguments: object) -> str:
    """Run an action of peers/aeon_peer.py; return what it prints."""
    command = [python, str(SCRIPTS / "aeon_peer.py"), *map(str, arguments)]
    run = subprocess.run(
        command, capture_output=True, text=True, env=environment(threads=1)
    )
    if run.returncode:
        raise SystemExit(run.stderr[-2000:])
    return run.stdout.strip().splitlines()[-1] if run.stdout.strip() else ""


def read(results: Path | None) -> list[dict[str, Any]]:
    if results is None or not results.exists():
        return []
    return [json.loads(line) for line in results.read_text().splitlines()]


def write(results: Path | None, records: list[dict[str, Any]]) -> None:
    if results is not None:
        with results.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in records)
