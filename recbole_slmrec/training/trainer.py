"""How a model learns, saves and resumes: RecBole's trainers with safe, exact checkpoints."""

from __future__ import annotations

import math
import os
import secrets
from contextlib import nullcontext
from functools import cached_property
from time import perf_counter

import recbole
import recbole.utils
import torch
from recbole.trainer import Trainer
from recbole.utils import set_color

from recbole_slmrec.data.files import named_by
from recbole_slmrec.data.fingerprint import fingerprint
from recbole_slmrec.evaluation import metrics
from recbole_slmrec.evaluation.collector import RankingCollector
from recbole_slmrec.evaluation.per_user import UserEvaluator
from recbole_slmrec.model.validated import free_weights
from recbole_slmrec.processes import parallel
from recbole_slmrec.processes.whole_state import WholeState
from recbole_slmrec.settings import model_defaults
from recbole_slmrec.training import outside
from recbole_slmrec.training.averaging import ParameterAverage
from recbole_slmrec.training.checkpoint import (
    in_todays_names,
    load_checkpoint,
    plain_settings,
    random_state,
    restore_random_state,
    save_checkpoint,
)
from recbole_slmrec.training.memory import keep_freed_memory

# Settings of a run that say nothing of the model that came out of it.
_PASSING = frozenset(
    "resume epochs gpu_id config_files nproc world_size ip port init_method offset local_rank single_spec "
    "state show_progress checkpoint_dir".split()
)


# Over so many epochs the learning rate falls by the factor lr_decay.
DECAY_EPOCHS = 50


