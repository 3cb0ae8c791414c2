// What the reader chooses, and what it makes: layers, and the Python that does the same.

const ACTIVATIONS = ["relu", "leaky_relu", "elu", "tanh", "logistic", "identity"];

/** Name -> label, choices and group of each setting; the first choice of `initial`. */
export const SETTINGS = {
  filters: { group: "Convolutions", label: "Filters", choices: [4, 8, 16, 32], initial: 16 },
  more: {
    group: "Convolutions",
    label: "Filters of a second one",
    choices: [0, 8, 16, 32, 64],
    initial: 32,
    names: { 0: "none" },
  },
  kernelSize: {
    group: "Convolutions",
    label: "Kernel size",
    choices: [1, 2, 3, 5, 7],
    initial: 3,
    names: { 1: "1 × 1", 2: "2 × 2", 3: "3 × 3", 5: "5 × 5", 7: "7 × 7" },
  },
  stride: { group: "Convolutions", label: "Stride", choices: [1, 2, 3], initial: 1 },
  padding: {
    group: "Convolutions",
    label: "Padding",
    choices: ["same", "valid"],
    initial: "same",
    names: { same: "same: zeros around", valid: "valid: none" },
  },
  pool: {
    group: "Convolutions",
    label: "Pool",
    choices: ["max", "average", "none"],
    initial: "max",
    names: { max: "largest of 2 × 2", average: "mean of 2 × 2" },
  },
  activation: {
    group: "Convolutions",
    label: "Activation",
    choices: ACTIVATIONS,
    initial: "relu",
  },
  solver: {
    group: "Training",
    label: "Solver",
    choices: ["adam", "sgd"],
    initial: "adam",
    names: { adam: "Adam", sgd: "SGD" },
  },
  learningRate: {
    group: "Training",
    label: "Learning rate",
    choices: [0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3],
    initial: 0.003,
  },
  batchSize: {
    group: "Training",
    label: "Batch size",
    choices: [1, 8, 16, 32, 64, 128, 256],
    initial: 32,
  },
};

export const EPOCHS = 30;

/** Every setting at its initial value. */
export function initialSettings() {
  const entries = Object.entries(SETTINGS);
  return Object.fromEntries(entries.map(([name, { initial }]) => [name, initial]));
}

/** The network, as network.mjs takes it. */
export function layersOf({ filters, more, kernelSize, stride, padding, pool, activation }) {
  const blocks = [filters, more].filter(Boolean).flatMap((n) => {
    const slide = { kernelSize, stride, padding };
    const conv = { type: "conv2d", filters: n, ...slide, activation, initializer: "he_uniform" };
    const type = { max: "max_pool2d", average: "avg_pool2d" }[pool];
    return type ? [conv, { type, poolSize: 2 }] : [conv];
  });
  return [...blocks, { type: "dense", units: 10 }];
}

/** A program that trains the same network in Python, to copy. */
export function pythonOf(settings) {
  const { kernelSize, stride, padding, activation, solver, learningRate, batchSize } = settings;
  const of = {
    conv2d: ({ filters }) =>
      `Conv2D(${filters}, ${kernelSize}, stride=${stride}, padding="${padding}", ` +
      `activation="${activation}",\n               kernel_initializer="he_uniform"),`,
    max_pool2d: () => "MaxPool2D(2),",
    avg_pool2d: () => "AvgPool2D(2),",
  };
  // The estimator adds the last layer, one unit for each class.
  const layers = layersOf(settings).slice(0, -1);
  const names = { max: ["MaxPool2D"], average: ["AvgPool2D"], none: [] }[settings.pool];
  return `\
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from skconv import ConvNetClassifier
from skconv.layers import ${[...names, "Conv2D"].sort().join(", ")}

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(
    X / 16, y, test_size=360, stratify=y, random_state=0
)
net = ConvNetClassifier(
    layers=[
${layers.map((layer) => `        ${of[layer.type](layer)}`).join("\n")}
    ],
    solver="${solver}",
    learning_rate_init=${learningRate},
    batch_size=${batchSize},
    alpha=0,
    max_iter=${EPOCHS},
    n_iter_no_change=${EPOCHS},
    random_state=0,
)
net.fit(X_train, y_train)
print(net.score(X_test, y_test))
`;
}
