#!/bin/sh
# The dream of the shop with tools and a customer and the policy that learns in it, from nothing: about two hours on two cores (docs/taubench.md).
# What a command has made is not made again, so the script goes on where it was stopped.
set -eu

once() { # a command whose last word is the folder that it makes
  for output; do :; done
  [ -e "$output" ] || "$@"
}

once dreamgym collect --env taubench --fresh-tasks 0:10000 --episodes 10000 --seed 5 --share expert=0.5 --share weak=0.5 --mistake-rate 0 --output data/offline/taubench_fresh
once dreamgym fit policy --data data/offline/taubench_fresh --epochs 3 --output data/checkpoints/fitted/taubench_policy
once dreamgym collect --env taubench --episodes 6000 --seed 7 --share expert=0.15 --share weak=0.35 --share random=0.15 --share policy=0.35 --policy data/checkpoints/fitted/taubench_policy policy_model.max_action_tokens=48 policy_model.context_length=4096 --output data/offline/taubench
once dreamgym fit experience --data data/offline/taubench --epochs 2.5 reasoning_model.top_k=0 --output data/checkpoints/fitted/taubench_experience
dreamgym fidelity --config configs/taubench_dream.yaml
dreamgym train --config configs/taubench_dream.yaml
dreamgym average data/checkpoints/taubench_dream
dreamgym evaluate --checkpoint data/checkpoints/taubench_dream/policy_average.json --num-episodes 200 --seed 42
