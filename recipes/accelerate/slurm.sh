#!/usr/bin/env bash
# Fine-tuning on several nodes under SLURM. Every node must see DATA, OUT and this directory under the same paths.
#
#   sbatch --nodes 2 --gpus-per-node 8 recipes/accelerate/slurm.sh RECIPE DATA OUT [--field value …]
#
# SLURM sends SIGTERM before the time limit: the run saves a checkpoint, and the same command resumes it. The scores,
# the merged model and the report need one node: pgt-lora run RECIPE --data DATA --out OUT [--field value …]
#SBATCH --job-name pgt-lora
#SBATCH --ntasks-per-node 1
#SBATCH --cpus-per-task 64
#SBATCH --time 12:00:00
#SBATCH --signal TERM@300
set -euo pipefail
cd "${SLURM_SUBMIT_DIR:-.}"

recipe=$1 data=$2 out=$3
shift 3
MASTER=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
LAUNCH_FILE=recipes/accelerate/${PGT_LORA_LAUNCH:-ddp}.yaml
NUM_PROCESSES=$((SLURM_NNODES * ${SLURM_GPUS_ON_NODE:?ask for them with --gpus-per-node}))
export MASTER LAUNCH_FILE NUM_PROCESSES TORCH_ELASTIC_SHUTDOWN_TIMEOUT=240 # of the 300 s that are left

# One launcher on every node, which starts a process for each GPU. Only the node knows its rank, hence bash -c.
# shellcheck disable=SC2016
exec srun --kill-on-bad-exit=1 bash -c '
  exec .venv/bin/accelerate launch --config_file "$LAUNCH_FILE" --num_machines "$SLURM_NNODES" \
    --num_processes "$NUM_PROCESSES" --machine_rank "$SLURM_NODEID" \
    --main_process_ip "$MASTER" --main_process_port 29500 -m pgt_lora finetune "$@"
' pgt-lora "$recipe" --data "$data" --out "$out" "$@"
