"""Floating-point operations that the networks' results need: only matrix products, two for each multiply-add.

Work that can be omitted without changing the result is not counted: unused tokens of the last layer, keys that a causal
query may not see, and work shared by all candidate actions. A backward pass needs twice its forward pass, without the
gradients of the pictures, which are not learned.

Shapes: D width, N tokens of a sequence, P tokens of a frame (197), T history, C candidate actions.
"""

from dataclasses import dataclass

from models.adaptive_world_model import AdaptiveWorldModelConfig


@dataclass(frozen=True)
class FlopCounts:
    """Operations for batch 1, by computation."""

    config: AdaptiveWorldModelConfig

    @property
    def patch_embedding(self) -> int:
        """Forward of one patch."""
        config = self.config.autoencoder
        return 2 * 3 * config.patch_size**2 * config.width

    def encoder(self, patches: int) -> int:
        """Forward over this number of patches and the class token."""
        config, tokens = self.config.autoencoder, patches + 1
        block = 24 * config.width**2 * tokens + 4 * tokens**2 * config.width
        return patches * self.patch_embedding + config.blocks * block

    def decoder(self, kept: int) -> int:
        """Forward from this number of patches to a whole picture."""
        config, inner = self.config.autoencoder, self.config.autoencoder.decoder_width
        return 2 * kept * config.width * inner + 2 * config.patches * inner * (inner + 3 * config.patch_size**2)

    def causal_layer(self, tokens: int, queries: int) -> int:
        """Forward of a layer for the last `queries` of its tokens, with keys and values of all tokens."""
        width, pairs = self.config.predictor.width, queries * tokens - queries * (queries - 1) // 2
        return 4 * width**2 * tokens + 20 * width**2 * queries + 4 * width * pairs

    def predictor(self, history: int, candidates: int = 1) -> int:
        """Forward for candidates that differ in the last action; the first layer of the tokens before it is shared."""
        layers, future = self.config.predictor.layers, self.config.autoencoder.tokens
        tokens = history * (future + 1) + future
        own = future + 1  # the last action's token and the future ones
        width, pairs = self.config.predictor.width, own * tokens - own * (own - 1) // 2
        first = self.causal_layer(tokens - own, tokens - own)
        first += candidates * (24 * width**2 * own + 4 * width * pairs)
        middle = candidates * (layers - 2) * self.causal_layer(tokens, tokens)
        last = candidates * (self.causal_layer(tokens, future) + 2 * future * width**2)
        return first + middle + last

    def autoencoder_step(self, kept: int) -> int:
        """Forward and backward of a masked step."""
        return 3 * (self.encoder(kept) + self.decoder(kept)) - kept * self.patch_embedding

    def predictor_step(self, history: int) -> int:
        """Forward and backward of a joint step; the context is encoded without gradients."""
        patches = self.config.autoencoder.patches
        trained = self.encoder(patches) + self.decoder(patches) + self.predictor(history)
        return history * self.encoder(patches) + 3 * trained - patches * self.patch_embedding

    def sweep(self, history: int, candidates: int) -> int:
        """Pictures of this number of candidates after one history."""
        patches = self.config.autoencoder.patches
        context = history * self.encoder(patches)
        return context + self.predictor(history, candidates) + candidates * self.decoder(patches)
