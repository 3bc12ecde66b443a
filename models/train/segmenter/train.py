"""Trains the promptable segmenter on windows of rendered pairs and exports it to ONNX.

    python train.py --data DATA.. --minutes 60 --out OUT [--spend 20] [--resume | --start CHECKPOINT]

A window of 192 x 192 pixels around an object costs a sixth of a whole frame, and bfloat16 uses the matrix
units of a recent CPU, so that a desk computer trains the network in an hour. The learning rate follows the
share of --minutes spent. --spend ends this call early with a checkpoint from which --resume goes on; --spend 0
only exports what the checkpoint holds. OUT/figures.json tells how it was trained; card.py adds what was measured.
"""

import argparse
import copy
import json
import math
import pathlib
import time

import numpy as np
import torch
import torch.nn.functional as F

from data import Pairs, augment, normalise
from export import export
from model import Segmenter
from prompts import SEEN, choose_targets, correct, first_prompts, pool4


def thin(mask, reach=4):
    """The parts of each mask [m,h,w] that are narrower than 2 * reach + 1 pixels: shafts, handles, stalks."""
    size = 2 * reach + 1
    core = 1 - F.max_pool2d(1 - mask.unsqueeze(1), size, 1, reach)
    opened = F.max_pool2d(core, size, 1, reach)[:, 0]
    # An object that is narrow all over is not one thin part of anything.
    return mask * (1 - opened) * (opened.amax((1, 2), keepdim=True) > 0)


def mask_loss(logits, target):
    """Focal cross entropy by object area, so that small objects count as much, plus soft Dice.

    Thin parts weigh more: they are few pixels, but where an object ends depends on them.
    """
    logits = logits[:, 0].float()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * (1 + 3 * thin(target))
    p = torch.sigmoid(logits)
    wrong = (p - target).abs()
    area = target.sum((1, 2))
    focal = (cross * (0.2 + wrong)).sum((1, 2)) / (area + 300.0)
    dice = 1 - (2 * (p * target).sum((1, 2)) + 20) / (p.sum((1, 2)) + area + 20)
    return focal + dice


def judge_loss(logits, iou, present, target):
    with torch.no_grad():
        guess, truth = logits[:, 0] > 0, target > 0.5
        union = (guess | truth).sum((1, 2)).float()
        area = truth.sum((1, 2))
        reached = (guess & truth).sum((1, 2)).float() / union.clamp(min=1)
        there = (area >= SEEN).float()
        judged = (area >= SEEN).float()
    quality = (F.mse_loss(iou[:, 0].float(), reached, reduction="none") * judged).sum() / judged.sum().clamp(min=1)
    presence = F.binary_cross_entropy_with_logits(present[:, 0].float(), there)
    return quality, presence, (reached * judged).sum() / judged.sum().clamp(min=1)


