"""An overlay as steps of a pipeline of datatrove's, whose executors run them on one machine or on many."""

from dataclasses import dataclass
from pathlib import Path

from pgt_lora.data.overlay.build import finish
from pgt_lora.data.overlay.shard import OverlayJob, write_shard


@dataclass(frozen=True)
class MakeShards:
    """The step that makes shards: of `world_size` tasks, each makes every so manieth one."""

    job: OverlayJob

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        """Make the shards of the task `rank`; those that are there already are left as they are.

        Raises:
            InputError: an image of a chosen row cannot be read.
        """
        for shard in range(rank, self.job.num_shards, world_size):
            write_shard(self.job, shard)


@dataclass(frozen=True)
class Finish:
    """The step behind all others, in one task: it puts the shards into their place, with the manifest."""

    job: OverlayJob
    out: Path
    overwrite: bool = False

    def __call__(self, data: object, rank: int, world_size: int) -> None:
        """Finish the directory.

        Raises:
            InputError: a shard is not there, or no photograph is drawn over.
        """
        finish(self.job, self.out, self.overwrite)
