"""Makes training prompts on the device: clicks, boxes, earlier masks, memories, and clicks on nothing."""

import torch
import torch.nn.functional as F

POINTS = 6  # click, second click, two box corners, two corrections
MOST_OBJECTS = 16  # in one scene
SEEN = 24  # an object counts as present from this many visible pixels of 640 x 360


def pool4(mask):
    return F.avg_pool2d(mask, 4)


def choose_targets(ids, k):
    """For each pair k object ids visible in one frame at least: [2n,k], and how much of each is seen: [2n,k]."""
    count = torch.stack([(ids == v).sum((1, 2)) for v in range(2, 2 + MOST_OBJECTS)], 1)
    weight = ((count[0::2] >= 60) | (count[1::2] >= 60)).float()
    weight[:, 0] += 1e-6 * (weight.sum(1) == 0)  # an empty scene: an object that is in neither frame
    chosen = torch.multinomial(weight, k, replacement=True).repeat_interleave(2, 0)
    return chosen + 2, count.gather(1, chosen)


def rough(mask):
    """How far inside a mask [m,h,w] each pixel lies, on the scale of 10 px, computed at a quarter of the size."""
    small = F.avg_pool2d(mask.unsqueeze(1), 4)
    small = F.avg_pool2d(F.avg_pool2d(small, 3, 1, 1), 5, 1, 2)
    return F.interpolate(small, scale_factor=4.0, mode="bilinear", align_corners=False)[:, 0]


def dilated(mask, reach):
    """The mask [m,h,w] grown by about 4 * reach pixels."""
    small = F.max_pool2d(F.max_pool2d(mask.unsqueeze(1), 4), 2 * reach + 1, 1, reach)
    return F.interpolate(small, scale_factor=4.0, mode="nearest")[:, 0]


