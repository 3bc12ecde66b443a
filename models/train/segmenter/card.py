"""Adds what `measure_masks` measured to the figures of a training run and writes the model card.

    python card.py OUT MEASURED [NOTE]

OUT is the folder of train.py, MEASURED the file of `measure_masks --json`; writes OUT/figures.json and OUT/MODEL_CARD.md.
NOTE is a sentence about how this model was trained, where that is not what train.sh does now.
"""

import json
import pathlib
import sys

HEAD = """# Segmenter

A promptable segmenter in two ONNX files: `encoder.onnx` looks at a frame once, `decoder.onnx` answers each
prompt (points on and off an object, a box, an earlier mask, the memory of an object's looks) with a mask, the
overlap that it expects, whether the object is there, and the object's looks. Convolutions only, {parameters};
runs in ONNX Runtime and in tract. The contract is in `manifest.yaml`; `nodes/segmentation` drives it.

Input: 640 x 360 pixels of colour and, where there is any, depth in metres (0 = not measured) and the plane that
the objects stand on, found in the depth image.

## Data

Renders of the simulated cell only (`render_dataset` of `nodes/sim`): {pairs} pairs of frames with the 48 training
objects and with random shapes, packages and textures that are in no scene, most under random light, materials,
surroundings, cameras and depth noise. A third was shown without depth. No photograph, no other model and no test object was used.
Made with `models/train/segmenter/train.sh` on one CPU core: {steps} steps on windows of these frames in {minutes}
minutes.{note}

## Figures

Measured on fresh renders of the cell's own look, at 640 x 360, with the code that the nodes run: the masks refined
with depth where there is any, the tracker with its gates. The command, with the folder of renders that `train.sh` made:

    cargo run --release -p segmentation --example measure_masks -- --json measured.json models/segmenter/manifest.yaml DATA/test

Every object with at least 100 visible pixels counts, those behind the hand too; *free* are those from which the
robot stays more than 3 pixels away in the picture. A click is the most interior pixel of the object, later ones the
middle of the largest error, together with the mask so far. `/depth` is with depth, `/colour` without. `train` and
`test` name the objects; test objects were never trained on.

| set | objects | IoU, 1 click | free objects | IoU, 1 click, free | IoU, 3 clicks | share below 0.5 | calibration error |
|---|---|---|---|---|---|---|---|
"""

AREA = """
IoU after one click by visible size in pixels of 640 x 360:

| set | {columns} |
|---|{rule}
"""

TRACK = """
The tracker from one frame to the next of a pair, started by a click in the first. The robot has moved in between,
often much farther than between two frames of a camera, and may hold or cover the object. An object without a mask
counts as IoU 0. *Swapped*: the mask covers another object by more than half. *Lost*: no mask though at least 100
pixels of the object are visible. *Gone accepted*: a mask though nothing of the object is visible.

| set | objects | IoU | swapped | lost | gone | gone accepted |
|---|---|---|---|---|---|---|
"""

NOTHING = """
Clicks on nothing that the model answers with a mask and a score of 0.4 or more, from which the node takes a click:

| set | on the table or beyond | mean score | on the robot | mean score |
|---|---|---|---|---|
"""

CALIBRATION = """
Calibration of the score on {name}: mean score and mean IoU reached, by score.

| score | objects | mean score | mean IoU |
|---|---|---|---|
"""

LIMITS = """
## Limits

Trained on renders of one kind of cell: a table seen from in front, a UR5 with a SIH hand. Transparent and
mirroring objects were not rendered as such. A click on the robot or the table should give an empty mask; the table
above says how often it does not, and the node checks with depth and the robot's posture as well.
"""


def percent(value):
    return "" if value is None else f"{100 * value:.1f} %"


def number(value):
    return "" if value is None else f"{value:.3f}"


def card(figures):
    sets = figures["sets"]
    note = f" {figures['note']}" if figures.get("note") else ""
    text = HEAD.format(note=note, parameters=f"{figures['parameters'] / 1e6:.1f} M parameters", **{k: figures[k] for k in ("pairs", "steps", "minutes")})
    for name, f in sets.items():
        error = f["calibration"]["expected_calibration_error"] if f["calibration"] else None
        text += f"| {name} | {f['objects']} | {number(f['iou_1_click'])} | {f['objects_free']} | {number(f['iou_1_click_free'])} | {number(f['iou_3_clicks'])} | {percent(f['share_1_click_below_0.5'])} | {number(error)} |\n"
    columns = list(next(iter(sets.values()))["iou_1_click_by_area_px"])
    text += AREA.format(columns=" | ".join(columns), rule="---|" * len(columns))
    for name, f in sets.items():
        text += f"| {name} | " + " | ".join(number(v) for v in f["iou_1_click_by_area_px"].values()) + " |\n"
    text += TRACK
    for name, f in sets.items():
        t = f["track"]
        text += f"| {name} | {t['objects']} | {number(t['iou'])} | {percent(t['swapped'])} | {percent(t['lost'])} | {t['gone_objects']} | {percent(t['gone_accepted'])} |\n"
    text += NOTHING
    for name, f in sets.items():
        text += f"| {name} | {percent(f['table_click_accepted'])} | {number(f['table_click_score'])} | {percent(f['robot_click_accepted'])} | {number(f['robot_click_score'])} |\n"
    name = next((n for n in sets if n.startswith("test_clutter5/depth")), next(iter(sets)))
    if sets[name]["calibration"]:
        text += CALIBRATION.format(name=f"`{name}`")
        for row in sets[name]["calibration"]["table"]:
            text += f"| {row['bin']} | {row['count']} | {number(row['mean_score'])} | {number(row['mean_iou'])} |\n"
    return text + LIMITS


def main():
    if len(sys.argv) not in (3, 4):
        raise SystemExit("usage: python card.py OUT MEASURED [NOTE]")
    out, measured = map(pathlib.Path, sys.argv[1:3])
    figures = json.loads((out / "figures.json").read_text())
    figures["sets"] = json.loads(measured.read_text())["sets"]
    figures["note"] = sys.argv[3] if len(sys.argv) == 4 else figures.get("note", "")
    (out / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    (out / "MODEL_CARD.md").write_text(card(figures))


if __name__ == "__main__":
    main()
