"""The promptable segmenter: an image encoder run once a frame, a mask decoder run once a prompt.

The split and the prompts follow SAM (points with labels, box corners as points, the previous mask);
the network itself is a small strided convolutional one, sized for two CPU threads. All shapes are for
the network's frame of 640 x 360 pixels, padded at the bottom to 384 rows so that every stride divides.

Encoder: image [B,3,360,640] (normalised RGB), depth [B,1,360,640] (metres, 0 = not measured),
    plane [B,3] (the support plane, see depth_channels; 0 without depth)
    -> features [B,64,96,160] and keys [B,48,96,160] (stride 4), context [B,96,24,40] (stride 16)
Decoder: these, point_coords [B,N,2] (pixels x,y), point_labels [B,N] (1 on, 0 off, 2 and 3 box corners,
    -1 padding), mask_input [B,1,90,160] (probability), has_mask_input [B,1], memory [B,32], has_memory [B,1]
    -> mask_logits [B,1,360,640], iou_prediction [B,1], present_logit [B,1], embedding [B,32]
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTH, HEIGHT = 640, 360
MEMORY, HEADS, KEY = 32, 4, 4
FEATURES, CONTEXT = 64, 96


class ConvNorm(nn.Sequential):
    """Convolution, batch norm and optionally ReLU; the norm folds into the convolution at export."""

    def __init__(self, inputs, outputs, kernel=1, stride=1, groups=1, act=True):
        layers = [
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        if act:
            layers.append(nn.ReLU(inplace=True))
        super().__init__(*layers)


class Block(nn.Module):
    """Residual block of two dense 3 x 3 convolutions: quick to train and to run on a CPU's matrix units."""

    def __init__(self, channels):
        super().__init__()
        self.first = ConvNorm(channels, channels, 3)
        self.second = ConvNorm(channels, channels, 3, act=False)
        nn.init.zeros_(self.second[1].weight)

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


def up(x, factor=2):
    return F.interpolate(x, scale_factor=float(factor), mode="nearest")


def depth_channels(depth, plane):
    """Depth in metres -> validity, inverse depth and its relief over the support plane.

    The inverse depth of a plane is linear in the image: `plane` [B,3] holds its slopes by column and row
    and its value at pixel (0, 0), in 1/m. What stands on the table stands out from it wherever the camera is.
    """
    across = torch.arange(depth.shape[3], device=depth.device, dtype=torch.float32).reshape(1, 1, 1, -1)
    down = torch.arange(depth.shape[2], device=depth.device, dtype=torch.float32).reshape(1, 1, -1, 1)
    a, b, c = plane.float().reshape(-1, 3, 1, 1).split(1, 1)
    valid = (depth > 0.05).to(depth.dtype)
    inverse = valid / depth.clamp(min=0.2)
    relief = (valid * (inverse - (a * across + b * down + c)) * 10.0).clamp(-2.0, 3.0)
    coarse = (valid * (inverse - 1.0) * 2.0).clamp(-2.0, 4.0)
    return torch.cat([valid, coarse, relief], 1)