def pick(mask, noise):
    """A pixel (x, y) of each mask [m,h,w]; low `noise` [m] prefers the middle of the largest part."""
    m, h, w = mask.shape
    middle = rough(mask) if h % 4 == 0 and h > 100 else mask
    score = mask * (0.05 + middle + noise.reshape(-1, 1, 1) * torch.rand_like(mask))
    most, best = score.reshape(m, -1).max(1)
    return torch.stack([best % w, best // w], 1).float(), most > 0


def boxes(mask, jitter):
    """Bounding box corners [m,2,2] of each mask with random jitter, a share of the box's size."""
    m, h, w = mask.shape
    rows, columns = mask.amax(2), mask.amax(1)
    y = torch.arange(h, device=mask.device).float()
    x = torch.arange(w, device=mask.device).float()
    big = 1e4
    low = torch.stack([torch.where(columns > 0, x, big).amin(1), torch.where(rows > 0, y, big).amin(1)], 1)
    high = torch.stack([torch.where(columns > 0, x, -1.0).amax(1), torch.where(rows > 0, y, -1.0).amax(1)], 1)
    corners = torch.stack([low, high], 1)
    size = (high - low).clamp(min=4).unsqueeze(1)
    return corners + torch.randn_like(corners) * size * jitter


def disturb(mask4):
    """An earlier mask as a tracker would hold it: shifted, scaled, swollen, shrunk, cut, blurred. [m,1,h,w]"""
    m = mask4.shape[0]
    device = mask4.device
    r = lambda *s: torch.rand(*s, device=device)
    theta = torch.zeros(m, 2, 3, device=device)
    scale = 1 + (r(m) - 0.5) * 0.16
    theta[:, 0, 0], theta[:, 1, 1] = scale, scale
    # The scaling is about the image's centre, so its shift is part of the disturbance.
    reach = torch.where(r(m) < 0.25, 0.12, 0.03)
    theta[:, :, 2] = (r(m, 2) - 0.5) * reach.unsqueeze(1)
    out = F.grid_sample(mask4, F.affine_grid(theta, mask4.shape, align_corners=False), align_corners=False)
    way = r(m, 1, 1, 1)
    swollen = F.max_pool2d(out, 3, 1, 1)
    shrunk = -F.max_pool2d(-out, 3, 1, 1)
    out = torch.where(way < 0.2, swollen, torch.where(way < 0.35, shrunk, out))
    blurred = F.avg_pool2d(out, 3, 1, 1)
    out = torch.where(r(m, 1, 1, 1) < 0.25, blurred, out)
    # Cut a random side off.
    h, w = mask4.shape[2:]
    y = torch.arange(h, device=device).reshape(1, 1, h, 1)
    x = torch.arange(w, device=device).reshape(1, 1, 1, w)
    centre, _ = pick(out[:, 0], torch.full((m,), 0.5, device=device))
    angle = r(m, 1, 1, 1) * 6.2832
    side = (x - centre[:, 0].reshape(-1, 1, 1, 1)) * torch.cos(angle) + (y - centre[:, 1].reshape(-1, 1, 1, 1)) * torch.sin(angle)
    cut = (side > 0) & (r(m, 1, 1, 1) < 0.2)
    out = out * ~cut
    return torch.where(r(m, 1, 1, 1) < 0.3, mask4, out)


class Prompt:
    """Decoder inputs for one batch of prompts."""

    def __init__(self, m, height4, width4, device):
        self.coords = torch.zeros(m, POINTS, 2, device=device)
        self.labels = torch.full((m, POINTS), -1.0, device=device)
        self.mask = torch.zeros(m, 1, height4, width4, device=device)
        self.has_mask = torch.zeros(m, 1, device=device)
        self.has_memory = torch.zeros(m, 1, device=device)


def first_prompts(masks, earlier, ids, seen_now, seen_then):
    """Draws the first prompt of each slot.

    masks, earlier: [m,h,w] the target in this frame and in the other one; ids: [m,h,w] this frame's ids.
    Returns the prompt, the target mask and whether the memory of the other frame goes with it.
    """
    m = masks.shape[0]
    device = masks.device
    r = lambda: torch.rand(m, device=device)
    prompt = Prompt(m, masks.shape[1] // 4, masks.shape[2] // 4, device)

    mode = r()
    nothing = mode < 0.10
    click = (mode >= 0.10) & (mode < 0.68)
    # A click needs something to click on, tracking something to come from.
    track = ~nothing & ~click
    swap_to_track = click & (seen_now < SEEN) & (seen_then >= SEEN)
    swap_to_click = track & (seen_then < SEEN) & (seen_now >= SEEN)
    click, track = (click & ~swap_to_track) | swap_to_click, (track & ~swap_to_click) | swap_to_track
    hopeless = (click & (seen_now < SEEN)) | (track & (seen_then < SEEN))
    nothing, click, track = nothing | hopeless, click & ~hopeless, track & ~hopeless

    noise = torch.where(r() < 0.45, 0.1, torch.where(r() < 0.6, 0.6, 20.0))
    inner = torch.where((r() < 0.85).reshape(-1, 1, 1), -F.max_pool2d(-masks.unsqueeze(1), 3, 1, 1)[:, 0], masks)
    inner = torch.where(inner.amax((1, 2), keepdim=True) > 0, inner, masks)
    on, _ = pick(inner, noise)

    kind = r()
    with_click = click & ((kind < 0.80) | (kind > 0.93))
    with_box = click & (kind >= 0.80)
    prompt.coords[:, 0] = on
    prompt.labels[:, 0] = torch.where(with_click, 1.0, -1.0)
    corners = boxes(masks, 0.06)
    prompt.coords[:, 2:4] = corners
    prompt.labels[:, 2] = torch.where(with_box, 2.0, -1.0)
    prompt.labels[:, 3] = torch.where(with_box, 3.0, -1.0)

    # A second click: another on-point, or an off-point on a neighbour or beside the object.
    near = dilated(masks, 7) > 0
    beside = (near & (masks == 0)).float()
    other_object = beside * (ids > 0)
    beside = torch.where((other_object.amax((1, 2)) > 0).reshape(-1, 1, 1), other_object, beside)
    second_on = r() < 0.4
    second, there = pick(torch.where(second_on.reshape(-1, 1, 1), masks, beside), torch.full((m,), 20.0, device=device))
    has_second = with_click & (r() < 0.2) & there
    prompt.coords[:, 1] = second
    prompt.labels[:, 1] = torch.where(has_second, torch.where(second_on, 1.0, 0.0), -1.0)

    # A click on nothing: the table, the surroundings or the robot.
    robot = (ids == 1).float()
    free = 1 - dilated((ids != 0).float(), 1)
    on_robot = (r() < 0.35) & (robot.amax((1, 2)) > 0)
    miss, missed = pick(torch.where(on_robot.reshape(-1, 1, 1), robot, free), torch.full((m,), 20.0, device=device))
    prompt.coords[:, 0] = torch.where(nothing.unsqueeze(1), miss, prompt.coords[:, 0])
    prompt.labels[:, 0] = torch.where(nothing & missed, 1.0, prompt.labels[:, 0])

    # Tracking: the earlier mask, the memory, or both; a third of the time from the same frame.
    still = track & (r() < 0.3) & (seen_now >= SEEN)
    source = torch.where(still.reshape(-1, 1, 1), masks, earlier).unsqueeze(1)
    what = r()
    has_mask = track & (what < 0.8)
    has_memory = (track & (what > 0.15)) | (with_click & (r() < 0.05) & (seen_then >= SEEN))
    prompt.mask = disturb(pool4(source)) * has_mask.float().reshape(-1, 1, 1, 1)

    # A proposal: what stands out from the table around a click, at times with what it touches, or the robot.
    proposed = (with_click | (nothing & on_robot)) & (r() < 0.35)
    merged = (r() < 0.35).reshape(-1, 1, 1)
    around = torch.where(merged, near * (ids > 0), masks)
    proposal = pool4(torch.where(nothing.reshape(-1, 1, 1), robot, around).float().unsqueeze(1))
    proposal = torch.where((r() < 0.5).reshape(-1, 1, 1, 1), disturb(proposal), proposal)
    prompt.mask = torch.where(proposed.reshape(-1, 1, 1, 1), proposal, prompt.mask)
    has_mask = has_mask | proposed
    prompt.has_mask = has_mask.float().unsqueeze(1)
    prompt.has_memory = has_memory.float().unsqueeze(1)

    target = torch.where(nothing.reshape(-1, 1, 1), torch.zeros_like(masks), masks)
    return prompt, target


def correct(prompt, slot, logits, target, random_share=0.4):
    """Adds the click that a user would make next and hands the mask back as prompt."""
    guess = (logits[:, 0] > 0).float()
    missed = target * (1 - guess)
    extra = (1 - target) * guess
    want_on = (rough(missed) * missed).amax((1, 2)) >= (rough(extra) * extra).amax((1, 2))
    m = target.shape[0]
    noise = torch.where(torch.rand(m, device=target.device) < random_share, 2.0, 0.02)
    where, there = pick(torch.where(want_on.reshape(-1, 1, 1), missed, extra), noise)
    labels, coords = prompt.labels.clone(), prompt.coords.clone()
    coords[:, slot] = where
    labels[:, slot] = torch.where(there, want_on.float(), -1.0)
    prompt.coords, prompt.labels = coords, labels
    prompt.mask = pool4(torch.sigmoid(logits.float()))
    prompt.has_mask = torch.ones_like(prompt.has_mask)
    return prompt
