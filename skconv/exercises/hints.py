"""Hints for the exercises, from the first push to most of the solution."""

__all__ = ["HINTS"]

HINTS = {
    "slide": (
        "Begin with z = np.zeros((h - kh + 1, w - kw + 1)), and fill it place by "
        "place.",
        "The window at [p, q] is image[p : p + kh, q : q + kw]. Multiply it with the "
        "kernel, number by number, and sum.",
        "for p in range(h - kh + 1): for q in range(w - kw + 1): z[p, q] = "
        "np.sum(image[p : p + kh, q : q + kw] * kernel)",
    ),
    "conv2d": (
        "As slide, but the window of an image has channels: x[n, top : top + kh, left "
        ": left + kw] is (kh, kw, c), as kernel[:, :, :, f] is. Where does the window "
        "at [p, q] begin?",
        "top = p * stride, left = q * stride. The sum is over all three axes of the "
        "window.",
        "for n, p, q, f in np.ndindex(z.shape): z[n, p, q, f] = np.sum(x[n, p * "
        "stride : p * stride + kh, q * stride : q * stride + kw] * kernel[..., f]) + "
        "bias[f]. It is faster for all samples and filters at once: "
        "np.tensordot(window, kernel, 3), with the window x[:, top : top + kh, left : "
        "left + kw].",
    ),
    "conv2d_grad_kernel": (
        "Begin with zeros of kernel_shape, and go through the same places as conv2d. "
        "Each z[n, p, q, f] is a sum of products x * kernel. By the chain rule, what "
        "does dz[n, p, q, f] times the derivative of that sum add to dkernel?",
        "To dkernel[..., f] it adds its window of x, times dz[n, p, q, f].",
        "for n, p, q, f in np.ndindex(dz.shape): dkernel[..., f] += window * dz[n, p, "
        "q, f]. For all samples and filters at once: np.tensordot(window, dz[:, p, "
        "q], ([0], [0])).",
    ),
    "conv2d_grad_input": (
        "Begin with zeros of input_shape, and go through the same places as conv2d. "
        "Each z[n, p, q, f] saw one window of x. What does dz[n, p, q, f] add to it?",
        "It adds kernel[..., f] times dz[n, p, q, f] to the whole window. Windows "
        "overlap: use +=.",
        "for n, p, q, f in np.ndindex(dz.shape): dx[n, p * stride : p * stride + kh, "
        "q * stride : q * stride + kw] += kernel[..., f] * dz[n, p, q, f].",
    ),
    "max_pool2d": (
        "The window at [p, q] begins at p * size, q * size. h // size of them fill "
        "the rows; the rest is left out.",
        "window = x[:, p * size : (p + 1) * size, q * size : (q + 1) * size]: all "
        "samples and channels at once.",
        "y[:, p, q] = window.max(axis=(1, 2)), for all p and q.",
    ),
    "max_pool2d_grad": (
        "If the largest value of a window moves a little, y moves as much; if another "
        "moves, y does not change. So where does dy go?",
        "np.argmax of a window returns the number of its first largest value, counted "
        "row by row; divmod(number, size) is its row and column.",
        "i, j = divmod(x[n, top : top + size, left : left + size, c].argmax(), size); "
        "dx[n, top + i, left + j, c] = dy[n, p, q, c].",
    ),
    "dense": (
        "Each unit is a sum over all features: a convolution whose window is all of x.",
        "That is a product of matrices, (n, features) with (features, units).",
        "x @ kernel + bias.",
    ),
    "dense_backward": (
        "The shapes show the way: dx has that of x, dkernel that of kernel, dbias "
        "that of bias.",
        "(n, features) = (n, units) with (units, features); (features, units) = "
        "(features, n) with (n, units).",
        "return dy @ kernel.T, x.T @ dy, dy.sum(axis=0).",
    ),
    "softmax_cross_entropy": (
        "First the probabilities: for each sample exp of its logits, divided by their "
        "sum. The largest logit of a sample, subtracted first, keeps exp below 1.",
        "p[np.arange(n), codes] is the probability of each sample's right class. Its "
        "-log may be inf where p rounds to 0: log(p) is also the shifted logit minus "
        "log of the sum.",
        "shifted = logits - logits.max(axis=1, keepdims=True); log_p = shifted - "
        "np.log(np.exp(shifted).sum(axis=1, keepdims=True)); dlogits = np.exp(log_p); "
        "dlogits[np.arange(n), codes] -= 1; dlogits /= n.",
    ),
    "batch_norm": (
        "Each channel has one mean and one variance, over samples and pixels: all "
        "axes but the last.",
        "x.mean(axis=(0, 1, 2)) is (c,), and NumPy lines it up with the last axis of "
        "x.",
        "gamma * (x - mean) / np.sqrt(variance + epsilon) + beta, with variance = "
        "x.var(axis=(0, 1, 2)).",
    ),
    "batch_norm_backward": (
        "First mean, variance and u, as in batch_norm. dbeta and dgamma are sums over "
        "axes (0, 1, 2).",
        "dy.mean(axis=(0, 1, 2)) and (dy * u).mean(axis=(0, 1, 2)) are (c,): NumPy "
        "lines them up with the last axis.",
        "dx = gamma / np.sqrt(variance + epsilon) * (dy - dy.mean(axis=(0, 1, 2)) - u "
        "* (dy * u).mean(axis=(0, 1, 2))).",
    ),
    "adam": (
        "Line by line as in the docstring. All operations are number by number, so no "
        "loop is necessary.",
        "Keep m and m^ apart: m is returned, m^ is only for the step.",
        "m = beta1 * m + (1 - beta1) * gradient, v alike, then parameters - "
        "learning_rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + "
        "epsilon).",
    ),
    "network": (
        "Forward first: keep what each step makes under a name of its own. Check "
        "logits and loss, and return an empty dict for a start.",
        "Backward in the opposite order; each gradient function gets the gradient "
        "from the step after it and what its own step got as input. Undo the reshape: "
        "d.reshape(pooled.shape).",
        "dlogits -> dense_backward -> reshape -> max_pool2d_grad -> * (z2 > 0) -> "
        "conv2d_grad_kernel, sum for bias2, conv2d_grad_input -> * (n1 > 0) -> "
        "batch_norm_backward -> conv2d_grad_kernel, sum for bias1.",
    ),
    "train": (
        "Begin with weights = dict(weights), a new dict of the same arrays, and dicts "
        "of zeros for m and v.",
        "for t, rows in enumerate(batches, start=1): the gradients of x[rows], "
        "codes[rows], then a step of adam for each name.",
        "weights[name], m[name], v[name] = adam(weights[name], gradients[name], "
        "m[name], v[name], t, learning_rate, 0.9, 0.999, 1e-8).",
    ),
}
