"""The two networks once more, slow and plain: NumPy in float64, one token at a time, nothing shared with `models`.

Every function takes the weights as a dict of arrays by checkpoint key, so a parity test compares arithmetic and names.
"""

import math

import numpy as np

erf = np.frompyfunc(math.erf, 1, 1)


def weights_of(module):
    return {key: value.detach().cpu().double().numpy() for key, value in module.state_dict().items()}


def randomize(module, generator):
    """Weights, biases, FiLM and norms all away from their starting values: nothing at zero can hide a mistake."""
    for name, parameter in module.named_parameters():
        noise = parameter.new_empty(parameter.shape).normal_(generator=generator)
        is_norm = parameter.ndim == 1 and name.endswith("weight")
        fan_in = parameter.shape[-1] if parameter.ndim == 2 else math.prod(parameter.shape[1:])
        scale = 0.2 if parameter.ndim == 1 else 1 / math.sqrt(max(fan_in, 4))
        parameter.data.copy_(noise * scale + (1.0 if is_norm else 0.0))
    return module


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def layer_norm(x, w, name, eps):
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + eps) * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)).astype(float))


def attend(query, key, value, heads, visible):
    """Each token by itself over the first `visible(i)` tokens, head by head."""
    n, width = query.shape
    size = width // heads
    out = np.zeros((n, width))
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        for i in range(n):
            count = visible(i)
            scores = key[:count, part] @ query[i, part] / math.sqrt(size)
            shares = np.exp(scores - scores.max())
            out[i, part] = (shares / shares.sum()) @ value[:count, part]
    return out


def position(row, column, grid, width):
    """Position of one patch, number by number."""
    quarter = width // 4
    numbers = []
    for coordinate in (row / (grid - 1), column / (grid - 1)):
        angles = [coordinate / 10000 ** (k / quarter) for k in range(quarter)]
        numbers += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
    return numbers


def positions(grid, width):
    return np.array([[0.0] * width] + [position(r, c, grid, width) for r in range(grid) for c in range(grid)])


def patch(image, index, size, grid):
    """One patch of a picture (3, H, W), flattened by row, column, colour."""
    top, left = index // grid * size, index % grid * size
    return np.array([image[c, top + y, left + x] for y in range(size) for x in range(size) for c in range(3)])


def encode(image, w, remaining, heads, blocks, size, grid):
    """Latents of one picture (3, H, W) from the patches named in `kept`, class token first."""
    width = w["cls_token"].shape[-1]
    where = positions(grid, width)
    kernel = w["patch_embed.proj.weight"].transpose(0, 2, 3, 1).reshape(width, -1)
    tokens = [w["cls_token"][0, 0]]
    tokens += [kernel @ patch(image, i, size, grid) + w["patch_embed.proj.bias"] + where[1 + i] for i in remaining]
    x = np.array(tokens)
    for b in range(blocks):
        name = f"blocks.{b}"
        query, key, value = np.split(linear(layer_norm(x, w, f"{name}.norm1", 1e-6), w, f"{name}.attn.qkv"), 3, axis=1)
        x = x + linear(attend(query, key, value, heads, lambda i: 1 + len(remaining)), w, f"{name}.attn.proj")
        hidden = gelu(linear(layer_norm(x, w, f"{name}.norm2", 1e-6), w, f"{name}.mlp.fc1"))
        x = x + linear(hidden, w, f"{name}.mlp.fc2")
    return layer_norm(x, w, "norm", 1e-5)


def decode_patches(latents, w, remaining, grid):
    """All flattened patches of one picture, with the mask token for patches that are not in `remaining`."""
    embedded = linear(latents, w, "decoder_embed")
    where = positions(grid, embedded.shape[1])
    rows = []
    for i in range(grid * grid):
        token = embedded[1 + remaining.index(i)] if i in remaining else w["mask_token"][0, 0]
        hidden = np.maximum(linear(token + where[1 + i], w, "decoder_pred.0"), 0)
        rows.append(linear(hidden, w, "decoder_pred.2"))
    return np.array(rows)


def picture(patches, size, grid):
    image = np.zeros((3, grid * size, grid * size))
    for i, flat in enumerate(patches):
        top, left = i // grid * size, i % grid * size
        image[:, top : top + size, left : left + size] = flat.reshape(size, size, 3).transpose(2, 0, 1)
    return image


def predict(latents, actions, w, heads, layers, max_tokens, film_after=(0, 2), delta=False):
    """Latents (T, P, D) and scaled actions (T, A) to the next frame's latents (P, D)."""
    embedded = [
        layer_norm(gelu(linear(gelu(linear(a, w, "action_embed.net.0")), w, "action_embed.net.2")), w,
                   "action_embed.net.4", 1e-5)
        for a in actions
    ]  # fmt: skip
    sequence = []
    types = w["token_type_embedding.weight"]
    for frame, action in zip(latents, embedded, strict=True):
        for token in frame:
            sequence.append(token + types[0])
        sequence.append(linear(action, w, "action_token_proj") + types[1])
    for _ in latents[0]:
        sequence.append(w["future_query"][0, 0] + types[2])
    while len(sequence) > max_tokens:
        sequence.pop(0)
    x = np.array([token + w["position_embedding.weight"][i] for i, token in enumerate(sequence)])
    for index in range(layers):
        name = f"transformer_layers.{index}"
        joint = x @ w[f"{name}.self_attn.in_proj_weight"].T + w[f"{name}.self_attn.in_proj_bias"]
        query, key, value = np.split(joint, 3, axis=1)
        attended = attend(query, key, value, heads, lambda i: i + 1)
        x = layer_norm(x + linear(attended, w, f"{name}.self_attn.out_proj"), w, f"{name}.norm1", 1e-5)
        hidden = linear(gelu(linear(x, w, f"{name}.ffn.0")), w, f"{name}.ffn.2")
        x = layer_norm(x + hidden, w, f"{name}.norm2", 1e-5)
        if index in film_after:
            gamma = linear(embedded[-1], w, f"film_layers.{index}.to_gamma")
            x = x * (1 + gamma) + linear(embedded[-1], w, f"film_layers.{index}.to_beta")
    future = layer_norm(x, w, "layer_norm", 1e-5)[-len(latents[0]) :]
    predicted = linear(future, w, "output_head")
    return predicted + latents[-1] if delta else predicted
