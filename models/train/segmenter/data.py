"""Reads the rendered pairs of frames and augments them on the device.

A data folder is what `render_dataset` writes: `meta.json` with the sizes and the list of shards, each three
flat files: colour (N,2,H,W,3 uint8), depth (N,2,H,W uint16 little endian, millimetres, 0 = not measured)
and ids (N,2,H,W uint8: 0 background, 1 robot, 2.. objects). The two frames of a pair show one scene at two
times through one camera.
"""

import json
import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

MEAN = (0.485, 0.456, 0.406)
STD = (0.25, 0.25, 0.25)


class Pairs:
    """All shards of a folder, kept on the device as integers."""

    def __init__(self, folder, device, limit=None):
        folder = pathlib.Path(folder)
        if not (folder / "meta.json").exists():
            raise SystemExit(f"{folder}: no meta.json; run render_dataset first")
        meta = json.loads((folder / "meta.json").read_text())
        h, w = meta["height"], meta["width"]
        rgb, depth, ids, left = [], [], [], limit or 10**9
        for shard in meta["shards"]:
            n = min(shard["pairs"], left)
            left -= n

            def read(kind, dtype, *shape):
                values = np.fromfile(folder / shard[kind], dtype, n * int(np.prod(shape)))
                return torch.from_numpy(values.reshape(n, *shape)).to(device)

            if n > 0:
                rgb.append(read("rgb", np.uint8, 2, h, w, 3))
                depth.append(read("depth", np.int16, 2, h, w))
                ids.append(read("ids", np.uint8, 2, h, w))
        self.rgb, self.depth, self.ids = torch.cat(rgb), torch.cat(depth), torch.cat(ids)
        self.device = device

    def __len__(self):
        return len(self.rgb)

    def batch(self, index):
        """Images [2n,3,H,W] in 0..1, depth [2n,1,H,W] in metres and ids [2n,H,W]; a pair is adjacent."""
        rgb = self.rgb[index].flatten(0, 1).permute(0, 3, 1, 2).float() / 255.0
        depth = (self.depth[index].flatten(0, 1).to(torch.int32) & 0xFFFF).unsqueeze(1).float() * 1e-3
        return rgb, depth, self.ids[index].flatten(0, 1)


def normalise(rgb):
    mean = torch.tensor(MEAN, device=rgb.device).reshape(1, 3, 1, 1)
    std = torch.tensor(STD, device=rgb.device).reshape(1, 3, 1, 1)
    return (rgb - mean) / std


def uniform(n, low, high, device, like=1):
    return torch.empty(n, *([1] * like), device=device).uniform_(low, high)


def pairwise(values):
    """Gives both frames of a pair the value of the first."""
    return values[0::2].repeat_interleave(2, 0)


def augment(rgb, depth, ids):
    """Random view (shared by a pair), colour, depth faults; a third of the pairs get no depth at all."""
    b, _, h, w = rgb.shape
    device = rgb.device

    # View: mirror, zoom and shift; the camera is the same for both frames.
    zoom = torch.exp(pairwise(uniform(b, math.log(0.62), math.log(1.12), device, 0)))
    zoom = torch.where(pairwise(torch.rand(b, device=device)) < 0.4, torch.ones_like(zoom), zoom)
    aspect = torch.exp(pairwise(uniform(b, -0.1, 0.1, device, 0)))
    mirror = torch.where(pairwise(torch.rand(b, device=device)) < 0.5, -1.0, 1.0)
    slack = (1 - zoom).abs()
    theta = torch.zeros(b, 2, 3, device=device)
    theta[:, 0, 0] = zoom * mirror * aspect
    theta[:, 1, 1] = zoom / aspect
    theta[:, 0, 2] = pairwise(uniform(b, -1, 1, device, 0)) * slack
    theta[:, 1, 2] = pairwise(uniform(b, -1, 1, device, 0)) * slack
    grid = F.affine_grid(theta, (b, 1, h, w), align_corners=False)
    rgb = F.grid_sample(rgb, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    flat = torch.cat([depth, ids.unsqueeze(1).float()], 1)
    flat = F.grid_sample(flat, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    depth, ids = flat[:, :1], flat[:, 1].round().to(torch.uint8)

    # Colour: mostly one look for the pair, with a little drift between its frames.
    def look(low, high, like=3):
        span = (high - low) * 0.1
        return pairwise(uniform(b, low, high, device, like)) + uniform(b, -span, span, device, like)

    gains = torch.cat([look(0.8, 1.25) for _ in range(3)], 1)
    rgb = rgb * gains * look(0.55, 1.5)
    grey = rgb.mean(1, keepdim=True)
    rgb = grey + (rgb - grey) * look(0.2, 1.5)
    middle = rgb.mean((1, 2, 3), keepdim=True)
    rgb = middle + (rgb - middle) * look(0.65, 1.4)
    rgb = rgb.clamp(1e-4, 1.0) ** look(0.7, 1.45)
    blur = F.avg_pool2d(F.pad(rgb, (1, 1, 1, 1), mode="replicate"), 3, 1)
    rgb = torch.lerp(rgb, blur, (uniform(b, -0.8, 1.0, device, 3)).clamp(min=0))
    rgb = rgb + torch.randn_like(rgb) * uniform(b, 0.0, 0.04, device, 3)
    # A soft shadow or highlight somewhere.
    field = F.interpolate(torch.randn(b, 1, 4, 6, device=device), size=(h, w), mode="bicubic", align_corners=False)
    rgb = (rgb * (1 + pairwise(field) * uniform(b, 0.0, 0.18, device, 3))).clamp(0, 1)

    # Depth: scale, noise growing with z^2, holes in patches, and often none.
    depth = depth * (1 + pairwise(uniform(b, -0.12, 0.12, device, 3)))
    depth = depth + torch.randn_like(depth) * depth * depth * uniform(b, 0.0, 0.004, device, 3)
    holes = F.interpolate(torch.rand(b, 1, h // 8, w // 8, device=device), scale_factor=8.0, mode="bilinear")
    keep = holes > uniform(b, -0.5, 0.28, device, 3)
    keep &= pairwise(torch.rand(b, 1, 1, 1, device=device)) > 0.35
    depth = depth.clamp(min=0) * keep
    return rgb, depth, ids
