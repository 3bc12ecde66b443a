"""Reads the rendered pairs of frames and augments them on the device.

A data folder is what `render_dataset` writes: `meta.json` with the sizes and the list of shards, each three
flat files: colour (N,2,H,W,3 uint8), depth (N,2,H,W uint16 little endian, millimetres, 0 = not measured)
and ids (N,2,H,W uint8: 0 background, 1 robot, 2.. objects). The two frames of a pair show one scene at two
times through one camera.
"""

import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

MEAN = (0.485, 0.456, 0.406)
STD = (0.25, 0.25, 0.25)


def support_plane(depth, rng, hypotheses=96, tolerance=0.012):
    """The dominant plane within 2 m of a depth image [h,w] in metres, as (a, b, c) of 1/z = a u + b v + c.

    RANSAC on a grid of pixels, then least squares on the inliers; zeros where there is too little depth.
    """
    v, u = (g.ravel() for g in np.mgrid[4 : depth.shape[0] : 9, 4 : depth.shape[1] : 9])
    z = depth[v, u]
    near = (z > 0.2) & (z < 2.0)
    if near.sum() < 50:
        return np.zeros(3, np.float32)
    points = np.stack([u[near], v[near], np.ones(near.sum())], 1)
    inverse = 1.0 / z[near]
    chosen = rng.integers(len(points), size=(hypotheses, 3))
    systems = points[chosen]
    solvable = np.abs(np.linalg.det(systems)) > 500.0
    if not solvable.any():
        return np.zeros(3, np.float32)
    planes = np.linalg.solve(systems[solvable], inverse[chosen[solvable]][..., None])[..., 0]
    inliers = np.abs(points @ planes.T - inverse[:, None]) < tolerance
    inside = inliers[:, inliers.sum(0).argmax()]
    for reach in (tolerance, tolerance / 2):
        plane = np.linalg.lstsq(points[inside], inverse[inside], rcond=None)[0]
        inside = np.abs(points @ plane - inverse) < reach
    return plane.astype(np.float32)


