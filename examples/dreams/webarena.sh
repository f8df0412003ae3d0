#!/bin/sh
# The dream of WebArena's own site and the policy that learns in it, from nothing: about three hours on two cores (docs/webarena.md).
# What a command has made is not made again, so the script goes on where it was stopped.
set -eu

once() { # a command whose last word is the folder that it makes
  for output; do :; done
  [ -e "$output" ] || "$@"
}

once dreamgym collect --env webarena --fresh-tasks 0:3300 --episodes 3300 --max-turns 20 --mistake-rate 0 --heldout-share 0 --share expert=0.4 --share mistaken=0.6 --output data/offline/webarena_once
once dreamgym collect --env webarena --fresh-tasks 0:9000 --episodes 9000 --seed 11 --max-turns 20 --mistake-rate 0 --heldout-share 0 --share expert=0.85 --share mistaken=0.15 --output data/offline/webarena_fresh
once dreamgym collect --env webarena --fresh-tasks 0:9000 --episodes 9000 --seed 31 --max-turns 20 --mistake-rate 0 --heldout-share 0 --share expert=0.4 --share careless=0.6 --output data/offline/webarena_crowd
once dreamgym collect --env webarena --fresh-tasks 200000:208000 --episodes 8000 --seed 41 --max-turns 20 --mistake-rate 0 --heldout-share 0 --share expert=0.5 --share careless=0.5 --output data/offline/webarena_mixed
once dreamgym fit policy --data data/offline/webarena_once --epochs 2 --output data/checkpoints/fitted/webarena_clone
once dreamgym fit policy --data data/offline/webarena_fresh --base data/checkpoints/fitted/webarena_clone --batch-tokens 4096 --epochs 1 --output data/checkpoints/fitted/webarena_beginner
once dreamgym fit policy --data data/offline/webarena_fresh --base data/checkpoints/fitted/webarena_beginner --batch-tokens 4096 --epochs 1 --output data/checkpoints/fitted/webarena_expert
once dreamgym fit policy --data data/offline/webarena_crowd --base data/checkpoints/fitted/webarena_expert --batch-tokens 4096 --epochs 1 --output data/checkpoints/fitted/webarena_crowd
once dreamgym fit policy --data data/offline/webarena_mixed --base data/checkpoints/fitted/webarena_crowd --batch-tokens 4096 --epochs 1 --output data/checkpoints/fitted/webarena_policy
once dreamgym collect --env webarena --episodes 1760 --max-turns 20 --share expert=0.12 --share mistaken=0.25 --share careless=0.33 --share random=0.15 --share policy=0.15 --policy data/checkpoints/fitted/webarena_clone --output data/offline/webarena
once dreamgym collect --env webarena --fresh-tasks 10000:11100 --episodes 8800 --seed 21 --max-turns 20 --share expert=0.12 --share mistaken=0.25 --share careless=0.33 --share random=0.15 --share policy=0.15 --policy data/checkpoints/fitted/webarena_clone --heldout-share 0.02 --include data/offline/webarena --output data/offline/webarena_many
once dreamgym fit experience reasoning_model.top_k=0 --data data/offline/webarena --batch-tokens 2048 --epochs 3 --output data/checkpoints/fitted/webarena_experience
dreamgym fidelity --config configs/webarena_dream.yaml
dreamgym train --config configs/webarena_dream.yaml
