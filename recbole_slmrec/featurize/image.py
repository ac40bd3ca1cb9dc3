"""Images of items, and their features: the last hidden layer of a torchvision classifier."""

from __future__ import annotations

import pickle
import re
from concurrent.futures import ThreadPoolExecutor
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from recbole_slmrec.data.item_files import IMAGES, files_of_items
from recbole_slmrec.featurize.items import Items
from recbole_slmrec.names import did_you_mean


def images_of(items: Items, folder: Path) -> dict[int, Path]:
    """The image of each item: a file named by the item's id, such as ``B0001.jpg``.

    Args:
        items: the items of the data set.
        folder: where the files lie.

    Returns:
        Row number to file, for items that have one. How many files belong to no item is logged.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if an item has two files, or none has any.
    """
    return files_of_items("image", items.ids, folder, IMAGES, str(items.file))


class ImageEncoder:
    """Encodes images with a torchvision classifier whose last layer is left out.

    Args:
        model: name of a classification model of torchvision, such as resnet50.
        weights: a file with its state dict; None means those that torchvision recommends, fetched
            if they are not in its cache.

    Attributes:
        width: the length of a vector.
        weights: the file of the weights.

    Raises:
        ValueError: if torchvision is not installed or does not fit PyTorch, the model is unknown or
            has no linear last layer, or the weights are not its own.
        FileNotFoundError: if there are no weights; says how to get them.
    """

    def __init__(self, model: str, weights: Path | None = None):
        models = _torchvision_models()
        known = models.list_models(module=models)
        if model not in known:
            raise ValueError(
                f"torchvision has no classification model {model!r}{did_you_mean(model, known)}; "
                f"it has {', '.join(known)}"
            )
        published = models.get_model_weights(model)
        self.weights = weights or _fetched(model, published.DEFAULT.url)
        network = models.get_model(model, weights=None)
        _load(network, model, self.weights)
        self.width = _without_last_layer(network, model)
        # Published weights of a model may differ in the preprocessing that they expect.
        of_that_name = [it for it in published if Path(it.url).name == self.weights.name]
        self._transform = (of_that_name or [published.DEFAULT])[0].transforms()
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._network = network.eval().to(self._device)

    @torch.no_grad()
    def encode(self, batch: list[Path]) -> list[np.ndarray | None]:
        """A vector for each file; None where it holds no image that can be read."""
        with ThreadPoolExecutor() as pool:
            images = list(pool.map(self._read, batch))
        readable = [image for image in images if image is not None]
        if not readable:
            return [None] * len(batch)
        vectors = iter(self._network(torch.stack(readable).to(self._device)).cpu().numpy())
        return [None if image is None else next(vectors) for image in images]

    def _read(self, file: Path) -> torch.Tensor | None:
        try:
            with Image.open(file) as image:
                return self._transform(image.convert("RGB"))
        # The decoders fail in many ways on damaged files.
        except Exception:
            return None


def _torchvision_models() -> Any:
    try:
        import torchvision.models
    except ImportError as error:
        raise ValueError(
            f"features of images need torchvision ({error}): pip install recbole-slmrec[image]"
        ) from error
    except RuntimeError as error:
        raise ValueError(
            f"the installed torchvision does not fit PyTorch {torch.__version__} ({error}); "
            "install the release that belongs to it, from where PyTorch itself came (the builds "
            "for CPU and for CUDA do not mix)"
        ) from error
    return torchvision.models


def _fetched(model: str, url: str) -> Path:
    # Where torchvision itself keeps weights, so that those it has fetched before are found.
    file = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    if file.is_file():
        return file
    getLogger().info(f"downloading {url}")
    file.parent.mkdir(parents=True, exist_ok=True)
    digest = re.search(r"-([0-9a-f]{8,})\.", file.name)[1]
    try:
        torch.hub.download_url_to_file(url, str(file), hash_prefix=digest)
    except (OSError, RuntimeError) as error:
        raise FileNotFoundError(
            f"no weights of {model} are at hand, and they cannot be fetched ({error}). Fetch them "
            f"elsewhere from {url} and pass --weights FILE"
        ) from error
    return file


def _load(network: torch.nn.Module, model: str, file: Path) -> None:
    if not file.is_file():
        raise FileNotFoundError(f"--weights {file} does not exist")
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"{file} is refused: it is damaged, or holds more than tensors, and reading it could "
            "run code; save a model's state_dict() with torch.save"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise ValueError(f"{file} is truncated or holds no weights: {error}") from error
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise ValueError(f"{file} does not hold the weights of {model}: {error!s:.300}") from error
    if hasattr(network, "transform_input"):
        # GoogLeNet and Inception: their published weights want it, and torchvision only sets it
        # where it loads them itself.
        network.transform_input = True


def _without_last_layer(network: torch.nn.Module, model: str) -> int:
    linear = [name for name, it in network.named_modules() if isinstance(it, torch.nn.Linear)]
    if not linear:
        raise ValueError(f"{model} does not end in a linear layer; choose another model")
    parent, _, name = linear[-1].rpartition(".")
    last = getattr(network.get_submodule(parent), name)
    setattr(network.get_submodule(parent), name, torch.nn.Identity())
    return last.in_features
