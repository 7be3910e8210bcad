"""TRL's trainer, and its private methods that the kit changes.

`tests/training/test_hooked_trainer.py` fails where a new version changes one of them.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from trl import SFTTrainer

if TYPE_CHECKING:
    from torch.utils.data import Sampler


class HookedTrainer(SFTTrainer):
    """TRL's trainer, its private methods that the kit changes under names of the kit's own."""

    def train_sampler(self, default: "Sampler | None") -> "Sampler | None":
        """Return what orders the training samples, in the place of the trainer's own choice."""
        return default

    def saving(self) -> AbstractContextManager[None]:
        """Return what a checkpoint is written in."""
        return nullcontext()

    def is_over(self) -> bool:
        """Tell whether there is nothing left to train, where training goes on from a checkpoint."""
        return False

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:
        if self.is_over():  # Transformers would take a step more before it looks
            self.control.should_training_stop = True
        else:
            super()._run_epoch(*args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> "Sampler | None":
        return self.train_sampler(super()._get_train_sampler(train_dataset))

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        save: Callable[..., None] = super()._save_checkpoint
        with self.saving():
            save(model, trial)


def prepared(trainer: Any, batch: dict[str, Any]) -> Any:
    """Return a batch as the trainer hands it to its model: on its device."""
    return trainer._prepare_inputs(dict(batch))