class Pairs:
    """All shards of the given folders, mapped from disk."""

    def __init__(self, folders, limit=None):
        self.shards, left = [], limit or 10**9
        for folder in map(pathlib.Path, folders):
            if not (folder / "meta.json").exists():
                raise SystemExit(f"{folder}: no meta.json; run render_dataset first")
            meta = json.loads((folder / "meta.json").read_text())
            h, w = meta["height"], meta["width"]
            for shard in meta["shards"]:
                n = min(shard["pairs"], left)
                left -= n
                read = lambda kind, dtype, *shape: np.memmap(folder / shard[kind], dtype, "r", shape=(shard["pairs"], *shape))[:n]
                if n > 0:
                    shapes = read("rgb", np.uint8, 2, h, w, 3), read("depth", np.uint16, 2, h, w), read("ids", np.uint8, 2, h, w)
                    self.shards.append(shapes)
        rng = np.random.default_rng(7)
        self.planes = [
            np.stack([[support_plane(depth * np.float32(1e-3), rng) for depth in pair] for pair in shard[1]])
            for shard in self.shards
        ]
        self.places = [(shard, row) for shard in range(len(self.shards)) for row in range(len(self.shards[shard][0]))]

    def __len__(self):
        return len(self.places)

    def pair(self, index, window=(slice(None), slice(None))):
        """Images [2,3,h,w] in 0..1, depth [2,1,h,w] in metres, ids [2,h,w] and planes [2,3] of one pair or a window of it."""
        shard, row = self.places[index]
        rgb, depth, ids = (values[row][(slice(None), *window)] for values in self.shards[shard])
        rgb = torch.from_numpy(rgb.copy()).permute(0, 3, 1, 2).float() / 255.0
        depth = torch.from_numpy(depth.astype(np.float32) * 1e-3).unsqueeze(1)
        plane = torch.from_numpy(self.planes[shard][row].copy())
        plane[:, 2] += plane[:, 0] * (window[1].start or 0) + plane[:, 1] * (window[0].start or 0)
        return rgb, depth, torch.from_numpy(ids.copy()), plane

    def frames(self, start, stop):
        """Whole pairs start..stop as one batch; the two frames of a pair are adjacent."""
        return tuple(map(torch.cat, zip(*(self.pair(i) for i in range(start, min(stop, len(self)))))))

    def crops(self, pairs, size, rng):
        """A batch of square windows around random objects, zoomed to `size`: the same for both frames of a pair."""
        parts = []
        while len(parts) < pairs:
            index = int(rng.integers(len(self)))
            shard, row = self.places[index]
            seen = self.shards[shard][2][row, int(rng.integers(2))]
            h, w = seen.shape
            present = np.unique(seen[::4, ::4])
            present = present[present >= 2]
            if len(present) and rng.random() < 0.95:
                ys, xs = np.nonzero(seen[::2, ::2] == rng.choice(present))
                at = int(rng.integers(len(ys)))
                y, x = 2 * ys[at], 2 * xs[at]
            else:
                y, x = int(rng.integers(h)), int(rng.integers(w))
            reach = int(size * np.exp(rng.uniform(np.log(0.6), np.log(1.6)))) if rng.random() < 0.65 else size
            reach = min(reach, h)
            y0 = int(np.clip(y - reach / 2 + rng.uniform(-0.4, 0.4) * reach, 0, h - reach))
            x0 = int(np.clip(x - reach / 2 + rng.uniform(-0.4, 0.4) * reach, 0, w - reach))
            rgb, depth, ids, plane = self.pair(index, (slice(y0, y0 + reach), slice(x0, x0 + reach)))
            if reach != size:
                rgb = F.interpolate(rgb, (size, size), mode="bilinear", align_corners=False, antialias=reach > size)
                flat = F.interpolate(torch.cat([depth, ids.unsqueeze(1).float()], 1), (size, size), mode="nearest")
                depth, ids = flat[:, :1], flat[:, 1].round().to(torch.uint8)
                plane[:, :2] *= reach / size
            if rng.random() < 0.5:
                rgb, depth, ids = rgb.flip(3), depth.flip(3), ids.flip(2)
                plane[:, 2] += plane[:, 0] * (size - 1)
                plane[:, 0] *= -1
            parts.append((rgb, depth, ids, plane))
        return tuple(map(torch.cat, zip(*parts)))


def normalise(rgb):
    mean = torch.tensor(MEAN, device=rgb.device).reshape(1, 3, 1, 1)
    std = torch.tensor(STD, device=rgb.device).reshape(1, 3, 1, 1)
    return (rgb - mean) / std


def uniform(n, low, high, device, like=1):
    return torch.empty(n, *([1] * like), device=device).uniform_(low, high)


def pairwise(values):
    """Gives both frames of a pair the value of the first."""
    return values[0::2].repeat_interleave(2, 0)


def augment(rgb, depth, plane):
    """Random colour and depth faults; a third of the pairs get no depth at all."""
    b, _, h, w = rgb.shape
    device = rgb.device

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
    scale = 1 + pairwise(uniform(b, -0.12, 0.12, device, 3))
    depth, plane = depth * scale, plane / scale.reshape(-1, 1) + torch.randn_like(plane) * torch.tensor([3e-6, 3e-6, 2e-3])
    depth = depth + torch.randn_like(depth) * depth * depth * uniform(b, 0.0, 0.004, device, 3)
    holes = F.interpolate(torch.rand(b, 1, h // 8, w // 8, device=device), scale_factor=8.0, mode="bilinear")
    keep = holes > uniform(b, -0.5, 0.28, device, 3)
    seen = pairwise(torch.rand(b, 1, 1, 1, device=device)) > 0.3
    return rgb, depth.clamp(min=0) * (keep & seen), plane * seen.reshape(-1, 1)
