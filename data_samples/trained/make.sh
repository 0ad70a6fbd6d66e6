#!/usr/bin/env bash
# Makes the two trained detectors of the lessons, and their numbers, anew: about half an hour on two CPU cores.
# Run it at the top of the repository, where `clab-lite` is installed.
set -euo pipefail
out=data_samples/trained
common=(data_samples --preset lesson --train.iterations 1200 --train.threads 1 --train.precision float32 --device cpu --resume)
clab-lite train "${common[@]}" --out runs/shipped/clab
clab-lite train "${common[@]}" --out runs/shipped/baseline --detector.contrast.no-enabled
for name in clab baseline; do
  clab-lite export "runs/shipped/$name" "$out/$name.safetensors" --overwrite
  clab-lite evaluate "$out/$name.safetensors" data_samples --device cpu --out "runs/shipped/$name/evaluation_of_export"
  cp "runs/shipped/$name/evaluation_of_export/metrics.json" "$out/$name.json"
done