class Encoder(nn.Module):
    def __init__(self, widths=(32, 48, 80, 144, 224), depths=(1, 2, 2, 1)):
        super().__init__()
        w2, w4, w8, w16, w32 = widths
        self.stem = ConvNorm(6, w2, 3, 2)
        self.stage4 = nn.Sequential(ConvNorm(w2, w4, 3, 2), *[Block(w4) for _ in range(depths[0])])
        self.stage8 = nn.Sequential(ConvNorm(w4, w8, 3, 2), *[Block(w8) for _ in range(depths[1])])
        self.stage16 = nn.Sequential(ConvNorm(w8, w16, 3, 2), *[Block(w16) for _ in range(depths[2])])
        self.stage32 = nn.Sequential(ConvNorm(w16, w32, 3, 2), *[Block(w32) for _ in range(depths[3])])
        self.top32 = ConvNorm(w32, CONTEXT)
        self.side16 = ConvNorm(w16, CONTEXT, act=False)
        self.mix16 = ConvNorm(CONTEXT, CONTEXT, 3)
        self.top16 = ConvNorm(CONTEXT, FEATURES, act=False)
        self.side8 = ConvNorm(w8, FEATURES, act=False)
        self.mix8 = ConvNorm(FEATURES, FEATURES, 3)
        self.side4 = ConvNorm(w4, FEATURES, act=False)
        self.mix4 = ConvNorm(FEATURES, FEATURES, act=False)
        self.keys = nn.Conv2d(FEATURES, MEMORY + HEADS * KEY, 1, bias=False)

    def forward(self, image, depth, plane):
        pad = -image.shape[2] % 32
        with torch.autocast(device_type=image.device.type, enabled=False):
            depth = F.pad(depth.float(), (0, 0, 0, pad))
            x = torch.cat([F.pad(image.float(), (0, 0, 0, pad)), depth_channels(depth, plane)], 1)
        x4 = self.stage4(self.stem(x))
        x8 = self.stage8(x4)
        x16 = self.stage16(x8)
        x32 = self.stage32(x16)
        context = self.mix16(torch.relu(self.side16(x16) + up(self.top32(x32))))
        f8 = self.mix8(torch.relu(self.side8(x8) + up(self.top16(context))))
        features = self.mix4(torch.relu(self.side4(x4) + up(f8)))
        return features, self.keys(features), context


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        # Maps: near and wide around on and off points, box and its border, mask and its flag, memory
        # correlation and its flag, key similarity per head to on and to off points.
        maps = 4 + 2 + 2 + 2 + 2 * HEADS
        self.token = nn.Sequential(nn.Linear(2 * FEATURES + MEMORY + 5, 96), nn.ReLU(inplace=True))
        self.film = nn.Linear(96, 2 * 80)
        self.enter4 = ConvNorm(FEATURES + maps, 40)
        self.down8 = ConvNorm(40, 48, 3, 2)
        self.mix8 = Block(48)
        self.down16 = ConvNorm(48, 80, 3, 2)
        self.context = ConvNorm(CONTEXT, 80, act=False)
        self.mix16 = Block(80)
        self.down32 = ConvNorm(80, 96, 3, 2)
        self.mix32 = Block(96)
        self.up16 = ConvNorm(96, 80, act=False)
        self.up8 = ConvNorm(80, 48, act=False)
        self.merge8 = Block(48)
        self.up4 = ConvNorm(48, 40, act=False)
        self.merge4 = ConvNorm(40, 40, 3)
        self.fine = nn.Conv2d(40, 16, 1)
        nn.init.constant_(self.fine.bias, -3.5)  # most pixels are not the object
        self.judge = nn.Sequential(nn.Linear(2 * 80 + 96, 96), nn.ReLU(inplace=True), nn.Linear(96, 2))

    @staticmethod
    def embed(keys, mask):
        """Unit embedding of what lies under `mask` [B,1,96,160]: the appearance memory of an object."""
        b = keys.shape[0]
        pooled = torch.matmul(keys[:, :MEMORY].reshape(b, MEMORY, -1), mask.reshape(b, -1, 1)).reshape(b, MEMORY)
        return pooled * torch.rsqrt((pooled * pooled).sum(1, keepdim=True) + 1e-6)

    def prompt(self, features, keys, point_coords, point_labels, mask, has_mask, memory, has_memory):
        """Turns the prompt into maps over the image and one vector."""
        b = features.shape[0]
        on, off, first, last = ((point_labels == k).to(features.dtype).unsqueeze(-1) for k in (1, 0, 2, 3))

        rows, columns = features.shape[2:]
        across = (torch.arange(columns, device=features.device, dtype=torch.float32) * 4 + 1.5).reshape(1, 1, 1, -1)
        down = (torch.arange(rows, device=features.device, dtype=torch.float32) * 4 + 1.5).reshape(1, 1, -1, 1)
        x = point_coords[:, :, 0:1].unsqueeze(2) - across  # [B,N,1,W]
        y = point_coords[:, :, 1:2].unsqueeze(2) - down  # [B,N,H,1]
        x2, y2 = x * x, y * y
        near = (torch.exp(y2 * (-1.0 / 32)) * torch.exp(x2 * (-1.0 / 32))).reshape(b, -1, rows * columns)
        wide = (torch.exp(y2 * (-1.0 / 1152)) * torch.exp(x2 * (-1.0 / 1152))).reshape(b, -1, rows * columns)
        points = [(near * on).amax(1), (wide * on).amax(1), (near * off).amax(1), (wide * off).amax(1)]

        has_box = first.sum(1)  # [B,1]
        low = (point_coords * first).sum(1)
        high = (point_coords * last).sum(1)
        beyond_x = torch.maximum(low[:, 0].reshape(b, 1, 1) - across[0], across[0] - high[:, 0].reshape(b, 1, 1))
        beyond_y = torch.maximum(low[:, 1].reshape(b, 1, 1) - down[0], down[0] - high[:, 1].reshape(b, 1, 1))
        beyond = torch.maximum(beyond_x, beyond_y).reshape(b, -1)  # pixels outside the box, negative inside
        box = [torch.sigmoid(beyond * -0.5) * has_box, torch.exp(beyond.abs() * -0.125) * has_box]

        mask = mask.reshape(b, -1) * has_mask
        flat_keys = keys.reshape(b, MEMORY + HEADS * KEY, -1)
        correlation = torch.matmul((memory * has_memory).unsqueeze(1), flat_keys[:, :MEMORY]).reshape(b, -1)
        ones = torch.ones_like(mask)
        rest = [mask, ones * has_mask, correlation, ones * has_memory]

        lookup = near / (near.sum(-1, keepdim=True) + 1e-3)  # [B,N,HW]
        key = flat_keys[:, MEMORY:].reshape(b, HEADS, KEY, -1)
        at_points = torch.matmul(lookup.unsqueeze(1), key.transpose(2, 3))  # [B,heads,N,key]
        alike = torch.matmul(at_points, key).clamp(-8.0, 8.0)  # [B,heads,N,HW]
        alike_on = (alike * on.unsqueeze(1)).amax(2)
        alike_off = (alike * off.unsqueeze(1)).amax(2)
        maps = torch.cat([torch.stack(points + box + rest, 1), alike_on, alike_off], 1).reshape(b, -1, rows, columns)

        count_on, count_off = on.sum(1), off.sum(1)
        flat = features.reshape(b, FEATURES, -1)
        # One product reads the features under the points and under the mask.
        where = torch.cat([(lookup * on).sum(1, keepdim=True) / (count_on.unsqueeze(-1) + 1e-3), (mask / (mask.sum(1, keepdim=True) + 1e-3)).unsqueeze(1)], 1)
        under = torch.matmul(where, flat.transpose(1, 2)).reshape(b, 2 * FEATURES)
        flags = torch.cat([count_on.clamp(max=1), count_off.clamp(max=1), has_box, has_mask, has_memory], 1)
        return maps, torch.cat([under, memory * has_memory, flags], 1)

    def forward(self, features, keys, context, point_coords, point_labels, mask_input, has_mask_input, memory, has_memory):
        device = features.device.type
        height4 = mask_input.shape[2]
        pad = features.shape[2] - height4
        with torch.autocast(device_type=device, enabled=False):
            mask = F.pad(mask_input.float(), (0, 0, 0, pad))
            maps, token = self.prompt(
                features.float(), keys.float(), point_coords.float(), point_labels,
                mask, has_mask_input.float(), memory.float(), has_memory.float(),
            )
        token = self.token(token)
        x4 = self.enter4(torch.cat([features, maps.to(features.dtype)], 1))
        x8 = self.mix8(self.down8(x4))
        scale, shift = self.film(token).unsqueeze(-1).unsqueeze(-1).chunk(2, 1)
        x16 = (self.down16(x8) + self.context(context)) * (1 + scale) + shift
        x16 = self.mix16(torch.relu(x16))
        x16 = torch.relu(x16 + up(self.up16(self.mix32(self.down32(x16)))))
        x8 = self.merge8(torch.relu(x8 + up(self.up8(x16))))
        x4 = self.merge4(torch.relu(x4 + up(self.up4(x8))))
        with torch.autocast(device_type=device, enabled=False):
            fine = self.fine(x4.float())
            soft = torch.sigmoid(fine).mean(1, keepdim=True)[:, :, :height4]
            soft = F.pad(soft, (0, 0, 0, pad))
            logits = F.pixel_shuffle(fine, 4)[:, :, : 4 * height4]
            embedding = self.embed(keys.float(), soft)
            x16 = x16.float()
            cover = F.avg_pool2d(soft, 4).reshape(soft.shape[0], -1, 1)
            under = torch.matmul(x16.reshape(soft.shape[0], 80, -1), cover).reshape(-1, 80) / (cover.sum(1) + 1e-2)
            verdict = self.judge(torch.cat([under, x16.amax((2, 3)), token.float()], 1))
        return logits, torch.sigmoid(verdict[:, :1]), verdict[:, 1:], embedding


class Segmenter(nn.Module):
    """Encoder and decoder together, for training."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = Decoder()
