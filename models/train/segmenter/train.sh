#!/bin/sh
# Renders the training data, trains the segmenter, measures it and writes the ONNX files: one command.
#
#   models/train/segmenter/train.sh OUT [MINUTES]
#
# Needs a GPU with PyTorch, onnx and onnxruntime, and `render_dataset` (built here with cargo when
# RENDER_DATASET does not name it). DATA says where the rendered frames go (about 2.8 MB a pair).
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=${1:?usage: train.sh OUT [MINUTES]}
minutes=${2:-20}
data=${DATA:-/tmp/segmenter_data}
pairs=${PAIRS:-9000}
if [ -z "${RENDER_DATASET:-}" ]; then
    (cd "$here/../../.." && cargo build --release -p sim --bin render_dataset)
    RENDER_DATASET="$here/../../../target/release/render_dataset"
fi
