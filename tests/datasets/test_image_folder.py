"""Images of folders: what is read, how it is converted, and what is refused."""

import os
from pathlib import Path

import numpy as np
import pytest
import small_folders
from PIL import Image, ImageOps
from small_folders import RNG, save

from skconv.datasets import load_image_folder

folder = small_folders.folder


# What is read ------------------------------------------------------------------------


def test_labels_are_the_names_of_folders_in_order_of_paths(tmp_path):
    names = "b/2.png", "b/10.png", "a/x.png", "a/sub/0.png", "Z/ü.png"
    pixels = {name: save(tmp_path / name) for name in names}
    data = load_image_folder(tmp_path)
    assert data.target_names == ["Z", "a", "b"]
    assert data.target.tolist() == ["Z", "a", "a", "b", "b"]
    relative = [Path(name).relative_to(tmp_path).as_posix() for name in data.filenames]
    assert relative == ["Z/ü.png", "a/sub/0.png", "a/x.png", "b/10.png", "b/2.png"]
    for image, name in zip(data.data, relative, strict=True):
        assert (image == pixels[name]).all()
    X, y = load_image_folder(str(tmp_path), return_X_y=True)
    assert (data.data == X).all() and X.dtype == np.uint8 and y.dtype.kind == "U"


def test_hidden_files_other_files_and_files_beside_folders_are_ignored(tmp_path):
    save(tmp_path / "a" / "1.png")
    save(tmp_path / "a" / ".hidden.png")
    save(tmp_path / "a" / ".ipynb_checkpoints" / "1.png")
    save(tmp_path / ".git" / "1.png")
    save(tmp_path / "beside.png")
    (tmp_path / "a" / "._1.png").write_bytes(b"resource fork")
    for name in ("Thumbs.db", "notes.txt", "png", "1.png.bak"):
        (tmp_path / "a" / name).write_text("no image")
    data = load_image_folder(tmp_path)
    assert [Path(name).name for name in data.filenames] == ["1.png"]
    assert data.target_names == ["a"]


def test_suffixes_of_any_case_are_images(tmp_path):
    for name in ("1.PNG", "2.Jpg", "3.jpeg", "4.TIFF", "5.bmp", "6.webp", "7.gif"):
        save(tmp_path / "a" / name)
    assert load_image_folder(tmp_path).data.shape == (7, 8, 8, 3)


