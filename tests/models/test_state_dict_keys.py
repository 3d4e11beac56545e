"""Names and shapes of existing checkpoints, written out: not one more, not one fewer."""

import pytest

from models import AdaptiveWorldModel, AdaptiveWorldModelConfig, MaskedAutoencoderViT
from models import TransformerActionConditionedPredictor as Predictor

AUTOENCODER = {
    "cls_token": (1, 1, 256),
    "mask_token": (1, 1, 128),
    "pos_embed": (1, 197, 256),
    "decoder_pos_embed": (1, 197, 128),
    "patch_embed.proj.weight": (256, 3, 16, 16),
    "patch_embed.proj.bias": (256,),
    "norm.weight": (256,),
    "norm.bias": (256,),
    "decoder_embed.weight": (128, 256),
    "decoder_embed.bias": (128,),
    "decoder_pred.0.weight": (128, 128),
    "decoder_pred.0.bias": (128,),
    "decoder_pred.2.weight": (768, 128),
    "decoder_pred.2.bias": (768,),
}
BLOCK = {
    "norm1.weight": (256,),
    "norm1.bias": (256,),
    "attn.qkv.weight": (768, 256),
    "attn.qkv.bias": (768,),
    "attn.proj.weight": (256, 256),
    "attn.proj.bias": (256,),
    "norm2.weight": (256,),
    "norm2.bias": (256,),
    "mlp.fc1.weight": (1024, 256),
    "mlp.fc1.bias": (1024,),
    "mlp.fc2.weight": (256, 1024),
    "mlp.fc2.bias": (256,),
}
PREDICTOR = {
    "action_embed.net.0.bias": (128,),
    "action_embed.net.2.weight": (64, 128),
    "action_embed.net.2.bias": (64,),
    "action_embed.net.4.weight": (64,),
    "action_embed.net.4.bias": (64,),
    "film_layers.0.to_gamma.weight": (256, 64),
    "film_layers.0.to_gamma.bias": (256,),
    "film_layers.0.to_beta.weight": (256, 64),
    "film_layers.0.to_beta.bias": (256,),
    "film_layers.2.to_gamma.weight": (256, 64),
    "film_layers.2.to_gamma.bias": (256,),
    "film_layers.2.to_beta.weight": (256, 64),
    "film_layers.2.to_beta.bias": (256,),
    "action_token_proj.weight": (256, 64),
    "action_token_proj.bias": (256,),
    "position_embedding.weight": (4096, 256),
    "token_type_embedding.weight": (3, 256),
    "future_query": (1, 1, 256),
    "output_head.weight": (256, 256),
    "output_head.bias": (256,),
    "layer_norm.weight": (256,),
    "layer_norm.bias": (256,),
}
LAYER = {
    "self_attn.in_proj_weight": (768, 256),
    "self_attn.in_proj_bias": (768,),
    "self_attn.out_proj.weight": (256, 256),
    "self_attn.out_proj.bias": (256,),
    "norm1.weight": (256,),
    "norm1.bias": (256,),
    "norm2.weight": (256,),
    "norm2.bias": (256,),
    "ffn.0.weight": (1024, 256),
    "ffn.0.bias": (1024,),
    "ffn.2.weight": (256, 1024),
    "ffn.2.bias": (256,),
}


def autoencoder_table():
    return AUTOENCODER | {f"blocks.{n}.{key}": shape for n in range(5) for key, shape in BLOCK.items()}


def predictor_table(channels):
    layers = {f"transformer_layers.{n}.{key}": shape for n in range(6) for key, shape in LAYER.items()}
    return PREDICTOR | {"action_embed.net.0.weight": (128, channels)} | layers


def shapes(module):
    return {key: tuple(value.shape) for key, value in module.state_dict().items()}


def test_autoencoder_has_exactly_the_names_and_shapes_of_existing_files():
    assert shapes(MaskedAutoencoderViT()) == autoencoder_table()


@pytest.mark.parametrize("channels", [1, 3])
def test_predictor_has_exactly_the_names_and_shapes_of_existing_files(channels):
    assert shapes(Predictor(action_channels=channels)) == predictor_table(channels)


def test_the_world_model_keeps_its_networks_as_siblings():
    keys = set(AdaptiveWorldModel(AdaptiveWorldModelConfig(3)).state_dict())
    expected = {f"autoencoder.{key}" for key in autoencoder_table()}
    assert keys == expected | {f"predictor.{key}" for key in predictor_table(3)}
