"""RecBole's SASRec as RecBole runs it: its own configuration, data set, loaders, model and trainer."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PEER = "RecBole 1.2.1"

SETTINGS: Mapping[str, Any] = {
    "loss_type": "CE",
    "MAX_ITEM_LIST_LENGTH": 20,
    "hidden_size": 64,
    "inner_size": 256,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dropout_prob": 0.5,
    "attn_dropout_prob": 0.5,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "learning_rate": 1e-3,
    "train_batch_size": 256,
    "train_neg_sample_args": None,
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
    "metrics": ["Hit", "NDCG", "MRR"],
    "topk": [5, 10, 20],
    "valid_metric": "MRR@10",
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "TIME_FIELD": "timestamp",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
    "user_inter_num_interval": None,
    "item_inter_num_interval": None,
    "use_gpu": False,
    "show_progress": False,
    "log_wandb": False,
    "save_dataset": False,
    "state": "WARNING",
    "seed": 2024,
    "reproducibility": True,
}
"""The recipe methods/sasrec in RecBole's words; whatever is not named here has RecBole's default (eval_batch_size 4096)."""

_GONE = {"complex_": "complex128", "float_": "float64", "unicode_": "str_"}
"""Names that numpy 2 took away and RecBole 1.2.1 reads when it is configured."""


def write_interactions(*, data: str, folder: str) -> dict[str, Any]:
    """Write a data set of ours as RecBole's atomic file; the position in a user's history stands for the time."""
    from sracl.data import datasets

    loaded = datasets.load(data, {})
    path = Path(folder) / "recbole" / data / f"{data}.inter"
    path.parent.mkdir(parents=True)
    with path.open("w", encoding="utf-8") as file:
        file.write("user_id:token\titem_id:token\ttimestamp:float\n")
        for user in range(loaded.num_users):
            for position, item in enumerate(loaded.sequence(user).tolist(), start=1):
                file.write(f"{user + 1}\t{item}\t{position}\n")
    return {"users": loaded.num_users, "items": loaded.num_items}


def load(*, data: str, folder: str, anomaly: bool, **settings: Any) -> tuple[Any, Any, Any, Any, Any]:
    """Configuration, model with initial weights, and the loaders of training, validation and test.

    Args:
        data: Written before by `write_interactions`.
        folder: The same.
        anomaly: Whether autograd looks for anomalies, which importing RecBole's sequential models switches on.
        settings: Beside or instead of `SETTINGS`.
    """
    revive()
    config_module, data_module, utils = (importlib.import_module(f"recbole.{name}") for name in ("config", "data", "utils"))
    config = config_module.Config(model="SASRec", dataset=data, config_dict=configuration(folder, settings))
    utils.init_seed(config["seed"], config["reproducibility"])
    dataset = data_module.create_dataset(config)
    train, valid, test = data_module.data_preparation(config, dataset)
    model = utils.get_model(config["model"])(config, train._dataset).to(config["device"])
    torch.autograd.set_detect_anomaly(anomaly)
    return config, model, train, valid, test


def trainer(config: Any, model: Any) -> Any:
    """RecBole's trainer of this model."""
    utils = importlib.import_module("recbole.utils")
    return utils.get_trainer(config["MODEL_TYPE"], config["model"])(config, model)


def run(*, data: str, folder: str, **settings: Any) -> dict[str, Any]:
    """The whole of `run_recbole`: data set, training, validation, test."""
    revive()
    quick_start = importlib.import_module("recbole.quick_start")
    result = quick_start.run_recbole(model="SASRec", dataset=data, config_dict=configuration(folder, settings))
    return {"test": {name: float(value) for name, value in result["test_result"].items()}}


def training_steps(config: Any, model: Any, train: Any) -> Iterator[None]:
    """The steps of its trainer, epoch after epoch, without the trainer's bookkeeping; comes back after each."""
    optimizer = trainer(config, model).optimizer
    model.train()
    while True:
        for interaction in train:
            optimizer.zero_grad()
            loss = model.calculate_loss(interaction.to(config["device"]))
            if torch.isnan(loss):
                raise ValueError("the loss is not a number")
            loss.backward()
            optimizer.step()
            yield


def configuration(folder: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """`SETTINGS` with the places of this measurement."""
    places = {"data_path": str(Path(folder) / "recbole"), "checkpoint_dir": str(Path(folder) / "saved")}
    return {**SETTINGS, **places, **settings}


def revive() -> None:
    """Give RecBole the names and defaults that it still expects; must come before it is imported."""
    for old, new in _GONE.items():
        if not hasattr(np, old):
            setattr(np, old, getattr(np, new))
    load = torch.load
    # its checkpoints hold its configuration, an object of its own, which torch no longer reads unless told to
    torch.load = lambda *arguments, **options: load(*arguments, **{"weights_only": False, **options})
    # its quick start imports ray, which it uses for tuning alone and whose last version it accepts no longer loads beside
    # a recent setuptools; left out, the peer starts some seconds sooner
    ray = sys.modules.setdefault("ray", ModuleType("ray"))
    ray.__dict__.setdefault("tune", ModuleType("ray.tune"))
    sys.argv = sys.argv[:1]  # it reads the command line for settings
