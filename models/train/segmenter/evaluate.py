"""Measures the segmenter: IoU after one and three clicks, tracking between frames, clicks on nothing, calibration."""

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F

from data import Pairs, normalise
from export import POINT_SLOTS
from prompts import POINTS, pool4

MIN_AREA = 100  # visible pixels of 640 x 360 from which an object is asked for


def interior(mask):
    """The most interior pixel (chessboard distance, ties to the local centre) of each mask [m,h,w], and its distance."""
    places, distances = [], []
    for part in mask:
        rows, columns = torch.nonzero(part.amax(1) > 0)[:, 0], torch.nonzero(part.amax(0) > 0)[:, 0]
        if len(rows) == 0:
            places.append(torch.zeros(2))
            distances.append(torch.tensor(0.0))
            continue
        top, left = int(rows[0]), int(columns[0])
        inside = F.pad(part[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1], (1, 1, 1, 1))[None, None]
        now, depth = inside, torch.zeros_like(inside)
        while now.any():
            depth += now
            now = F.pad(-F.max_pool2d(-now, 3, 1), (1, 1, 1, 1))
        score = depth + 0.01 * F.avg_pool2d(inside, 15, 1, 7) * inside
        y, x = divmod(int(score.argmax()), inside.shape[3])
        places.append(torch.tensor([left + x - 1.0, top + y - 1.0]))
        distances.append(depth.amax())
    return torch.stack(places), torch.stack(distances)


def iou_of(logits, target):
    guess = logits[:, 0] > 0
    truth = target > 0.5
    union = (guess | truth).sum((1, 2)).float()
    return torch.where(union > 0, (guess & truth).sum((1, 2)).float() / union.clamp(min=1), 1.0)


@torch.no_grad()
def objects_of(ids, least):
    """(image index, id) of every object with at least `least` visible pixels."""
    found = []
    for image in range(ids.shape[0]):
        values, counts = torch.unique(ids[image], return_counts=True)
        found += [(image, int(v)) for v, c in zip(values, counts) if v >= 2 and c >= least]
    return found


