"""
In a pipeline
=============

A step that changes images, and after it a network. The pipeline works wherever a
classifier does: cross-validation, a search, a confusion matrix.
"""

import matplotlib.pyplot as plt
from sklearn.datasets import load_digits
from sklearn.metrics import ConfusionMatrixDisplay
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skconv import ConvNetClassifier

X, y = load_digits(return_X_y=True)  # rows of 64 values, 0 to 16
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# Rows of 64 values are read as 8 x 8 images; ``input_shape`` is needed for images that
# are not square or have channels: ``input_shape=(4, 16)``, ``input_shape=(4, 4, 4)``.
# The first step brings all pixels to [0, 1] by one number. A ``StandardScaler`` would
# scale each pixel by itself, and make noise of pixels that hardly vary as large as ink.


def to_unit(X):
    return X / 16


clf = ConvNetClassifier(filters=(16, 32), max_iter=15, batch_size=32, random_state=0)
pipeline = make_pipeline(FunctionTransformer(to_unit), clf)
scores = cross_val_score(pipeline, X_train, y_train, cv=3)
print("accuracy of 3 folds:", *(f"{score:.4f}" for score in scores))

# %%
# The network's parameters are searched with the name of its step in front.

grid = {
    "convnetclassifier__kernel_size": [3, 5],
    "convnetclassifier__hidden_layer_sizes": [(), (64,)],
}
search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X_train, y_train)
print("best:", search.best_params_)
print(f"accuracy on images it never saw: {search.score(X_test, y_test):.4f}")

# %%
# Which digits are mistaken for which others:

figure, ax = plt.subplots(figsize=(5.5, 5.5), layout="constrained")
ConfusionMatrixDisplay.from_estimator(
    search, X_test, y_test, cmap="Blues", colorbar=False, ax=ax
)
ax.set_title("Test digits")
plt.show()
