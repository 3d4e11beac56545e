"""Floating-point operations that the networks' results need: matrix products alone, two for each multiply-add.

What a shortcut saves without changing the result is not needed: tokens of the last layer that nobody reads, keys that a
causal query may not see, work that all candidate actions share. A backward pass needs twice its forward pass, but for
the gradients of what is not learned: the pictures.

Shapes: D width, N tokens of a sequence, P tokens of a frame (197), T history, C candidate actions.
"""

from dataclasses import dataclass

from models.adaptive_world_model import AdaptiveWorldModelConfig


@dataclass(frozen=True)
class FlopCounts:
    """Operations for batch 1, by what is computed."""

    config: AdaptiveWorldModelConfig

    @property
    def patch_embedding(self) -> int:
        """Of one patch."""
        config = self.config.autoencoder
        return 2 * 3 * config.patch_size**2 * config.width

    def encoder(self, patches: int) -> int:
        """Forward over so many patches and the class token."""
        config, tokens = self.config.autoencoder, patches + 1
        block = 24 * config.width**2 * tokens + 4 * tokens**2 * config.width
        return patches * self.patch_embedding + config.blocks * block

    def decoder(self, kept: int) -> int:
        """Forward to a whole picture from so many patches."""
        config, inner = self.config.autoencoder, self.config.autoencoder.decoder_width
        return 2 * kept * config.width * inner + 2 * config.patches * inner * (inner + 3 * config.patch_size**2)

    def causal_layer(self, tokens: int, queries: int) -> int:
        """A layer's forward for the last `queries` of its tokens, keys and values of all of them."""
        width, seen = self.config.predictor.width, queries * tokens - queries * (queries - 1) // 2
        return 4 * width**2 * tokens + 20 * width**2 * queries + 4 * width * seen

    def predictor(self, history: int, candidates: int = 1) -> int:
        """Forward for candidates that differ in the last action: they share the first layer of what is before it."""
        layers, future = self.config.predictor.layers, self.config.autoencoder.tokens
        tokens = history * (future + 1) + future
        own = future + 1  # the last action's token and the future ones
        width, seen = self.config.predictor.width, own * tokens - own * (own - 1) // 2
        first = self.causal_layer(tokens - own, tokens - own)
        first += candidates * (24 * width**2 * own + 4 * width * seen)
        middle = candidates * (layers - 2) * self.causal_layer(tokens, tokens)
        last = candidates * (self.causal_layer(tokens, future) + 2 * future * width**2)
        return first + middle + last

    def autoencoder_step(self, kept: int) -> int:
        """Forward and backward of a masked step."""
        return 3 * (self.encoder(kept) + self.decoder(kept)) - kept * self.patch_embedding

    def predictor_step(self, history: int) -> int:
        """Forward and backward of a joint step; the context is encoded without gradients."""
        patches = self.config.autoencoder.patches
        learned = self.encoder(patches) + self.decoder(patches) + self.predictor(history)
        return history * self.encoder(patches) + 3 * learned - patches * self.patch_embedding

    def sweep(self, history: int, candidates: int) -> int:
        """The pictures of so many candidates after one history."""
        patches = self.config.autoencoder.patches
        encoded = history * self.encoder(patches)
        return encoded + self.predictor(history, candidates) + candidates * self.decoder(patches)