class PluginTrainer:
    """What every trainer does here on top of RecBole's: mixed in before the trainer class of a model.

    RecBole's checkpoints pickle the ``Config`` object, which PyTorch 2.6 and later refuse to read and
    which could run code; and they keep neither random states nor the order of the batches. Those of
    this class hold tensors and plain values, and resuming continues bit for bit on a CPU with
    one thread.
    """

    average: ParameterAverage | None = None
    # Of a model whose tables processes hold by columns.
    whole_state: WholeState | None = None

    def __init__(self, config, model):
        keep_freed_memory()
        with parallel.as_single_process(config):
            super().__init__(config, model)
        # RecBole names the file by the second, so that runs side by side overwrite one another's.
        path, extension = os.path.splitext(self.saved_model_file)
        self.saved_model_file = f"{path}-{secrets.token_hex(3)}{extension}"
        self.epoch_seconds: list[float] = []
        self.epoch_losses: list[float] = []
        self.valid_scores: list[tuple[int, float]] = []
        metrics.correct(self.evaluator)
        self.evaluator = self.user_evaluator = UserEvaluator(self.evaluator)
        self.eval_collector = RankingCollector(config)
        # Marks checkpoints of a model that was trained on validation and test too.
        self.refit = False
        self._train_data = None
        self._valid_result: dict | None = None
        self._resumed_states: dict | None = None
        self._built = outside.marks(self.model)
        # Of models that are trained in one epoch, whatever eval_step is.
        self.eval_step = min(self.eval_step, self.epochs)
        if not config["single_spec"]:
            self._synchronise()
            self.saved_model_file = parallel.first_ones_text(self.saved_model_file)
            self.evaluator = parallel.JointEvaluator(self.evaluator)

    def _synchronise(self) -> None:
        optimizers = self._optimizers().values()
        if not parallel.one_batch():
            for optimizer in optimizers:
                parallel.synchronise(self.model, optimizer)
            return
        first_here = self.config["local_rank"] == 0
        self.whole_state = WholeState(self.model, self.model.columns_held, first_here)
        for optimizer in optimizers:
            parallel.keep_alike(self.whole_state.uncut, optimizer)

    def fit(self, train_data, *args, **kwargs):
        self._train_data = train_data
        if self._resumed_states is not None:
            for loader, state in zip(_loaders(train_data), self._resumed_states["loaders"]):
                loader.generator.set_state(state.cpu())
            restore_random_state(self._resumed_states)
            on_devices = self._resumed_states.get("cuda")
            if on_devices and parallel.one_batch() and self.device.type == "cuda":
                # Of the process that wrote it, whose device was the first.
                torch.cuda.set_rng_state(on_devices[0].cpu(), self.device)
        return super().fit(train_data, *args, **kwargs)

    @torch.no_grad()
    def evaluate(self, eval_data, load_best_model=True, model_file=None, show_progress=False):
        # Overridden for one line of RecBole's: a torch.load that fails or is unsafe.
        if eval_data and not self.config["single_spec"]:
            self.evaluator.n_users = eval_data.sample_size
            parallel.wait()
        if eval_data and load_best_model:
            path = model_file or self.saved_model_file
            self._load_model(self._read(path), path)
            self.logger.info(f"Loading model structure and parameters from {path}")
        return super().evaluate(eval_data, load_best_model=False, show_progress=show_progress)

    def resume_checkpoint(self, resume_file):
        """Continues from ``resume_file``, to which later checkpoints are written too.

        Raises:
            FileNotFoundError, ValueError: if the file is missing, unreadable, of another model or data
                set, or already as far as ``epochs``.
        """
        checkpoint = self._read(resume_file)
        if "optimizers" not in checkpoint:
            raise ValueError(
                f"{resume_file} is from another version and does not hold all that training goes on "
                "from: resume it with the version that wrote it, or train the model anew"
            )
        self._load_model(checkpoint, resume_file)
        self._tell_other_settings(checkpoint, resume_file)
        self.saved_model_file = str(resume_file)
        self.start_epoch = checkpoint["epoch"] + 1
        if self.start_epoch >= self.epochs:
            raise ValueError(
                f"{resume_file} has {self.start_epoch} epochs behind it and epochs is "
                f"{self.epochs}: nothing is left to train; raise --epochs"
            )
        self.cur_step = checkpoint["cur_step"]
        self.best_valid_score = checkpoint["best_valid_score"]
        self.best_valid_result = checkpoint["best_valid_result"]
        optimizers = self._optimizers()
        for name, state in checkpoint["optimizers"].items():
            optimizers[name].load_state_dict(state)
        if self.average and checkpoint.get("average"):
            self.average.resume(checkpoint["average"])
        self._resumed_states = checkpoint["random"]
        self.logger.info(f"Checkpoint loaded. Resume training from epoch {self.start_epoch}")

    def _read(self, path) -> dict:
        """A checkpoint, of whose tables this process's columns are left."""
        if self.whole_state is None:
            return load_checkpoint(path, self.device)
        return self.whole_state.own(load_checkpoint(path))

    def _check_nan(self, loss):
        if torch.isnan(loss):
            epoch = self.start_epoch + len(self.epoch_losses)
            raise ValueError(
                f"training loss is nan in epoch {epoch}: lower learning_rate, or weights that are huge"
            )

    def set_reduce_hook(self):
        """Nothing: the optimiser's step averages the gradients."""

    def _map_reduce(self, result, num_sample):
        return result

    def _save_checkpoint(self, epoch, verbose=True, **kwargs):
        writes = self.config["single_spec"] or self.config["local_rank"] == 0
        if not writes and self.whole_state is None:
            return
        state = self._state(epoch)
        if self.whole_state is not None:
            state = self.whole_state.gathered(state)
        if not writes:
            return
        path = kwargs.get("saved_model_file", self.saved_model_file)
        with named_by("--checkpoint_dir"):
            save_checkpoint(state, path)
        if verbose:
            self.logger.info(set_color("Saving current", "blue") + f": {path}")

    def _state(self, epoch: int) -> dict:
        """All that a checkpoint holds."""
        return {
            "model": self.config["model"],
            "dataset": self.config["dataset"],
            "settings": plain_settings(self.config.final_config_dict),
            "external": _lasting(plain_settings(self.config.external_config_dict)),
            "versions": {"recbole": recbole.__version__, "torch": str(torch.__version__)},
            "data": self._fingerprint,
            "refit": self.refit,
            "epoch": epoch,
            "cur_step": self.cur_step,
            "best_valid_score": self.best_valid_score,
            "best_valid_result": self._valid_result and dict(self._valid_result),
            "state_dict": dict(self.model.state_dict()),
            "other_parameter": {
                name: value
                for name, value in self.model.other_parameter().items()
                # DIN and DIEN name a layer there, whose parameters are in the state_dict.
                if not isinstance(value, torch.nn.Module)
            },
            "outside": outside.changed(self.model, self._built),
            "optimizers": {name: o.state_dict() for name, o in self._optimizers().items()},
            "average": self.average and self.average.state(),
            "random": {
                **random_state(),
                "loaders": [loader.generator.get_state() for loader in _loaders(self._train_data)],
            },
        }

    def save_pretrained_model(self, epoch, saved_model_file):
        # Overridden because RecBole's is a pickle that holds the Config object.
        self.saved_model_file = saved_model_file
        self._save_checkpoint(epoch, verbose=False)

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Every optimiser by the name of its attribute, each once."""
        named = {
            id(value): (name, value)
            for name, value in vars(self).items()
            if isinstance(value, torch.optim.Optimizer)
        }
        # RecVAE's trainer has one for each half and lets `optimizer` be the one that is in use.
        return dict(named.values())

    @cached_property
    def _fingerprint(self) -> dict:
        return fingerprint(self._train_data._dataset)

    def _valid_epoch(self, valid_data, show_progress=False):
        # RecBole saves an improved model before it notes the result that the improvement is.
        score, self._valid_result = self._validated(valid_data, show_progress)
        self.valid_scores.append((self.start_epoch + len(self.epoch_seconds), score))
        return score, self._valid_result

    def _validated(self, valid_data, show_progress) -> tuple[float, dict]:
        """The score by which training goes on, and all metrics of the validation."""
        return super()._valid_epoch(valid_data, show_progress)

    def _train_epoch(self, *args, **kwargs):
        start = perf_counter()
        self._before_epoch()
        # With one batch, RecBole's own means for several processes would cost a pass over all tables.
        alone = parallel.as_single_process(self.config) if parallel.one_batch() else nullcontext()
        try:
            with alone:
                losses = super()._train_epoch(*args, **kwargs)
        except KeyError as error:
            self._explain(error)
        self.epoch_seconds.append(perf_counter() - start)
        self.epoch_losses.append(sum(losses) if isinstance(losses, tuple) else losses)
        return losses

    def _before_epoch(self) -> None:
        """What comes before an epoch, and is part of its time."""

    def _explain(self, error: KeyError) -> None:
        """Raises what a batch without negatives means, or else ``error``."""
        prefix, sampled = (
            self.config["NEG_PREFIX"],
            self.config["train_neg_sample_args"]["sample_num"],
        )
        if sampled == "none" and str(error.args[0]).startswith(prefix):
            raise ValueError(
                f"{self.config['model']} learns from sampled negatives, but train_neg_sample_args has "
                "none: set train_neg_sample_args: {distribution: uniform, sample_num: 1}"
            ) from None
        raise error

    def _generate_train_loss_output(self, epoch_idx, s_time, e_time, losses):
        output = super()._generate_train_loss_output(epoch_idx, s_time, e_time, losses)
        for number, name in enumerate(getattr(self.model, "loss_names", ()), start=1):
            output = output.replace(f"train_loss{number}", f"{name} loss")
        return output

    def _load_model(self, checkpoint: dict, path) -> None:
        if checkpoint.get("refit"):
            raise ValueError(f"{path} is a refit: it can be recommended from, not gone on with")
        for key in ("model", "dataset"):
            if checkpoint[key] != self.config[key]:
                raise ValueError(
                    f"{path} is a checkpoint of the {key} [{checkpoint[key]}], "
                    f"but this run's is [{self.config[key]}]"
                )
        try:
            self.model.load_state_dict(checkpoint["state_dict"])
        except RuntimeError as error:
            raise ValueError(
                f"{path} does not fit this model; {self._differences(checkpoint)}. {error}"
            ) from None
        self.model.load_other_parameter(checkpoint["other_parameter"])
        outside.restore(self.model, checkpoint.get("outside", {}))

    def _tell_other_settings(self, checkpoint: dict, path) -> None:
        """Warns if a model of ours goes on with settings that it did not have so far."""
        current = plain_settings(self.config.final_config_dict)
        saved = in_todays_names(type(self.model), checkpoint["settings"], path)
        others = [
            f"{key} was {saved[key]} and is {current.get(key)}"
            for key in model_defaults(self.config["model"])
            if key in saved and saved[key] != current.get(key)
        ]
        if others:
            self.logger.warning(
                f"{path} goes on with other settings than before: {'; '.join(others)}"
            )

    def _differences(self, checkpoint: dict) -> str:
        current = plain_settings(self.config.final_config_dict)
        differing = [
            f"{key} was {value} and is {current.get(key)}"
            for key, value in _lasting(checkpoint["settings"]).items()
            if value != current.get(key)
        ]
        return "its settings are the same" if not differing else "; ".join(differing)


class SLMRecTrainer(PluginTrainer, Trainer):
    """RecBole's trainer for this package's models, with PyTorch's fused Adam and quicker scores.

    Where a model has the setting ``ema_decay`` above 0, what is evaluated and kept is the average of
    its parameters over steps (:class:`~recbole_slmrec.training.averaging.ParameterAverage`). Where it has
    ``lr_decay``, the learning rate falls by this factor over 50 epochs, a little with each.

    Raises:
        ValueError: for an ``ema_decay`` or ``lr_decay`` out of range.
    """

    def __init__(self, config, model):
        super().__init__(config, model)
        _check_decay(config["lr_decay"])
        if config["ema_decay"]:
            self.average = ParameterAverage(self.model.parameters(), config["ema_decay"])
            self._hook = self.optimizer.register_step_post_hook(lambda *_: self.average.update())

    def fit(self, *args, **kwargs):
        result = super().fit(*args, **kwargs)
        if self.average is not None:
            self.average.swap()
            self.average = self._hook.remove()
            self.model.forget_tables()
        return result

    def _before_epoch(self):
        if self.config["lr_decay"]:
            # Of the number of the epoch alone, so that a resumed run goes on as it would have.
            epoch = self.start_epoch + len(self.epoch_seconds)
            for group in self.optimizer.param_groups:
                group["lr"] = self.learning_rate * self.config["lr_decay"] ** (epoch / DECAY_EPOCHS)
        self.model.start_epoch()

    def _valid_epoch(self, *args, **kwargs):
        with self._averaged():
            score, result = super()._valid_epoch(*args, **kwargs)
        if score == self.best_valid_score:
            # RecBole takes a tie for an improvement: patience would not end where rankings stay.
            score = math.nextafter(score, -math.inf if self.valid_metric_bigger else math.inf)
        return score, result

    def _validated(self, *args):
        """As the base class's, with the better of each free weight and its neighbour."""
        best = super()._validated(*args)
        for part in free_weights(self.model).values():
            weight, tried = part.weight.clone(), part.neighbour()
            if tried is not None:
                part.weight.fill_(tried)
                neighbour = super()._validated(*args)
                if neighbour[0] > best[0] if self.valid_metric_bigger else neighbour[0] < best[0]:
                    best = neighbour
                    continue
                part.weight.copy_(weight)
            part.turn()
        return best

    def _save_checkpoint(self, *args, **kwargs):
        with self._averaged():
            super()._save_checkpoint(*args, **kwargs)

    def _averaged(self):
        return nullcontext() if self.average is None else self.average.in_place()

    def _build_optimizer(self, **kwargs):
        optimizer = super()._build_optimizer(**kwargs)
        if type(optimizer) is not torch.optim.Adam:
            return optimizer
        # One pass over each parameter in place of a dozen: most of a step's time goes there.
        return torch.optim.Adam(
            self.model.parameters(),
            lr=self.learning_rate,
            weight_decay=self.weight_decay,
            fused=True,
        )

    def _full_sort_batch_eval(self, batched_data):
        interaction, seen, positive_u, positive_i = batched_data
        users = interaction[self.config["USER_ID_FIELD"]].to(self.device)
        scores = self.model.item_scores(users).T
        scores[:, 0] = -torch.inf
        if seen is not None:
            scores[seen] = -torch.inf
        return interaction, scores, positive_u, positive_i


def _check_decay(decay: float | None) -> None:
    if decay is not None and (not isinstance(decay, (int, float)) or not 0 < decay <= 1):
        raise ValueError(
            f"lr_decay [{decay}] must be a number above 0, at most 1: the factor by which the learning "
            f"rate falls over {DECAY_EPOCHS} epochs"
        )


def get_trainer(model_type, model_name: str) -> type:
    """The trainer class of a model, ours or RecBole's, with this package's checkpoints."""
    trainer = recbole.utils.get_trainer(model_type, model_name)
    if issubclass(trainer, PluginTrainer):
        return trainer
    return type(trainer.__name__, (PluginTrainer, trainer), {})


def _loaders(train_data) -> list:
    """The loaders that ``train_data`` draws from: RecBole's knowledge-based one has two."""
    parts = ("general_dataloader", "kg_dataloader")
    return [getattr(train_data, part) for part in parts if hasattr(train_data, part)] or [
        train_data
    ]


def _lasting(settings: dict) -> dict:
    return {key: value for key, value in settings.items() if key not in _PASSING}
