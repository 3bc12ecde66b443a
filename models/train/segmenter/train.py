"""Trains the promptable segmenter on rendered pairs, exports it to ONNX and measures it.

    python train.py --data DATA --test-data TEST --minutes 20 --out OUT [--spend 9] [--resume]

The learning rate follows the share of --minutes spent, so the result fits whatever machine it runs on.
--spend ends this call early with a checkpoint from which --resume goes on.
"""

import argparse
import copy
import json
import math
import pathlib
import time

import torch
import torch.nn.functional as F

from card import card
from data import Pairs, augment, normalise
from evaluate import evaluate
from export import export
from model import Segmenter
from prompts import SEEN, choose_targets, correct, first_prompts, pool4


def mask_loss(logits, target):
    """Focal cross entropy by object area, so that small objects count as much, plus soft Dice."""
    logits = logits[:, 0].float()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
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


def step_losses(model, rgb, depth, ids, k, rounds):
    """One batch: k prompts on each frame, `rounds` corrective rounds. Returns losses by name."""
    b = rgb.shape[0]
    with torch.no_grad():
        targets, seen = choose_targets(ids, k)
        masks = (ids.unsqueeze(1) == targets.reshape(b, k, 1, 1)).float()
        other = masks.reshape(b // 2, 2, k, *ids.shape[1:]).flip(1).reshape(b * k, *ids.shape[1:])
        seen_other = seen.reshape(b // 2, 2, k).flip(1).reshape(-1)
        masks = masks.reshape(b * k, *ids.shape[1:])
        prompt, target = first_prompts(masks, other, ids.repeat_interleave(k, 0), seen.reshape(-1), seen_other)
        own4, other4 = F.pad(pool4(masks.unsqueeze(1)), (0, 0, 0, 6)), F.pad(pool4(other.unsqueeze(1)), (0, 0, 0, 6))
    decoder = model.decoder
    features, keys, context = model.encoder(rgb, depth)
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of training shards (render_dataset)")
    parser.add_argument("--test-data", help="folder with one sub-folder of shards for each set to measure on")
    parser.add_argument("--out", required=True, help="folder for the ONNX files, manifest, figures and checkpoint")
    parser.add_argument("--minutes", type=float, default=20, help="length of the whole schedule")
    parser.add_argument("--spend", type=float, help="minutes to train in this call (default: all that is left)")
    parser.add_argument("--pairs", type=int, default=12, help="pairs of frames a step")
    parser.add_argument("--prompts", type=int, default=4, help="prompts a frame")
    parser.add_argument("--rate", type=float, default=2.5e-3, help="peak learning rate")
    parser.add_argument("--limit", type=int, help="use at most so many training pairs")
    parser.add_argument("--test-pairs", type=int, default=150, help="pairs of each test set to measure on")
    parser.add_argument("--resume", action="store_true", help="go on from OUT/checkpoint.pt")
    parser.add_argument("--compile", action="store_true", help="compile the network first")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    torch.backends.cudnn.benchmark = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = Segmenter().to(device).to(memory_format=torch.channels_last)
    decay = [p for p in model.parameters() if p.ndim > 1]
    rest = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.02}, {"params": rest, "weight_decay": 0.0}], lr=args.rate, betas=(0.9, 0.99)
    )
    average = Average(model)
    spent, step = 0.0, 0
    checkpoint = out / "checkpoint.pt"
    if args.resume:
        state = torch.load(checkpoint, map_location=device)
        model.load_state_dict(state["model"])
        average.model.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        spent, step, average.steps = state["spent"], state["step"], state["step"]
    trained = model
    if args.compile:
        model.encoder.compile()
        model.decoder.compile()

    data = Pairs(args.data, device, args.limit)
    print(f"{len(data)} pairs, {sum(p.numel() for p in model.parameters()) / 1e6:.2f} M parameters, {device}", flush=True)
    begin, last = time.time(), time.time()
    limit = args.minutes - spent if args.spend is None else min(args.spend, args.minutes - spent)
    sums, count, frames = {}, 0, 0
    model.train()
    while True:
        now = (time.time() - begin) / 60
        if now >= limit:
            break
        rate = learning_rate((spent + now) / args.minutes, args.rate)
        for group in optimizer.param_groups:
            group["lr"] = rate
        index = torch.randint(len(data), (args.pairs,), device=device)
        with torch.no_grad():
            rgb, depth, ids = augment(*data.batch(index))
            rgb = normalise(rgb).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            losses = step_losses(model, rgb, depth, ids, args.prompts, 2)
        optimizer.zero_grad(set_to_none=True)
        losses["sum"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        average.update(model)
        step, count, frames = step + 1, count + 1, frames + len(rgb)
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + value.detach()
        if time.time() - last > 15:
            line = " ".join(f"{n} {float(v) / count:.3f}" for n, v in sums.items())
            speed = frames / (time.time() - last)
            print(f"{spent + now:6.2f} min step {step} lr {rate:.1e} {speed:.0f} frames/s {line}", flush=True)
            sums, count, frames, last = {}, 0, 0, time.time()
    spent += (time.time() - begin) / 60
    state = {"model": trained.state_dict(), "average": average.model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save({**state, "spent": spent, "step": step}, checkpoint)
    print(f"trained {spent:.2f} of {args.minutes} min, {step} steps", flush=True)

    figures = {"parameters": sum(p.numel() for p in model.parameters()), "steps": step, "minutes": round(spent, 2), "pairs": len(data), "device": torch.cuda.get_device_name() if device == "cuda" else "cpu"}
    if args.test_data:
        folders = {p.name: p for p in sorted(pathlib.Path(args.test_data).iterdir()) if p.is_dir()}
        figures["sets"] = evaluate(average.model, folders, device, args.test_pairs)
        for name, f in figures["sets"].items():
            print(name, f["objects"], "one", f["iou_1_click"], "three", f["iou_3_clicks"], "ece", f["calibration"]["expected_calibration_error"] if f["calibration"] else None, "track", f["track"], flush=True)
    figures["export_deviation"] = export(copy.deepcopy(average.model), out)
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    if args.test_data:
        (out / "MODEL_CARD.md").write_text(card(figures))
    print("deviation of the ONNX files from the network:", figures["export_deviation"], flush=True)


if __name__ == "__main__":
    main()