class Runner:
    """Runs prompts on encoded frames with the exported files, so that what is measured is what is shipped."""

    def __init__(self, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        load = lambda name: onnxruntime.InferenceSession(f"{folder}/{name}.onnx", options, ["CPUExecutionProvider"])
        self.encoder, self.decoder = load("encoder"), load("decoder")

    def encode(self, rgb, depth, plane):
        """One list of encoder outputs for each image."""
        rgb = normalise(rgb)
        feeds = ({"image": rgb[i : i + 1], "depth": depth[i : i + 1], "plane": plane[i : i + 1]} for i in range(len(rgb)))
        names = [output.name for output in self.encoder.get_outputs()]
        return [dict(zip(names, self.encoder.run(names, {k: v.numpy() for k, v in feed.items()}))) for feed in feeds]

    def decode(self, frames, index, coords, labels, mask=None, memory=None):
        slots = POINT_SLOTS - labels.shape[1]
        coords, labels = F.pad(coords, (0, 0, 0, slots)), F.pad(labels, (0, slots), value=-1.0)
        found = []
        for row, image in enumerate(index.tolist()):
            one = lambda value, *shape: torch.zeros(1, *shape) if value is None else value[row : row + 1]
            feed = {
                "point_coords": one(coords), "point_labels": one(labels), "mask_input": one(mask, 1, 90, 160),
                "has_mask_input": torch.full((1, 1), float(mask is not None)), "memory": one(memory, 32),
                "has_memory": torch.full((1, 1), float(memory is not None)),
            }
            feed = {**frames[image], **{k: v.numpy() for k, v in feed.items()}}
            found.append(self.decoder.run(["mask_logits", "iou_prediction", "present_logit", "embedding"], feed))
        return tuple(torch.from_numpy(np.concatenate(values)) for values in zip(*found))


@torch.no_grad()
def clicks(runner, rgb, depth, plane, ids, least=MIN_AREA):
    """One and three clicks on every object; returns lists of (area, iou1, iou3, score1) and nothing-clicks' scores."""
    wanted = objects_of(ids, least)
    frame = runner.encode(rgb, depth, plane)
    rows, nothing = [], []
    for start in range(0, len(wanted), 8):
        part = wanted[start : start + 8]
        index = torch.tensor([i for i, _ in part], device=ids.device)
        target = torch.stack([(ids[i] == v) for i, v in part]).float()
        coords = torch.zeros(len(part), POINTS, 2, device=ids.device)
        labels = torch.full((len(part), POINTS), -1.0, device=ids.device)
        coords[:, 0], _ = interior(target)
        labels[:, 0] = 1
        logits, _, _, _ = runner.decode(frame, index, coords, labels)
        # As nodes/segmentation does: the mask found corrects itself once.
        logits, iou, present, _ = runner.decode(frame, index, coords, labels, pool4(torch.sigmoid(logits)))
        one, score = iou_of(logits, target), iou[:, 0] * torch.sigmoid(present[:, 0])
        for slot in (1, 2):
            guess = (logits[:, 0] > 0).float()
            on, on_depth = interior(target * (1 - guess))
            off, off_depth = interior(guess * (1 - target))
            coords[:, slot] = torch.where((on_depth >= off_depth).unsqueeze(1), on, off)
            labels[:, slot] = torch.where(torch.maximum(on_depth, off_depth) > 0, (on_depth >= off_depth).float(), -1.0)
            logits, _, _, _ = runner.decode(frame, index, coords, labels, pool4(torch.sigmoid(logits)))
        three = iou_of(logits, target)
        area = target.sum((1, 2))
        rows += torch.stack([area, one, three, score], 1).tolist()
    # A click on the table or the surroundings, and one on the robot, per image.
    for value in (0, 1):
        region = (ids == value).float()
        if value == 0:
            region = 1 - F.max_pool2d((ids != 0).float().unsqueeze(1), 17, 1, 8)[:, 0]
        some = region.amax((1, 2)) > 0
        index = torch.nonzero(some)[:, 0]
        if len(index) == 0:
            continue
        best = (region[index] * torch.rand_like(region[index])).flatten(1).argmax(1)
        coords = torch.stack([best % ids.shape[2], best // ids.shape[2]], 1).float().unsqueeze(1)
        logits, iou, present, _ = runner.decode(frame, index, coords, torch.ones(len(index), 1, device=ids.device))
        scores = (iou[:, 0] * torch.sigmoid(present[:, 0])).tolist()
        areas = (logits[:, 0] > 0).sum((1, 2)).tolist()
        nothing += [(value, s, a) for s, a in zip(scores, areas)]
    return rows, nothing


@torch.no_grad()
def follow(runner, rgb, depth, plane, ids, least=MIN_AREA):
    """From the first frame of a pair to the second: click in A, then mask and memory of A as prompt in B.

    Returns (visible in B, IoU in B, largest IoU with another object, score in B).
    """
    first = [(2 * (i // 1), v) for i, v in objects_of(ids[0::2], least)]
    frame = runner.encode(rgb, depth, plane)
    rows = []
    for start in range(0, len(first), 8):
        part = first[start : start + 8]
        index = torch.tensor([i for i, _ in part], device=ids.device)
        target = torch.stack([(ids[i] == v) for i, v in part]).float()
        at, _ = interior(target)
        coords, labels = at.unsqueeze(1), torch.ones(len(part), 1, device=ids.device)
        logits, _, _, memory = runner.decode(frame, index, coords, labels)
        logits, iou, present, _ = runner.decode(
            frame, index + 1, coords * 0, labels * 0 - 1, pool4(torch.sigmoid(logits)), memory
        )
        score = iou[:, 0] * torch.sigmoid(present[:, 0])
        for row, (i, v) in enumerate(part):
            seen = ids[i + 1]
            truth = (seen == v)
            guess = logits[row, 0] > 0
            other = 0.0
            for u in torch.unique(seen[guess]).tolist():
                if u >= 2 and u != v:
                    other = max(other, float((guess & (seen == u)).sum() / (guess | (seen == u)).sum()))
            union = (guess | truth).sum()
            rows.append((int(truth.sum()), float((guess & truth).sum() / union) if union > 0 else 1.0, other, float(score[row])))
    return rows


def reliability(rows, bins=10):
    """Reliability table of the score against the IoU reached, and the expected calibration error."""
    table, error = [], 0.0
    for k in range(bins):
        inside = [r for r in rows if k / bins <= r[3] < (k + 1) / bins or (k == bins - 1 and r[3] >= 1.0)]
        if inside:
            score = sum(r[3] for r in inside) / len(inside)
            iou = sum(r[1] for r in inside) / len(inside)
            error += abs(score - iou) * len(inside) / len(rows)
            table.append({"bin": f"{k / bins:.1f}-{(k + 1) / bins:.1f}", "count": len(inside), "mean_score": round(score, 3), "mean_iou": round(iou, 3)})
    return {"expected_calibration_error": round(error, 4), "table": table}


def mean(values):
    values = list(values)
    return round(sum(values) / len(values), 4) if values else None


def evaluate(shipped, folders, pairs_per_folder=100, threads=1, batch=4):
    """Figures of the ONNX files in `shipped` over {name: folder}, each with and without depth."""
    runner = Runner(shipped, threads)
    figures = {}
    for name, folder in folders.items():
        data = Pairs([folder], pairs_per_folder)
        for with_depth in (True, False):
            rows, nothing, track = [], [], []
            for start in range(0, len(data), batch):
                rgb, depth, ids, plane = data.frames(start, start + batch)
                depth, plane = (depth, plane) if with_depth else (depth * 0, plane * 0)
                r, n = clicks(runner, rgb, depth, plane, ids)
                rows, nothing, track = rows + r, nothing + n, track + follow(runner, rgb, depth, plane, ids)
            seen = [t for t in track if t[0] >= MIN_AREA]
            gone = [t for t in track if t[0] == 0]
            figures[f"{name}/{'depth' if with_depth else 'colour'}"] = {
                "objects": len(rows),
                "iou_1_click": mean(r[1] for r in rows),
                "iou_3_clicks": mean(r[2] for r in rows),
                "iou_1_click_by_area_px": {
                    f"{low}-{high}": mean(r[1] for r in rows if low <= r[0] < high)
                    for low, high in ((100, 300), (300, 1000), (1000, 3000), (3000, 1000000))
                },
                "share_1_click_below_0.5": mean(float(r[1] < 0.5) for r in rows),
                "calibration": reliability(rows) if rows else None,
                "table_click_accepted": mean(float(s >= 0.5 and a > 0) for v, s, a in nothing if v == 0),
                "robot_click_accepted": mean(float(s >= 0.5 and a > 0) for v, s, a in nothing if v == 1),
                "track": {
                    "objects": len(seen),
                    "iou": mean(t[1] for t in seen),
                    "swapped": mean(float(t[2] > 0.5 and t[3] >= 0.5) for t in seen),
                    "lost": mean(float(t[3] < 0.5) for t in seen),
                    "gone_objects": len(gone),
                    "gone_accepted": mean(float(t[3] >= 0.5) for t in gone),
                },
            }
            print(f"{name}/{'depth' if with_depth else 'colour'}", figures[f"{name}/{'depth' if with_depth else 'colour'}"], flush=True)
    return figures
