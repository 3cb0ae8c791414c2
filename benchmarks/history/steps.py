"""Processor time of a training step and a prediction of nets of ``peers/nets.py``."""

import sys
import time
from pathlib import Path
from types import SimpleNamespace

import skconv  # noqa: F401  the commit's: the peer would import the working tree's

sys.path.append(str(Path(__file__).parents[1] / "peers"))
import nets
import skconv_peer


class Steps:
    params = ([*nets.BASIC, "resnet", "inception_time"], ["train", "predict"])
    param_names = ("net", "what")
    timer = staticmethod(time.process_time)

    def setup(self, net, what):
        _, actions = skconv_peer.steps(SimpleNamespace(net=net))
        self.action = actions[what]

    def time_one_batch(self, net, what):
        self.action()
