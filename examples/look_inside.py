"""
Look inside: training, filters, feature maps, saliency, mistakes
================================================================

A network on scikit-learn's digits, as a table and in five pictures. Each is one line;
each display keeps what it has drawn.
"""

import argparse
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skconv import ConvNetClassifier
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
)

parser = argparse.ArgumentParser(description="Look inside of a network.")
parser.add_argument("--output", type=Path, help="folder for the pictures")
folder = parser.parse_args().output


def save(display, name):
    """Keep a picture, if that is asked for."""
    if folder:
        display.figure_.savefig(folder / f"{name}.png", dpi=130)


# %%
# A network, before it is trained
# -------------------------------
# What it will be made of is known once the shape of an image is.

clf = ConvNetClassifier(
    filters=(16, 32),
    kernel_size=3,
    hidden_layer_sizes=(64,),
    input_shape=(8, 8),
    learning_rate="one_cycle",
    learning_rate_init=0.005,
    batch_size=32,
    max_iter=25,
    early_stopping=True,
    random_state=0,
)
print(clf.summary(n_outputs=10))

# %%
# How training went
# -----------------
# Loss, the score of what was set aside, the learning rate, and the epoch whose weights
# were kept.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)
clf.fit(X_train, y_train)
print(f"accuracy on {len(X_test)} images it never saw: {clf.score(X_test, y_test):.4f}")
save(TrainingCurveDisplay.from_estimator(clf), "training")

# %%
# What the first layer looks for
# ------------------------------
# Its kernels: red adds, blue takes away.

save(FilterDisplay.from_estimator(clf, "conv1"), "filters")

# %%
# What each layer makes of one image
# ----------------------------------
# From the pixels down to the probability of each digit.

save(FeatureMapDisplay.from_estimator(clf, X_test[[4]]), "feature_maps")

# %%
# Which pixels a prediction depends on
# ------------------------------------
# By four methods: two look at gradients, Grad-CAM at the last convolution's maps, and
# occlusion hides a patch and looks at what is lost.

save(SaliencyDisplay.from_estimator(clf, X_test[:4]), "saliency")

# %%
# Where it is most wrong
# ----------------------
# The mistakes that it is surest of come first.

save(MistakesDisplay.from_estimator(clf, X_test, y_test, n=6), "mistakes")
