"""What is said of the parameters and attributes that the estimators share."""

import inspect

__all__ = ["adds_parameters", "documented"]

_PARAMETERS = """\
layers : list of layers or of (name, layer), default=None
    The hidden layers. Names reach into them: ``conv1__kernel_size``. Unnamed
    layers are called ``conv2d_1``, ``conv2d_2``, ``dense_1``, …; ``"passthrough"``
    in a layer's place leaves it out. None builds the default network from the
    next six parameters.

input_shape : (h, w), (h, w, c) or (l, c), default=None
    Shape of one image, for X of flat rows. By default rows are square images of
    one channel or, where their length is no square, of one row: ``(1, length, 1)``.
    Where `layers` has layers on signals, such as `Conv1D`, two axes are those of a
    signal, ``(l, c)``, and by default rows are signals of one channel.

filters : tuple of int, default=(32, 64)
    Default network: filters of each convolution.

kernel_size : int or (kh, kw), default=3
    Default network: kernel size of every convolution.

stride : int or (sh, sw), default=1
    Default network: stride of every convolution.

pool_size : int or (ph, pw), default=2
    Default network: size of the max pooling behind every convolution; 1 for none.
    Where less of the image is left, the pool is what is left.

hidden_layer_sizes : tuple of int, default=(128,)
    Default network: units of each dense layer.

activation : str, default="relu"
    Default network: activation of every layer, a name in
    `skconv.ops.ACTIVATIONS`.

solver : {"adam", "sgd"}, default="adam"
    What turns gradients into steps.

alpha : float, default=0.0001
    Strength of the decoupled weight decay. Before each step, kernels shrink by
    ``alpha`` times the learning rate of themselves; biases do not.

batch_size : int or "auto", default="auto"
    Size of the minibatches; "auto" is ``min(128, n_samples)``.

learning_rate : str or callable, default="constant"
    How the learning rate goes from step to step: "constant"; "invscaling", divided by
    the step to the power of `power_t`; "adaptive", divided by 5 each time training
    would have stopped, until it is below 1e-6; "cosine", half a cosine down to 0 over
    the `max_iter` epochs; "one_cycle", up to `learning_rate_init` in the first 30 % of
    them and down again; or a function of the step, from 1 on, that returns the rate.

learning_rate_init : float, default=0.001
    The learning rate that `learning_rate` varies.

power_t : float, default=0.5
    Exponent of "invscaling".

warmup_steps : int or float, default=0
    Over so many first steps, or such a part of all steps, the learning rate grows from
    0 to what `learning_rate` has it be.

max_iter : int, default=200
    Most epochs to train.

shuffle : bool, default=True
    Whether each epoch goes through the samples in a new order.

random_state : int, RandomState instance or None, default=None
    Draws the first weights, the order of samples, augmentation, dropout and the
    validation split. An int makes fits the same to the bit.

tol : float, default=1e-4
    Least improvement of the loss, or with `early_stopping` of the score, that
    counts as one.

verbose : bool or int, default=False
    Whether to print a line an epoch; 2 adds the learning rate.

warm_start : bool, default=False
    Whether `fit` goes on from the last fit: with its weights, the solver's moments,
    the schedule and the random stream. X, the targets and the layers must be of the
    same kind.

momentum : float, default=0.9
    How much of the last step "sgd" takes along.

nesterovs_momentum : bool, default=True
    Whether "sgd" looks ahead along it.

early_stopping : bool, default=False
    Whether to stop when the score of validation data improves no more, and restore
    the weights of the best epoch (with `warm_start`, of all calls). The data are
    `X_val` and `y_val` where `fit` is given them, else `validation_fraction` of the
    training data (of each class, unless multilabel). Otherwise training stops when
    the training loss improves no more.

validation_fraction : float, default=0.1
    Share of the data to set aside if `early_stopping`.

scoring : str, callable or None, default=None
    The score of validation data: None is accuracy or R^2, "loss" the negative of the
    loss, a str one of `sklearn.metrics.get_scorer_names`, a callable is called as
    ``scoring(estimator, X_val, y_val)``.

n_iter_no_change : int, default=10
    How many epochs in a row may fail to improve by `tol`.

beta_1 : float, default=0.9
    How much "adam" keeps of the mean gradient in each step.

beta_2 : float, default=0.999
    How much "adam" keeps of the mean squared gradient in each step.

epsilon : float, default=1e-8
    Guard of "adam" against division by zero.

clip_norm : float or None, default=None
    A gradient whose Euclidean norm is larger is scaled to it.

augment : transform, list of transforms or None, default=None
    What varies the minibatches of training, see `skconv.augmentation`: callables
    ``(x, rng) -> x``. Names reach into them, ``augment__degrees``.

transform_layer : str or None, default=None
    Name of the layer whose output `transform` gives; None is the last hidden layer.

dtype : {"float32", "float64"}, default="float32"
    What the network computes and answers in, whatever X is.
"""

_ATTRIBUTES = """\
network_ : Network
    The trained layers and their weights.

input_shape_ : (h, w, c) or (l, c)
    Shape of one image or signal.

n_features_in_ : int
    Values of one image, ``h * w * c``, or of one signal.

feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of X's columns, where X is a data frame with names of str.

n_iter_ : int
    Epochs trained, all calls that went on from each other together.

loss_curve_ : list of float, of length `n_iter_`
    Mean training loss of each epoch.

learning_rate_curve_ : list of float
    Learning rate at the end of each epoch.

loss_ : float
    The last loss; NaN where Ctrl-C came before the first.

best_loss_ : float or None
    The least loss; None with `early_stopping`.

validation_loss_curve_ : list of float or None
    Loss of the validation data after each epoch; None where there were none.

validation_scores_ : list of float or None
    Their score, the larger the better.

best_validation_score_ : float or None
    The largest of them, whose weights were restored; None without `early_stopping`.

t_ : int
    Number of training samples seen.

n_layers_ : int
    Number of layers, the output layer included.

n_outputs_ : int
    Number of outputs.

out_activation_ : str
    What turns outputs into predictions: "softmax" or "logistic" of a classifier,
    "identity" or "exp" of a regressor.
"""


def adds_parameters(base):
    """Have an ``__init__(self, ..., **shared)`` show `base`'s parameters as its own.

    scikit-learn reads an estimator's parameters from its signature, and so do
    notebooks: written out in every estimator they would be the same forty lines.
    """

    def decorate(init):
        own = inspect.signature(init).parameters
        shared = inspect.signature(base.__init__).parameters
        merged = {**shared, **own}
        merged.pop("shared")
        init.__signature__ = inspect.Signature(list(merged.values()))
        return init

    return decorate


def documented(cls):
    """Fill in what the class's docstring says of shared parameters and attributes."""
    text = inspect.cleandoc(cls.__doc__ or "")
    for mark, shared in [
        ("[shared parameters]", _PARAMETERS),
        ("[shared attributes]", _ATTRIBUTES),
    ]:
        text = text.replace(mark, shared.strip())
    cls.__doc__ = text
    return cls