def identity_loss(decoder, keys, masks4, targets, seen, k):
    """The two views of an object agree, other objects differ (their own scene's above all)."""
    b = keys.shape[0]
    embedding = decoder.embed(keys.float().repeat_interleave(k, 0), masks4).reshape(b, k, -1)
    a, c = embedding[0::2].reshape(-1, embedding.shape[-1]), embedding[1::2].reshape(-1, embedding.shape[-1])
    good = ((seen[0::2] >= SEEN) & (seen[1::2] >= SEEN)).reshape(-1)
    name = (targets[0::2] + 256 * torch.arange(b // 2, device=keys.device).unsqueeze(1)).reshape(-1)
    same_scene = (name.unsqueeze(0) // 256) == (name.unsqueeze(1) // 256)
    score = a @ c.T / 0.1 + same_scene * 1.5
    twin = (name.unsqueeze(0) == name.unsqueeze(1)) & ~torch.eye(len(name), dtype=torch.bool, device=keys.device)
    score = score.masked_fill(twin | ~good.unsqueeze(0), -30.0)
    label = torch.arange(len(name), device=keys.device)
    loss = F.cross_entropy(score, label, reduction="none") + F.cross_entropy(score.T, label, reduction="none")
    return (loss * good).sum() / good.sum().clamp(min=1)


def step_losses(model, rgb, depth, plane, ids, k, rounds):
    """One batch: k prompts on each frame, `rounds` corrective rounds. Returns losses by name."""
    b = rgb.shape[0]
    with torch.no_grad():
        targets, seen = choose_targets(ids, k)
        masks = (ids.unsqueeze(1) == targets.reshape(b, k, 1, 1)).float()
        other = masks.reshape(b // 2, 2, k, *ids.shape[1:]).flip(1).reshape(b * k, *ids.shape[1:])
        seen_other = seen.reshape(b // 2, 2, k).flip(1).reshape(-1)
        masks = masks.reshape(b * k, *ids.shape[1:])
        prompt, target = first_prompts(masks, other, ids.repeat_interleave(k, 0), seen.reshape(-1), seen_other)
    decoder = model.decoder
    features, keys, context = model.encoder(rgb, depth, plane)
    below = (0, 0, 0, features.shape[2] - masks.shape[1] // 4)
    own4, other4 = F.pad(pool4(masks.unsqueeze(1)), below), F.pad(pool4(other.unsqueeze(1)), below)
    losses = {"identity": identity_loss(decoder, keys, own4, targets, seen, k)}

    flipped = keys.reshape(b // 2, 2, *keys.shape[1:]).flip(1).reshape(keys.shape)
    memory = decoder.embed(flipped.float().repeat_interleave(k, 0), other4)
    frame = [x.repeat_interleave(k, 0) for x in (features, keys, context)]
    total = dict(mask=0.0, quality=0.0, presence=0.0)
    for turn in range(rounds):
        logits, iou, present, _ = decoder(
            *frame, prompt.coords, prompt.labels, prompt.mask, prompt.has_mask, memory, prompt.has_memory
        )
        quality, presence, reached = judge_loss(logits, iou, present, target)
        total["mask"] = total["mask"] + mask_loss(logits, target).mean() / rounds
        total["quality"] = total["quality"] + quality / rounds
        total["presence"] = total["presence"] + presence / rounds
        losses[f"iou{turn}"] = reached
        if turn + 1 < rounds:
            with torch.no_grad():
                prompt = correct(prompt, 4 + turn, logits, target)
    losses.update(total)
    losses["sum"] = total["mask"] + 2.0 * total["quality"] + 0.3 * total["presence"] + 0.15 * losses["identity"]
    return losses


def learning_rate(share, peak):
    if share < 0.04:
        return peak * (0.05 + 0.95 * share / 0.04)
    return peak * (0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * min(1.0, (share - 0.04) / 0.96))))


class Average:
    """Exponential moving average of weights and norm statistics."""

    def __init__(self, model):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.steps = 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        keep = min(0.998, 1 - 1 / (1 + self.steps / 10))
        mine, theirs = [], []
        for a, b in zip(self.model.state_dict().values(), model.state_dict().values()):
            if a.dtype.is_floating_point:
                mine.append(a)
                theirs.append(b)
        torch._foreach_lerp_(mine, theirs, 1 - keep)


def prepare(rgb, depth, plane):
    """Augments and normalises a batch."""
    with torch.no_grad():
        rgb, depth, plane = augment(rgb, depth, plane)
        return normalise(rgb).contiguous(memory_format=torch.channels_last), depth, plane


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, nargs="+", help="folders of training shards (render_dataset)")
    parser.add_argument("--out", required=True, help="folder for the ONNX files, manifest, figures and checkpoint")
    parser.add_argument("--minutes", type=float, default=60, help="length of the whole schedule")
    parser.add_argument("--spend", type=float, help="minutes to train in this call (default: all that is left)")
    parser.add_argument("--pairs", type=int, default=8, help="pairs of windows a step")
    parser.add_argument("--window", type=int, default=192, help="side of a window in pixels, a multiple of 32")
    parser.add_argument("--prompts", type=int, default=2, help="prompts a window")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--limit", type=int, help="use at most so many training pairs")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    parser.add_argument("--start", help="checkpoint whose averaged weights this schedule starts from")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    if args.threads:
        torch.set_num_threads(args.threads)
    model = Segmenter().to(memory_format=torch.channels_last)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], lr=args.rate, betas=(0.9, 0.99)
    )
    average = Average(model)
    spent, step = 0.0, 0
    before = {"minutes": 0.0, "steps": 0}  # of the schedules that this one started from
    checkpoint = out / "checkpoint.pt"
    if args.resume:
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        spent, step, average.steps = state["spent"], state["step"], state["step"]
        before = state.get("before", before)
    elif args.start:
        state = torch.load(args.start)
        model.load_state_dict(state["average"])
        average.model.load_state_dict(state["average"])
        earlier = state.get("before", before)
        before = {"minutes": earlier["minutes"] + state["spent"], "steps": earlier["steps"] + state["step"]}
    model.encoder.compile()
    model.decoder.compile()

    data = Pairs(args.data, args.limit)
    rng = np.random.default_rng(args.seed + step)
    print(f"{len(data)} pairs, {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters", flush=True)

    def save(minutes):
        state = {"model": model.state_dict(), "average": average.model.state_dict(), "optimizer": optimizer.state_dict()}
        torch.save({**state, "spent": minutes, "step": step, "before": before}, checkpoint)

    begin = last = kept = time.time()
    limit = args.minutes - spent if args.spend is None else min(args.spend, args.minutes - spent)
    sums, count = {}, 0
    model.train()
    while True:
        now = (time.time() - begin) / 60
        if now >= limit:
            break
        rate = learning_rate((spent + now) / args.minutes, args.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        rgb, depth, ids, plane = data.crops(args.pairs, args.window, rng)
        # A corrective round every second step: it costs another pass of the decoder.
        with torch.autocast("cpu", torch.bfloat16):
            losses = step_losses(model, *prepare(rgb, depth, plane), ids, args.prompts, 1 + step % 2)
        optimizer.zero_grad(set_to_none=True)
        losses["sum"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        average.update(model)
        step, count = step + 1, count + 1
        for name, value in losses.items():
            total, times = sums.get(name, (0.0, 0))
            sums[name] = total + float(value.detach()), times + 1
        if time.time() - last > 20:
            line = " ".join(f"{n} {total / times:.3f}" for n, (total, times) in sums.items())
            speed = 2 * args.pairs * count / (time.time() - last)
            print(f"{spent + now:6.2f} min step {step} lr {rate:.1e} {speed:.1f} windows/s {line}", flush=True)
            sums, count, last = {}, 0, time.time()
        if time.time() - kept > 240:
            save(spent + now)
            kept = time.time()
    spent += (time.time() - begin) / 60
    save(spent)
    print(f"trained {spent:.2f} of {args.minutes} min, {step} steps", flush=True)

    figures = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": before["steps"] + step,
        "minutes": round(before["minutes"] + spent, 2),
        "pairs": len(data),
        "export_deviation": export(copy.deepcopy(average.model), out),
    }
    print("deviation of the ONNX files from the network:", figures["export_deviation"], flush=True)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
