"""TensorFlow: a Keras model, its step and its prediction each in one tf.function."""

import itertools
import math
import os

os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import nets
import numpy as np
import tensorflow as tf
from protocol import (
    LEARNING_RATE,
    PREDICT_BATCH,
    RACE,
    accuracy,
    one_after_another,
    one_cycle,
    random_batch,
    read_data,
    serve,
    varied_batches,
)


def start(task, net):
    tf.config.threading.set_intra_op_parallelism_threads(task.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    x = keras.Input(net.shape)
    model = keras.Model(x, apply(net.layers, x))
    description = {
        "what": f"TensorFlow {tf.__version__}, Keras {keras.__version__}",
        "parameters": sum(math.prod(v.shape) for v in model.trainable_variables),
    }
    return description, model


def steps(task):
    net = nets.NETS[task.net]
    description, model = start(task, net)
    optimizer = keras.optimizers.Adam(LEARNING_RATE)
    optimizer.build(model.trainable_variables)
    x, codes = map(tf.constant, random_batch(net))

    @tf.function
    def train(x, codes):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(
                    codes, model(x, training=True)
                )
            )
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)
        return loss

    infer = tf.function(model)
    return description, {
        "train": lambda: train(x, codes),
        "predict": lambda: infer(x),
    }


def race(task):
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = X[..., None], X_test[..., None]
    description, model = start(task, nets.NETS["resnet9"])
    optimizer = keras.optimizers.AdamW(RACE["rate"], weight_decay=RACE["decay"])
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    loss = keras.losses.CategoricalCrossentropy(
        from_logits=True, label_smoothing=RACE["smoothing"]
    )

    @tf.function(reduce_retracing=True)
    def train(x, codes):
        with tf.GradientTape() as tape:
            value = loss(tf.one_hot(codes, 10), model(x, training=True))
        gradients = tape.gradient(value, model.trainable_variables)
        optimizer.apply(gradients, model.trainable_variables)

    def fit():
        rng, steps = np.random.default_rng(0), itertools.count()
        total = task.epochs * math.ceil(len(X) / RACE["batch"])
        for _ in range(task.epochs):
            for x, codes in varied_batches(X, y, rng):
                optimizer.learning_rate = one_cycle(next(steps), total)
                train(tf.constant(x), tf.constant(codes))

    def score():
        outputs = model.predict(X_test, batch_size=PREDICT_BATCH, verbose=0)
        return accuracy(outputs.argmax(1), y_test)

    return description, {"fit": fit, "score": score}


def compiled(task):
    """Return a description and Keras's own way to train the mnist net."""
    description, model = start(task, nets.NETS["mnist"])
    model.compile(
        keras.optimizers.Adam(LEARNING_RATE),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    return description, model


def fit(task):
    X, X_test, y, y_test = read_data(task.data)
    X, X_test = X[..., None], X_test[..., None]
    description, model = compiled(task)

    def epoch():
        model.fit(X, y, batch_size=nets.NETS["mnist"].batch, epochs=1, verbose=0)

    def score():
        outputs = model.predict(X_test, batch_size=PREDICT_BATCH, verbose=0)
        return accuracy(outputs.argmax(1), y_test)

    return description, {"epoch": epoch, "score": score}


def predict(task):
    _, X, _, y = read_data(task.data)
    X = X[..., None]
    description, model = compiled(task)
    infer = tf.function(model)
    tensors = one_after_another(tf.constant(X))
    images = one_after_another(X)

    def many():
        outputs = model.predict(X, batch_size=PREDICT_BATCH, verbose=0)
        return accuracy(outputs.argmax(1), y)

    return description, {
        "network": lambda: infer(next(tensors)),
        "estimator": lambda: model.predict(next(images), verbose=0),
        "many": many,
    }


def apply(layers, x):
    """Return the output of layers, one after the other, for x."""
    for layer in layers:
        if type(layer) is nets.Residual:
            x = keras.layers.add([apply(layer.layers, x), apply(layer.shortcut, x)])
            x = keras.layers.Activation(layer.activation)(x)
            continue
        if type(layer) is nets.Branches:
            x = keras.layers.concatenate([apply(side, x) for side in layer.layers])
            continue
        for each in MAKERS[type(layer)](layer, len(x.shape) - 2):
            x = each(x)
    return x


def conv(layer, axes):
    kind = (keras.layers.Conv1D, keras.layers.Conv2D)[axes - 1]
    if layer.groups > 1:  # as many as channels; TensorFlow has no others on a CPU
        yield keras.layers.DepthwiseConv1D(
            layer.kernel,
            padding=layer.padding,
            dilation_rate=layer.dilation,
            use_bias=layer.bias,
        )
        return
    yield kind(
        layer.filters,
        layer.kernel,
        layer.stride,
        layer.padding,
        activation=layer.activation,
        use_bias=layer.bias,
    )


def up(layer, axes):
    yield keras.layers.Conv2DTranspose(
        layer.filters, layer.kernel, layer.stride, "same", activation=layer.activation
    )


def separable(layer, axes):
    yield keras.layers.SeparableConv2D(
        layer.filters, layer.kernel, layer.stride, layer.padding, use_bias=False
    )


def fixed(layer, axes):
    yield keras.layers.Conv1D(
        layer.filters,
        layer.kernel,
        padding="same",
        activation="relu",
        use_bias=False,
        trainable=False,
    )


def max_of_three(layer, axes):
    yield keras.layers.MaxPooling1D(3, 1, "same")


def norm(layer, axes):
    yield keras.layers.BatchNormalization()
    if layer.activation:
        yield keras.layers.Activation(layer.activation)


def mean(layer, axes):
    kinds = keras.layers.GlobalAveragePooling1D, keras.layers.GlobalAveragePooling2D
    yield kinds[axes - 1]()


def dense(layer, axes):
    return [keras.layers.Flatten(), keras.layers.Dense(layer.units, layer.activation)]


MAKERS = {
    nets.Conv: conv,
    nets.Separable: separable,
    nets.Up: up,
    nets.Reshape: lambda layer, axes: [keras.layers.Reshape(layer.shape)],
    nets.Fixed: fixed,
    nets.MaxOfThree: max_of_three,
    nets.Norm: norm,
    nets.MaxPool: lambda layer, axes: [
        (keras.layers.MaxPooling1D, keras.layers.MaxPooling2D)[axes - 1](2)
    ],
    nets.AvgPool: lambda layer, axes: [keras.layers.AveragePooling2D(2)],
    nets.Mean: mean,
    nets.Largest: lambda layer, axes: [keras.layers.GlobalMaxPooling2D()],
    nets.Dropout: lambda layer, axes: [keras.layers.Dropout(layer.rate)],
    nets.Dense: dense,
}


if __name__ == "__main__":
    serve({"steps": steps, "fit": fit, "predict": predict, "race": race})
