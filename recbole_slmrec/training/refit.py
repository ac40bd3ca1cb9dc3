"""Training anew on all interactions, with the settings and the number of epochs of a checkpoint."""

from __future__ import annotations

from logging import getLogger
from pathlib import Path

from recbole.model.abstract_recommender import GeneralRecommender

from recbole_slmrec import quick_start
from recbole_slmrec.data.files import check_folder
from recbole_slmrec.model.validated import free_weights
from recbole_slmrec.training.checkpoint import load_checkpoint
from recbole_slmrec.training.trainer import get_trainer


def refit(checkpoint_file: Path, output: Path | None = None) -> Path:
    """Trains on training, validation and test together: nothing is left to evaluate on.

    The number of epochs is that of the checkpoint: a run keeps the epoch that validation chose.
    Initialisation and order follow the checkpoint's seed.

    Args:
        checkpoint_file: what a run has saved.
        output: the new checkpoint, which is marked as a refit and claims no metrics;
            ``<checkpoint_file>-refit.pth`` by default.

    Returns:
        ``output``.

    Raises:
        FileNotFoundError, ValueError: as
            :func:`recbole_slmrec.quick_start.load_data_and_model`, and for a checkpoint that is a
            refit itself or whose model is not a general recommender.
    """
    output = output or checkpoint_file.with_name(f"{checkpoint_file.stem}-refit.pth")
    check_folder(output)
    noted = load_checkpoint(checkpoint_file)
    # Refuses a checkpoint whose data are other ones now.
    _, model, *_, test_data = quick_start.load_data_and_model(str(checkpoint_file))
    if test_data is None:
        raise ValueError(f"{checkpoint_file} is a refit already: it has seen all interactions")
    if not isinstance(model, GeneralRecommender):
        raise ValueError(
            f"{checkpoint_file} is a checkpoint of {noted['model']}: only general recommenders, "
            "ours and RecBole's, are refitted"
        )
    config = quick_start.config_of(noted, {"epochs": noted["epoch"] + 1}, checkpoint_file)
    train_data = quick_start.load_everything(config)
    anew = quick_start.build_model(config, train_data)
    for name, part in free_weights(model).items():
        # Validation chose it, and there is none here.
        anew.get_submodule(name).load_state_dict(part.state_dict())
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, anew)
    n = len(train_data._dataset)
    getLogger().info(f"Refit on all {n:,} interactions, {trainer.epochs} epochs, no evaluation")
    trainer.refit = True
    trainer.saved_model_file = str(output)
    trainer.fit(train_data, saved=False, show_progress=config["show_progress"])
    trainer._save_checkpoint(trainer.epochs - 1)
    return output
