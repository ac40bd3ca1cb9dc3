"""Images of items are found by id; their features are a classifier's last hidden layer."""

from __future__ import annotations

import logging
import shutil
import sys
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from PIL import Image

from recbole_slmrec.cli import main
from recbole_slmrec.featurize.image import ImageEncoder, images_of


def draw(path: Path, seed: int = 0, mode: str = "RGB") -> Path:
    pixels = np.random.default_rng(seed).integers(256, size=(40, 50, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """Images of the items a and b, a broken one of d, none of c, and one of no item."""
    folder = tmp_path / "photos"
    folder.mkdir()
    draw(folder / "a.png", 1, "P")
    draw(folder / "b.JPG", 2, "L")
    whole = draw(folder / "d.jpeg", 3).read_bytes()
    (folder / "d.jpeg").write_bytes(whole[: len(whole) // 2])
    draw(folder / "other.webp", 4)
    (folder / "c.txt").write_text("no image")
    return folder


def test_images_are_found_by_id(items, photos, caplog):
    with caplog.at_level(logging.INFO):
        images = images_of(items, photos)
    assert list(images.items()) == [
        (0, photos / "b.JPG"),
        (1, photos / "a.png"),
        (2, photos / "d.jpeg"),
    ]
    assert caplog.messages == [
        "3 of 4 items have an image",
        f"{photos}: 1 images are of items that {items.file} lacks, such as other.webp",
    ]


def test_two_images_of_an_item(items, photos):
    draw(photos / "a.gif")
    with pytest.raises(ValueError, match="two images of item 'a', a.gif and a.png; keep one"):
        images_of(items, photos)


def test_images_of_other_items_only(items, tmp_path):
    draw(tmp_path / "z.png")
    with pytest.raises(ValueError, match="ids such as 'b', whose image would be b.jpg"):
        images_of(items, tmp_path)


def test_no_such_folder(items, tmp_path):
    with pytest.raises(FileNotFoundError, match="none is not a folder"):
        images_of(items, tmp_path / "none")


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(ValueError, match=r"pip install recbole-slmrec\[image\]"):
        ImageEncoder("resnet18")


def test_a_torchvision_of_another_torch_is_named(monkeypatch, tmp_path):
    (tmp_path / "torchvision").mkdir()
    code = "raise RuntimeError('operator torchvision::nms does not exist')\n"
    (tmp_path / "torchvision" / "__init__.py").write_text(code)
    for module in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="torchvision does not fit PyTorch .*nms does not exist"):
        ImageEncoder("resnet18")


@pytest.fixture(scope="module")
def models():
    """torchvision.models, where it can be loaded."""
    pytest.importorskip("torchvision")
    import torchvision.models

    return torchvision.models


@pytest.fixture(scope="module")
def weights(models, tmp_path_factory) -> Path:
    """A state dict of resnet18, drawn at random."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(models.resnet18(weights=None).state_dict(), path)
    return path


def by_hand(models, weights: Path, file: Path) -> np.ndarray:
    network = models.resnet18(weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    hidden = []
    network.avgpool.register_forward_hook(lambda module, args, output: hidden.append(output))
    transform = models.ResNet18_Weights.DEFAULT.transforms()
    with torch.no_grad():
        network.eval()(transform(Image.open(file).convert("RGB"))[None])
    return hidden[0].flatten().numpy()


def test_features_are_the_last_hidden_layer(models, weights, photos):
    encoder = ImageEncoder("resnet18", weights)
    vectors = encoder.encode([photos / "a.png", photos / "d.jpeg", photos / "b.JPG"])
    assert encoder.width == 512
    assert vectors[1] is None
    for vector, name in [(vectors[0], "a.png"), (vectors[2], "b.JPG")]:
        assert vector.shape == (512,)
        assert np.allclose(vector, by_hand(models, weights, photos / name), rtol=1e-3, atol=1e-4)
    assert encoder.encode([photos / "d.jpeg"]) == [None]


def test_the_command(models, weights, shop, photos, capsys, caplog):
    options = ["--images", str(photos), "--model", "resnet18", "--weights", str(weights)]
    with caplog.at_level(logging.INFO):
        assert main(["featurize", "shop", "image", *options]) == 0
    assert "v_feat.npy is ready, as the modality v" in capsys.readouterr().out
    rows = np.load(shop / "v_feat.npy")
    assert (rows.shape, rows.dtype) == ((4, 512), np.float32)
    expected = by_hand(models, weights, photos / "b.JPG")
    assert np.allclose(rows[0], expected, rtol=1e-3, atol=1e-4)
    assert rows[1].any() and not rows[2:].any()
    assert f"1 cannot be read and count as missing: {photos / 'd.jpeg'}" in caplog.messages
    assert "4 x 512; 2 items have no features, but zeros" in caplog.messages
    assert "v: v_feat.npy" in (shop / "shop.yaml").read_text()
    assert not list(shop.glob(".*"))


def test_broken_images_only(models, weights, shop, photos, capsys):
    for name in ("a.png", "b.JPG"):
        (photos / name).write_bytes(b"nothing")
    options = ["--images", str(photos), "--model", "resnet18", "--weights", str(weights)]
    assert main(["featurize", "shop", "image", *options]) == 2
    assert "not one item has features" in capsys.readouterr().err
    assert not (shop / "v_feat.npy").exists() and not (shop / "shop.yaml").exists()


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "shufflenet_v2_x0_5"])
def test_the_last_layer_is_left_out_of_every_architecture(models, photos, tmp_path, name):
    network = models.get_model(name, weights=None)
    torch.save(network.state_dict(), tmp_path / "it.pth")
    (vector,) = ImageEncoder(name, tmp_path / "it.pth").encode([photos / "a.png"])
    # What is left out is linear: put back on, it gives the classifier's own output.
    last = [module for module in network.modules() if isinstance(module, torch.nn.Linear)][-1]
    image = Image.open(photos / "a.png").convert("RGB")
    batch = models.get_model_weights(name).DEFAULT.transforms()(image)[None]
    with torch.no_grad():
        expected = network.eval()(batch)[0]
        difference = last(torch.from_numpy(vector)) - expected
    assert difference.abs().max() < 1e-3 * expected.abs().max()


def test_published_weights_bring_their_own_preprocessing(models, photos, tmp_path):
    first, other = models.MobileNet_V2_Weights
    file = tmp_path / Path(first.url).name
    torch.save(models.mobilenet_v2(weights=None).state_dict(), file)
    (as_first,) = ImageEncoder("mobilenet_v2", file).encode([photos / "a.png"])
    other_name = file.rename(tmp_path / "any.pth")
    (as_any,) = ImageEncoder("mobilenet_v2", other_name).encode([photos / "a.png"])
    assert first.transforms().resize_size != other.transforms().resize_size
    assert np.abs(as_first - as_any).max() > 0.01 * as_first.max()


def test_weights_that_were_fetched_before_are_used(models, weights, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    cached = tmp_path / "hub" / "checkpoints" / Path(models.ResNet18_Weights.DEFAULT.url).name
    cached.parent.mkdir(parents=True)
    shutil.copyfile(weights, cached)
    assert ImageEncoder("resnet18").weights == cached


def test_without_weights_it_says_how_to_get_them(models, monkeypatch, tmp_path):
    def offline(*args, **options):
        raise URLError("no connection")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    message = (
        "no weights of resnet18 are at hand.*no connection.*resnet18-f37072fd.pth and pass --we"
    )
    with pytest.raises(FileNotFoundError, match=message):
        ImageEncoder("resnet18")


@pytest.mark.parametrize(
    "name, message",
    [
        ("resnet81", "no classification model 'resnet81': did you mean resnet"),
        ("fcn_resnet50", "no classification model 'fcn_resnet50'"),
    ],
)
def test_an_unknown_model(models, weights, name, message):
    with pytest.raises(ValueError, match=message):
        ImageEncoder(name, weights)


def test_a_model_without_a_linear_last_layer(models, tmp_path):
    torch.save(models.squeezenet1_1(weights=None).state_dict(), tmp_path / "it.pth")
    with pytest.raises(ValueError, match="squeezenet1_1 does not end in a linear layer"):
        ImageEncoder("squeezenet1_1", tmp_path / "it.pth")


class Intruder:
    """Runs code when a pickle of it is read."""

    def __init__(self, file: Path):
        self.file = file

    def __reduce__(self):
        return Path.touch, (self.file,)


def test_bad_weights(models, weights, tmp_path):
    file = tmp_path / "bad.pth"
    with pytest.raises(FileNotFoundError, match="--weights .*bad.pth does not exist"):
        ImageEncoder("resnet18", file)
    file.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ValueError, match="bad.pth is truncated|bad.pth is refused"):
        ImageEncoder("resnet18", file)
    torch.save([1, 2], file)
    with pytest.raises(ValueError, match="bad.pth does not hold the weights of resnet18"):
        ImageEncoder("resnet18", file)
    with pytest.raises(ValueError, match="mine.pth does not hold the weights of resnet34"):
        ImageEncoder("resnet34", weights)
    torch.save({"a": Intruder(tmp_path / "ran")}, file)
    with pytest.raises(ValueError, match="bad.pth is refused.*could run code"):
        ImageEncoder("resnet18", file)
    assert not (tmp_path / "ran").exists()
