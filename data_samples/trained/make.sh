#!/usr/bin/env bash
# Makes the two trained detectors of the lessons, and their numbers, anew: about half an hour on two CPU cores.
# `clab-lite` must be installed from this repository. A making that was stopped goes on, as long as the code (that of the
# lessons aside) and the videos are the same. At the end, when all four files are there, they are replaced one right
# after the other, and checked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ ! -d clab_lite ]; then echo "No repository around $PWD: run data_samples/trained/make.sh inside it." >&2; exit 1; fi
out=data_samples/trained
inputs=(clab_lite data_samples/Annotations data_samples/Data -type f)
made_of=$(find "${inputs[@]}" -not -path '*/__pycache__/*' -not -path 'clab_lite/lessons/*' -print0 | LC_ALL=C sort -z |
  xargs -0 sha256sum | sha256sum | cut -c1-12)
work=runs/shipped/$made_of
common=(data_samples --preset lesson --train.iterations 1200 --train.threads 1 --train.precision float32 --device cpu --resume)
clab-lite train "${common[@]}" --out "$work/clab"
clab-lite train "${common[@]}" --out "$work/baseline" --detector.contrast.no-enabled
for name in clab baseline; do
  clab-lite export "$work/$name" "$work/$name.safetensors" --overwrite
  clab-lite evaluate "$work/$name.safetensors" data_samples --device cpu --out "$work/$name/evaluation_of_export"
  cp "$work/$name/evaluation_of_export/metrics.json" "$work/$name.json"
done
files=(clab.safetensors clab.json baseline.safetensors baseline.json)
(cd "$work" && sha256sum "${files[@]}" > SHA256SUMS)
for file in "${files[@]}" SHA256SUMS; do cp "$work/$file" "$out/.$file.part"; done
for file in "${files[@]}" SHA256SUMS; do mv "$out/.$file.part" "$out/$file"; done
(cd "$out" && sha256sum --check --quiet SHA256SUMS)
echo "Replaced: ${files[*]} in $out"
