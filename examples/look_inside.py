"""
Look inside: training, filters, feature maps, saliency, mistakes
================================================================

Show a network for scikit-learn's digits as a table and in six pictures. Each needs one
line of code; each display has its data as attributes.
"""

import argparse
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skconv import ConvNetClassifier
from skconv.inspection import (
    FeatureMapDisplay,
    FilterDisplay,
    LearningRateDisplay,
    MistakesDisplay,
    SaliencyDisplay,
    TrainingCurveDisplay,
)

parser = argparse.ArgumentParser(description="Look inside a network.")
parser.add_argument("--output", type=Path, help="folder for the pictures")
folder = parser.parse_args().output


def save(display, name):
    """Save a picture, if a folder is given."""
    if folder:
        display.figure_.savefig(folder / f"{name}.png", dpi=130)


# %%
# A network, before it is trained
# -------------------------------
# The shape of an image determines the shapes of all layers.

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
# Which learning rate
# -------------------
# The loss of a hundred steps, while the rate grows.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=0.25, stratify=y, random_state=0
)
display = LearningRateDisplay.from_estimator(clf, X_train, y_train)
print(f"a learning rate to begin with: {display.suggestion:.2g}")
save(display, "learning_rate")

# %%
# How training went
# -----------------
# Loss, validation score, learning rate, and the epoch whose weights were restored.

clf.fit(X_train, y_train)
print(f"accuracy on {len(X_test)} images it never saw: {clf.score(X_test, y_test):.4f}")
save(TrainingCurveDisplay.from_estimator(clf), "training")

# %%
# What the first layer looks for
# ------------------------------
# Its kernels: red is positive, blue negative.

save(FilterDisplay.from_estimator(clf, "conv1"), "filters")

# %%
# The output of each layer for one image
# --------------------------------------
# From the pixels to the probability of each digit.

save(FeatureMapDisplay.from_estimator(clf, X_test[[4]]), "feature_maps")

# %%
# Which pixels a prediction depends on
# ------------------------------------
# Four methods: two use gradients, Grad-CAM the maps of the last convolution, and
# occlusion hides a patch and measures how much the output drops.

save(SaliencyDisplay.from_estimator(clf, X_test[:4]), "saliency")

# %%
# The worst mistakes
# ------------------
# The mistakes with the highest probability come first.

save(MistakesDisplay.from_estimator(clf, X_test, y_test, n=6), "mistakes")
