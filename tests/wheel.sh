#!/usr/bin/env bash
# Builds the wheel, installs it into an empty environment, and works with it offline in an empty directory.
# Usage: tests/wheel.sh [PYTHON]
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
python=$(command -v "${1:-python3}")
work=$checkout/build/wheel-test
max_bytes=25000000

# Nothing of the checkout may help, and nothing but the kit may write.
unset PYTHONPATH PGT_LORA_HOME
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1 TOKENIZERS_PARALLELISM=false

fail() {
  echo "tests/wheel.sh: $1" >&2
  exit 1
}

rm -rf "$work"
mkdir -p "$work/empty"
"$python" -m pip wheel --quiet --no-deps --wheel-dir "$work" .
wheel=$(echo "$work"/pgt_lora-*.whl)
bytes=$(wc -c <"$wheel")
echo "$(basename "$wheel"): $((bytes / 1000000)).$((bytes % 1000000 / 100000)) MB"
((bytes < max_bytes)) || fail "the wheel has $bytes bytes; at most $max_bytes are wanted"

"$python" -m venv "$work/venv"
bin=$work/venv/bin
"$bin/pip" install --quiet --constraint constraints.txt "$wheel"
packages=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# Every file of the package is there, and what ships with it.
diff -r --exclude __pycache__ --exclude shipped pgt_lora "$packages/pgt_lora" || fail "the wheel lacks files"
diff -r --exclude __pycache__ recipes "$packages/pgt_lora/shipped/recipes" || fail "the wheel lacks recipes"
for model in data/tiny-*; do
  diff -r "$model" "$packages/pgt_lora/shipped/$model" || fail "the wheel lacks $model"
done

cd "$work/empty"
touch "$work/installed"
"$bin/pgt-lora" --version
"$bin/pgt-lora" check qwen2.5-vl-3b --offline
"$bin/pgt-lora" run --num_samples 64 --num_test_samples 10 --skills false

run=runs/tiny-qwen2.5-vl
for file in adapter/adapter_model.safetensors merged/model.safetensors merged/verification.json report.html; do
  [[ -s $run/$file ]] || fail "no $run/$file was made"
done
made=$(echo *)
[[ $made == "data runs" ]] || fail "other things were made than data and runs: $made"
written=$(find "$work/venv" -newer "$work/installed")
[[ -z $written ]] || fail "written into the environment: $written"
rm -rf "$work"
echo "The wheel works."
