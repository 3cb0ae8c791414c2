"""A transform of each kind."""

from skconv.augmentation import (
    GaussianNoise,
    RandomAffine,
    RandomBrightness,
    RandomContrast,
    RandomErasing,
    RandomFlip,
    RandomRotation,
    RandomShift,
)

TRANSFORMS = {
    "flip": RandomFlip(vertical=True),
    "shift": RandomShift((2, 1), fill=0.5),
    "rotation": RandomRotation(30),
    "affine": RandomAffine(20, max_shift=(1, 2.5), scale=(0.8, 1.3), shear=15, fill=1),
    "erasing": RandomErasing(0.7),
    "noise": GaussianNoise(0.1),
    "edge": RandomShift((2, 1), fill="edge"),
    "reflect": RandomShift((1, 3), fill="reflect"),
    "brightness": RandomBrightness(0.2),
    "contrast": RandomContrast(),
    "amplitude": RandomContrast((0.5, 2), center=0),
}
