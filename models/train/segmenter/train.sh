#!/bin/sh
# Renders the data, trains the segmenter, measures it and writes the ONNX files: one command.
#
#   models/train/segmenter/train.sh OUT [OPTIONS OF train.py]
#
# Needs PyTorch, onnx and onnxruntime (PYTHON names the interpreter), and `render_dataset` of the crate sim
# (built with cargo unless RENDER_DATASET names one). The frames go to $DATA (2.8 MB a pair, $PAIRS pairs);
# frames that are there already are used again, and training goes on from OUT/checkpoint.pt where there is one.
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
render "$data/standard" "$standard" --seed 301 --objects train --layout mix --appearance standard
for objects in train test; do
    for layout in single clutter5; do
        render "$data/test/${objects}_$layout" "$test_pairs" --seed 2001 --objects "$objects" --layout "$layout" \
            --appearance standard
    done
done

resume=
if [ -f "$out/checkpoint.pt" ]; then resume=--resume; fi
exec "${PYTHON:-python3}" "$here/train.py" --data "$data/mix" "$data/standard" --test-data "$data/test" --out "$out" \
    $resume "$@"
