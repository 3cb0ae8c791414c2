// Optimizers: they hold moments of a network's parameters, and count steps.

/** Name -> optimizer of a network; `step(learningRate)` updates its parameters. */
export const OPTIMIZERS = {
  adam(network) {
    const moments = momentsOf(network, 2);
    let step = 0;
    return {
      step(learningRate) {
        step += 1;
        const { ops, parameters, gradient } = network;
        ops.adamStep(parameters, gradient, ...moments, { step, learningRate });
      },
      free: () => moments.forEach((moment) => network.ops.memory.free(moment)),
    };
  },

  sgd(network) {
    const [velocity] = momentsOf(network, 1);
    return {
      step(learningRate) {
        const { ops, parameters, gradient } = network;
        ops.sgdStep(parameters, gradient, velocity, { learningRate });
      },
      free: () => network.ops.memory.free(velocity),
    };
  },
};

function momentsOf(network, n) {
  return Array.from({ length: n }, () => network.ops.array(network.parameters.shape));
}