def test_links_are_followed_but_not_for_ever(tmp_path):
    pixels = save(tmp_path / "elsewhere" / "1.png")
    save(tmp_path / "data" / "a" / "0.png")
    (tmp_path / "data" / "a" / "1.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "data" / "b").symlink_to(tmp_path / "elsewhere")
    os.mkfifo(tmp_path / "data" / "a" / "pipe.png")
    (tmp_path / "data" / "a" / "loop").symlink_to(tmp_path / "data" / "a")
    (tmp_path / "data" / "a" / "up").symlink_to(tmp_path / "data" / "a" / "loop")
    X, y = load_image_folder(tmp_path / "data", return_X_y=True)
    assert y.tolist() == ["a", "a", "b"]
    assert (X[1] == pixels).all() and (X[2] == pixels).all()


def test_categories_choose_folders(tmp_path):
    for name in ("a", "b", "c"):
        save(tmp_path / name / "1.png")
    data = load_image_folder(tmp_path, categories=["c", "a"])
    assert data.target_names == ["a", "c"] and data.target.tolist() == ["a", "c"]
    with pytest.raises(
        ValueError,
        match=r"categories must name folders in .*got 'cc'; did you mean 'c'",
    ):
        load_image_folder(tmp_path, categories=["cc"])


# Conversions -------------------------------------------------------------------------


def one(tmp_path, **options):
    return load_image_folder(tmp_path, **options).data[0]


@pytest.mark.parametrize(
    "orientation, upright",
    [
        (4, lambda pixels: pixels[::-1]),
        (5, lambda pixels: pixels.swapaxes(0, 1)),
        (6, lambda pixels: np.rot90(pixels, -1)),
    ],
)
def test_photographs_are_turned_upright(tmp_path, orientation, upright):
    pixels = RNG.integers(0, 256, (4, 8, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(tmp_path / "a" / "1.png", pixels, exif=exif)
    for lazy in (False, True):
        np.testing.assert_array_equal(one(tmp_path, lazy=lazy), upright(pixels))


def test_palettes_become_colours(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)
    image = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE)
    save(tmp_path / "a" / "1.png", image, transparency=b"\x00\xff\x80\xff")
    assert (one(tmp_path) == colours).all()


@pytest.mark.parametrize("mode, channels", [("L", 1), ("RGB", 3), ("RGBA", 4)])
@pytest.mark.parametrize("given", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK"])
def test_images_of_8_bits_have_the_channels_of_the_mode(
    tmp_path, given, mode, channels
):
    grey = Image.fromarray(np.full((5, 6, 3), 255, np.uint8)).convert(given)
    save(tmp_path / "a" / "1.tif", grey)
    image = one(tmp_path, mode=mode)
    assert image.shape == (5, 6, channels) and image.dtype == np.uint8
    assert (image == 255).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_images_of_16_bits_keep_their_values(tmp_path, suffix):
    deep = RNG.integers(0, 65536, (6, 5)).astype(np.uint16)
    save(tmp_path / "a" / f"1.{suffix}", deep)
    image = one(tmp_path, mode="I;16")
    assert image.shape == (6, 5, 1) and image.dtype == np.uint16
    assert (image[..., 0] == deep).all()
    floats = one(tmp_path, mode="F")
    assert floats.dtype == np.float32 and (floats[..., 0] == deep).all()
    smooth = np.full((6, 5), 40000, np.uint16)
    save(tmp_path / "a" / f"1.{suffix}", smooth)
    assert (one(tmp_path, mode="I;16", image_size=3) == 40000).all()


def test_big_endian_and_32_bits_are_read_too(tmp_path):
    deep = RNG.integers(0, 65536, (6, 5)).astype(np.int32)
    save(tmp_path / "a" / "1.tif", Image.fromarray(deep))
    assert (one(tmp_path, mode="I;16")[..., 0] == deep).all()
    save(tmp_path / "a" / "1.tif", Image.fromarray(deep + 1))
    save(tmp_path / "a" / "1.tif", Image.fromarray(deep.astype(np.float32) - 0.5))
    assert (one(tmp_path, mode="F")[..., 0] == deep - 0.5).all()


@pytest.mark.parametrize(
    "pixels, mode, words",
    [
        (np.zeros((4, 4), np.uint16), "RGB", "more than 8 bits .* Pass mode='I;16'"),
        (np.zeros((4, 4), np.float32), "L", "more than 8 bits"),
        (np.zeros((4, 4), np.uint8), "I;16", "its mode is 'L', but mode='I;16' reads images of 16 bits"),
        (np.zeros((4, 4, 3), np.uint8), "I;16", "its mode is 'RGB', .* one channel"),
        (np.zeros((4, 4, 3), np.uint8), "F", "its mode is 'RGB', .* one channel"),
        (Image.new("LA", (4, 4)), "F", "its mode is 'LA', .* one channel"),
        (Image.new("P", (4, 4)), "F", "its mode is 'P', .* one channel"),
        (Image.new("1", (4, 4)), "F", "its mode is '1', .* one channel"),
        (np.full((4, 4), 70000, np.int32), "I;16", "between 70000 and 70000, .* Pass mode='F'"),
        (np.array([[5, 65536]], np.int32), "I;16", "between 5 and 65536, .* Pass mode='F'"),
        (np.array([[-1, 5]], np.int32), "I;16", "between -1 and 5, .* Pass mode='F'"),
        (np.full((4, 4), np.nan, np.float32), "F", "NaN or infinity"),
    ],
)  # fmt: skip
def test_values_that_a_mode_would_change_are_refused(tmp_path, pixels, mode, words):
    save(tmp_path / "a" / "1.tif", pixels)
    with pytest.raises(
        ValueError, match=rf"1 of 1 files: image .*1\.tif cannot be read: .*{words}"
    ):
        load_image_folder(tmp_path, mode=mode)
    if "bits" not in words:
        with pytest.raises(ValueError, match=words):
            np.asarray(load_image_folder(tmp_path, mode=mode, lazy=True).data)


def test_16_bits_stay_in_their_range(tmp_path):
    deep = np.repeat([0, 65535], 8).astype(np.int32)[None].repeat(4, 0)
    save(tmp_path / "a" / "1.tif", deep)
    np.testing.assert_array_equal(one(tmp_path, mode="I;16")[..., 0], deep)
    # Between the halves bicubic interpolation goes beyond both.
    resized = one(tmp_path, mode="I;16", image_size=(4, 40), resize="stretch")
    assert set(resized[:, :12].ravel()) == {0}
    assert set(resized[:, -12:].ravel()) == {65535}
    floats = one(tmp_path, mode="F", image_size=(4, 40), resize="stretch")
    assert floats.min() < 0 and floats.max() > 65535


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_resize_interpolates_bicubically(tmp_path, resize):
    pixels = save(tmp_path / "a" / "1.png", (9, 12))
    image, bicubic = Image.fromarray(pixels), Image.Resampling.BICUBIC
    want = {
        "crop": lambda: ImageOps.fit(image, (5, 7), bicubic),
        "pad": lambda: ImageOps.pad(image, (5, 7), bicubic),
        "stretch": lambda: image.resize((5, 7), bicubic),
    }[resize]()
    np.testing.assert_array_equal(one(tmp_path, image_size=(7, 5), resize=resize), want)


def test_resize_crops_pads_or_stretches(tmp_path):
    pixels = np.zeros((4, 12, 3), np.uint8)
    pixels[:, 4:8] = 200
    save(tmp_path / "a" / "1.png", pixels)
    assert (one(tmp_path, image_size=4) == 200).all()
    padded = one(tmp_path, image_size=(12, 12), resize="pad")
    assert (
        (padded[4:8] == pixels).all() and not padded[:4].any() and not padded[8:].any()
    )
    stretched = one(tmp_path, image_size=[4, 6], resize="stretch")
    assert (
        stretched.shape == (4, 6, 3)
        and (stretched[:, 3] > 100).all()
        and not stretched[:, 0].any()
    )


# Errors ------------------------------------------------------------------------------


def test_bad_files_are_named_or_left_out(folder):
    whole = (folder / "dark" / "01.png").read_bytes()
    (folder / "dark" / "01.png").write_bytes(whole[: len(whole) // 2])
    (folder / "light" / "00.png").write_bytes(b"")
    (folder / "light" / "02.jpg").write_text("<html>404</html>")
    (folder / "light" / "broken.png").symlink_to(folder / "nowhere.png")
    (folder / "light" / "03.png").rename(folder / "light" / "03.bmp")
    with pytest.raises(
        ValueError,
        match="4 of 26 files: image .*01.png cannot be read.*00.png.*02.jpg cannot be read: cannot identify image file it;.*broken.png.*on_bad_file='warn'",
    ):
        load_image_folder(folder)
    for lazy in (False, True):
        with pytest.warns(UserWarning, match="left out 4 of 26 files: .*01.png"):
            data = load_image_folder(folder, on_bad_file="warn", lazy=lazy)
        assert len(data.data) == len(data.target) == len(data.filenames) == 22
        assert np.asarray(data.data).shape == (22, 8, 8, 3)


@pytest.mark.parametrize("lazy", [False, True])
def test_other_sizes_are_named(folder, lazy):
    save(folder / "light" / "99.png", (9, 8))
    with pytest.raises(
        ValueError,
        match=r"1 of 25 files: image .*99\.png cannot be read: it has 9x8 pixels, other images 8x8\. Pass image_size",
    ):
        load_image_folder(folder, lazy=lazy)
    assert load_image_folder(folder, image_size=8, lazy=lazy).data.shape == (
        25,
        8,
        8,
        3,
    )


def test_only_the_first_of_many_bad_files_are_named(folder):
    for i in range(7):
        (folder / "dark" / f"{i:02}.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"7 of 24 files: .*04\.png.*; and 2 more\. on_b"
    ):
        load_image_folder(folder)


def test_five_bad_files_are_all_named(folder):
    for i in range(5):
        (folder / "dark" / f"{i:02}.png").write_bytes(b"")
    words = (
        r"5 of 24 files: .*04\.png cannot be read: [^;]*\. on_bad_file='warn' leaves"
    )
    with pytest.raises(ValueError, match=words):
        load_image_folder(folder)
    with pytest.warns(UserWarning, match=r"left out 5 of 24 files") as warned:
        load_image_folder(folder, on_bad_file="warn")
    assert warned[0].filename == __file__


def test_size_may_be_one_pixel_and_a_class_may_be_called_train(tmp_path):
    save(tmp_path / "train" / "1.png")
    data = load_image_folder(tmp_path, image_size=(1, 4))
    assert data.data.shape == (1, 1, 4, 3) and data.target_names == ["train"]


def test_no_good_file_is_an_error(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"no")
    for how in ("error", "warn"):
        with pytest.raises(
            ValueError, match=r"1 of 1 files: image .*1\.png cannot be read: [^.]*$"
        ):
            load_image_folder(tmp_path, on_bad_file=how)


def test_folders_without_images_are_named(tmp_path):
    with pytest.raises(
        ValueError, match="must have a folder of images for each class, got no folder"
    ):
        load_image_folder(tmp_path)
    save(tmp_path / "1.png")
    with pytest.raises(ValueError, match="got no folder"):
        load_image_folder(tmp_path)
    save(tmp_path / "a" / "1.png")
    (tmp_path / "b" / "deeper").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"must have images \(.*got none in \['b'\]"):
        load_image_folder(tmp_path)
    assert len(load_image_folder(tmp_path, categories=["a"]).data) == 1


def test_parts_of_a_data_set_are_no_classes(tmp_path):
    for name in ("train/a", "train/b", "test/a"):
        save(tmp_path / name / "1.png")
    words = f"parts of a data set, .*'test', 'train'.*as {str(tmp_path / 'test')!r}, or"
    with pytest.raises(ValueError, match=words):
        load_image_folder(tmp_path)
    assert load_image_folder(tmp_path / "train").target.tolist() == ["a", "b"]
    assert load_image_folder(
        tmp_path, categories=["test", "train"]
    ).target.tolist() == ["test", "train", "train"]


def test_missing_folders_are_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_image_folder(tmp_path / "no")
    save(tmp_path / "1.png")
    with pytest.raises(NotADirectoryError):
        load_image_folder(tmp_path / "1.png")
    if os.geteuid():  # root may read all
        (tmp_path / "a").mkdir(mode=0)
        with pytest.raises(PermissionError):
            load_image_folder(tmp_path)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"image_size": 0}, "image_size"),
        ({"image_size": (8,)}, "image_size must be a positive whole number"),
        ({"image_size": (8, 0)}, "image_size must be a positive"),
        ({"image_size": (8.0, 8)}, "image_size must be a positive"),
        ({"image_size": 8.0}, "image_size"),
        ({"mode": "rgb"}, "mode"),
        ({"resize": "squash"}, "resize"),
        ({"lazy": "yes"}, "lazy"),
        ({"on_bad_file": "skip"}, "on_bad_file"),
        ({"categories": []}, "must have a folder of images"),
    ],
)
def test_wrong_arguments_are_named(folder, wrong, words):
    with pytest.raises(ValueError, match=words):
        load_image_folder(folder, **wrong)


def test_pillow_is_asked_for(folder, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL.Image", None)
    with pytest.raises(ImportError, match=r"pip install \"skconv\[images\]\""):
        load_image_folder(folder)
