"""Suggestions of names, and values that are cut short."""

import pytest

from skconv._utils.lookup import did_you_mean, look_up, shorten

TABLE = {"relu": 1, "tanh": 2, "mean_squared_error": 3}


def test_table_returns_the_value_of_a_name():
    assert look_up(TABLE, "tanh", "activation") == 2
    words = (
        r"^activation must be one of 'relu', 'tanh', 'mean_squared_error', got 'tahn'"
        "; did you mean 'tanh'\\?$"
    )
    with pytest.raises(ValueError, match=words):
        look_up(TABLE, "tahn", "activation")
    for other in (3, ["tanh"], None):
        with pytest.raises(
            ValueError, match="^activation must be one of .*, got .*[^?]$"
        ):
            look_up({**TABLE, 3: 4}, other, "activation")


MEANT = {
    "nearly": ("filtres", ["filter", "filters"], "filters"),
    "in capitals": ("RELU", ["relu"], "relu"),
    "with a space": (" relu ", ["relu"], "relu"),
    "the nearest": ("filterss", ["filter", "filters"], "filters"),
    "begun": ("acc", ["accuracy", "balanced_accuracy"], "accuracy"),
    "begun, the shortest": ("neg", ["neg_log_loss", "neg_rmse"], "neg_rmse"),
    "initials": ("mse", ["max_error", "mean_squared_error"], "mean_squared_error"),
    "initials but for the first": ("mse", ["neg_mean_squared_error"], "neg_mean_squared_error"),
    "continued": ("f1_score_of_all", ["f", "f1", "f1_score"], "f1_score"),
    "continued, not by the longest": ("f1_score_of_all", ["f1", "f1_score", "unrelated_name"], "f1_score"),
    "begun rather than alike": ("mean", ["lean", "mean_error"], "mean_error"),
    "of two letters": ("f1_of_some_classes", ["zz", "f1"], "f1"),
    "somehow alike": ("squared", ["mean_squared_log", "abc"], "mean_squared_log"),
    "nothing": ("xyz", ["relu", "tanh"], None),
    "of two words": ("se", ["squared_error", "zzz"], None),
    "one letter": ("f_and_more_of_it", ["f"], None),
    "empty": ("", ["relu"], None),
    "no names": ("relu", [], None),
    "no text": (3, ["3"], None),
    "too long": ("relu" * 25 + "x", ["relu" * 25], None),
    "just not too long": ("relu" * 25, ["relu" * 25], "relu" * 25),
    "doubled underscores": ("mse", ["mean__squared_error"], "mean__squared_error"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "names", "meant"), MEANT.values(), ids=MEANT)
def test_the_nearest_name_is_suggested(name, names, meant):
    expected = "" if meant is None else f"; did you mean {meant!r}?"
    assert did_you_mean(name, iter(names)) == expected


SHORT = {
    "number": (3, 10, "3"),
    "text that fits": ("a" * 10, 10, repr("a" * 10)),
    "text that does not": ("a" * 11, 10, "'aaaaaa..."),
    "repr that fits": ([1, 2, 3, 44], 10, "[1, 2, 3, 44]"[:7] + "..."),
    "repr of the length and two": (["abcdefgh"], 10, "['abcdefgh']"),
    "repr of three more": (["abcdefghi"], 10, "['abcde..."),
    "short text with a long repr": ("\n" * 10, 10, "'\\n\\n\\n..."),
    "text with a quote beyond the length": ("a" * 11 + "'", 10, "'aaaaaa..."),
    "by default": ("a" * 101, None, "'" + "a" * 96 + "..."),
    "by default whole": ("a" * 100, None, repr("a" * 100)),
}


@pytest.mark.parametrize(("value", "length", "text"), SHORT.values(), ids=SHORT)
def test_values_are_cut_to_a_length(value, length, text):
    assert (shorten(value) if length is None else shorten(value, length)) == text
