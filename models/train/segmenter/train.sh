#!/bin/sh
# Renders the data, trains the segmenter, writes the ONNX files, measures them and writes their card: one command.
#
#   models/train/segmenter/train.sh OUT [OPTIONS OF train.py]
#
# Needs PyTorch, onnx and onnxruntime (PYTHON names the interpreter), cargo, and `render_dataset` of the crate sim
# (built with cargo unless RENDER_DATASET names one). The frames go to $DATA (2.8 MB a pair, $PAIRS pairs).
#
# Training has two schedules: $MINUTES_FIRST minutes on small windows into OUT/first, then $MINUTES minutes on larger
# ones into OUT, from the weights of the first. Frames that are there already are used again, and training goes on
# from the checkpoint where there is one. OPTIONS go to both schedules; with OUT/checkpoint.pt there, `--spend 0` only
# exports and measures.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../../.." && pwd)
out=${1:?usage: train.sh OUT [OPTIONS OF train.py]}
shift
data=${DATA:-/tmp/segmenter_data}
pairs=${PAIRS:-3400}
standard=${STANDARD_PAIRS:-1200}
test_pairs=${TEST_PAIRS:-60}

if [ -z "${RENDER_DATASET:-}" ]; then
    (cd "$root" && cargo build --release -p sim --bin render_dataset)
    RENDER_DATASET="$root/target/release/render_dataset"
fi

# render FOLDER PAIRS OPTIONS...: once.
render() {
    folder=$1
    count=$2
    shift 2
    if [ ! -f "$folder/meta.json" ]; then
        "$RENDER_DATASET" --root "$root" --out "$folder" --frames "$count" "$@"
    fi
}
render "$data/mix" "$pairs" --seed 101 --objects mix --layout mix
render "$data/standard" "$standard" --seed 301 --objects mix --layout mix --appearance standard
for objects in train test; do
    for layout in single clutter5; do
        render "$data/test/${objects}_$layout" "$test_pairs" --seed 2001 --objects "$objects" --layout "$layout" \
            --appearance standard
    done
done

# train FOLDER OPTIONS...: one schedule. A checkpoint of its own goes before --start.
train() {
    folder=$1
    shift
    if [ -f "$folder/checkpoint.pt" ]; then set -- "$@" --resume; fi
    "${PYTHON:-python3}" "$here/train.py" --data "$data/mix" "$data/standard" --out "$folder" "$@"
}
# Once the second schedule has begun, the first is over.
if [ ! -f "$out/checkpoint.pt" ]; then
    train "$out/first" --window 160 --pairs 8 --rate 2e-3 --minutes "${MINUTES_FIRST:-66}" "$@"
fi
train "$out" --start "$out/first/checkpoint.pt" --window 224 --pairs 6 --rate 1.6e-3 --minutes "${MINUTES:-190}" "$@"

cargo run --release --manifest-path "$root/Cargo.toml" -p segmentation --example measure_masks -- \
    --json "$out/measured.json" "$out/manifest.yaml" "$data/test"
"${PYTHON:-python3}" "$here/card.py" "$out" "$out/measured.json"
