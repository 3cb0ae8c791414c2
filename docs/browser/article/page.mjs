// The article's figures, live: where there is JavaScript, they take the places of pictures.

import { unpack } from "../bytes.mjs";
import { loadOps } from "../kernels/ops.mjs";
import { ConvolutionFigure } from "./convolution_figure.mjs";
import { addFigure } from "./figure.mjs";
import { NormalisationFigure } from "./normalisation_figure.mjs";
import { PoolingFigure } from "./pooling_figure.mjs";

// These pictures stay: they show whole distributions.
const KEPT = ["batch_norm"];

// Picture -> what takes its place.
const FIGURES = {
  forward: (ops) => new ConvolutionFigure(ops, "forward"),
  grad_kernel: (ops) => new ConvolutionFigure(ops, "gradKernel"),
  grad_input: (ops) => new ConvolutionFigure(ops, "gradInput"),
  grad_kernel_stride: (ops) => new ConvolutionFigure(ops, "gradKernel", { stride: 2 }),
  grad_input_stride: (ops) => new ConvolutionFigure(ops, "gradInput", { stride: 2 }),
  pooling: (ops) => new PoolingFigure(ops),
  batch_norm: (ops) => new NormalisationFigure(ops),
};

async function start() {
  const ops = await loadOps(await unpack(SKCONV_KERNELS));
  for (const [name, make] of Object.entries(FIGURES)) {
    addFigure(name, () => make(ops).root, { keep: KEPT.includes(name) });
  }
  document.documentElement.dataset.live = "ready";
}

start();
