"""The configuration of the recipe."""

from dataclasses import dataclass

from models.action_predictor import MAX_REMEMBERED, MAX_SHIFTS
from models.motion import MAX_FIELDS
from models.precision import PRECISIONS, Precision
from session.history import MAX_LENGTH, MIN_LENGTH
from training.config import MAX_BATCH, MAX_STEPS, TrainingConfig
from training.values import check_choice, check_number, check_whole

CLIP_NORM = 1.0
LEAST_LR_SHARE = 0.05  # of the learning rate, at the end of the cosine
MAX_DREAMED = 100
MAX_CHANNELS = 1000
EVALUATE_EVERY = 50  # an evaluation costs as much as some ten steps on a part of the tokens


@dataclass(frozen=True)
class RecipeConfig:
    """Standard values of the recipe; raises InvalidValue.

    Half of the autoencoder steps remove a share of the patches drawn from [0, `mask_ratio_high`]. Pixels that differ
    from the background have a weight of 1 + `foreground_weight`, those that the predictor generates in place of copying
    one of 1 + `generated_weight`. A predictor step uses `kept_rows` whole rows of patches or, if 0, `kept_patches`
    patches, the foreground first; both 0: all. `max_shifts`: the most shifts by which the predictor may copy pixels; 0:
    it copies none. With `chooses_by_action` the action by itself favours some of them. `remembered`: the most pictures
    in which the predictor looks up what lies beyond its last frame. With `motion_fields` the whole picture moves by the
    actions before, which is fitted in `motion_steps`. `mirrored_channel`: the action channel, from 1, whose sign is
    left or right: half of what is learned from is mirrored; 0: nothing. Histories have up to `history_length` frames,
    in one step of four up to `longest_history`. `dreamed_frames`: the most predicted frames of a history in the rollout
    phase; a predictor that copies continues `dreams` windows for so many frames. `dream_steps`: its steps, 0 omits it.
    A share `moving_share` of the windows is drawn from those whose last action changed the picture; in a share
    `reconstructed_share` all pictures are the autoencoder's reconstructions, as imagined frames are.
    """

    autoencoder_steps: int = 1500
    autoencoder_batch: int = 8
    autoencoder_lr: float = 3e-4
    mask_ratio_high: float = 0.5
    predictor_steps: int = 3000
    predictor_batch: int = 16
    predictor_lr: float = 5e-4
    dream_steps: int = 800
    dream_lr: float = 2e-4
    dreams: int = 4
    dreamed_frames: int = 4
    warmup_steps: int = 50
    history_length: int = 3
    longest_history: int = 3
    kept_patches: int = 39
    kept_rows: int = 0
    max_shifts: int = 0
    chooses_by_action: bool = False
    remembered: int = 0
    motion_fields: int = 0
    motion_steps: int = 400
    motion_lr: float = 3e-3
    mirrored_channel: int = 0
    foreground_weight: float = 20.0
    generated_weight: float = 4.0
    latent_weight: float = 0.1
    moving_share: float = 0.0
    reconstructed_share: float = 0.0
    weight_decay: float = 0.01
    starts_in_space_and_time: bool = True
    seed: int = 0
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        for name in ("autoencoder_steps", "predictor_steps", "motion_steps"):
            check_whole(getattr(self, name), name, 1, MAX_STEPS)
        for name in ("autoencoder_batch", "predictor_batch"):
            check_whole(getattr(self, name), name, 1, MAX_BATCH)
        for name in ("autoencoder_lr", "predictor_lr", "dream_lr", "motion_lr"):
            check_number(getattr(self, name), name, 1e-9, 1.0)
        for name in ("foreground_weight", "generated_weight", "latent_weight", "weight_decay"):
            check_number(getattr(self, name), name, 0.0, 1000.0)
        check_number(self.mask_ratio_high, "mask_ratio_high", 0.0, 0.95)
        for name in ("moving_share", "reconstructed_share"):
            check_number(getattr(self, name), name, 0.0, 1.0)
        check_whole(self.warmup_steps, "warmup_steps", 1, MAX_STEPS)
        check_whole(self.dream_steps, "dream_steps", 0, MAX_STEPS)
        check_whole(self.history_length, "history_length", MIN_LENGTH, MAX_LENGTH)
        check_whole(self.longest_history, "longest_history", self.history_length, MAX_LENGTH)
        check_whole(self.dreams, "dreams", 1, MAX_BATCH)
        check_whole(self.dreamed_frames, "dreamed_frames", 0, MAX_DREAMED)
        check_whole(self.kept_patches, "kept_patches", 0, 1000)
        check_whole(self.kept_rows, "kept_rows", 0, 1000)
        check_whole(self.max_shifts, "max_shifts", 0, MAX_SHIFTS)
        check_whole(self.remembered, "remembered", 0, MAX_REMEMBERED)
        check_whole(self.motion_fields, "motion_fields", 0, MAX_FIELDS)
        check_whole(self.mirrored_channel, "mirrored_channel", 0, MAX_CHANNELS)
        check_whole(self.seed, "seed", 0, 2**63 - 1)
        check_choice(self.precision, "precision", PRECISIONS)

    def phase_config(self, lr: float, steps: int) -> TrainingConfig:
        """The configuration of a phase of `steps` steps: the rate warms up, then follows a cosine to its end."""
        return TrainingConfig(
            autoencoder_lr=lr,
            predictor_lr=lr,
            warmup_steps=self.warmup_steps,
            weight_decay=self.weight_decay,
            cosine_steps=max(1, steps - self.warmup_steps),
            least_lr_share=LEAST_LR_SHARE,
            clip_norm=CLIP_NORM,
            evaluate_every=EVALUATE_EVERY,
            precision=self.precision,
        )
