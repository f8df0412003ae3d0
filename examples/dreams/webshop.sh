#!/bin/sh
# The dream of WebShop's generated shops and the policy that learns in it, from nothing: an hour on two cores (docs/webshop.md).
# What a command has made is not made again, so the script goes on where it was stopped.
set -eu

once() { # a command whose last word is the folder that it makes
  for output; do :; done
  [ -e "$output" ] || "$@"
}

once dreamgym collect --env webshop --episodes 3000 --share expert=0.15 --share curious=0.3 --share careless=0.4 --share random=0.15 --output data/offline/webshop
once dreamgym collect --env webshop --fresh-tasks 0:1500 --episodes 1500 --seed 21 --share expert=0.15 --share curious=0.35 --share careless=0.3 --share random=0.2 --output data/offline/webshop_more
once dreamgym collect --env webshop --fresh-tasks 0:4000 --episodes 4000 --seed 5 --share curious=0.5 --share careless=0.5 --mistake-rate 0 --output data/offline/webshop_fresh
once dreamgym fit experience --data data/offline/webshop --epochs 2 reasoning_model.top_k=0 --output data/checkpoints/fitted/webshop_once
once dreamgym fit experience --data data/offline/webshop_more --base data/checkpoints/fitted/webshop_once reasoning_model.top_k=0 --output data/checkpoints/fitted/webshop_experience
once dreamgym fit policy --data data/offline/webshop_fresh --epochs 1 --output data/checkpoints/fitted/webshop_clone
once dreamgym fit policy --data data/offline/webshop_fresh --base data/checkpoints/fitted/webshop_clone --epochs 2 --output data/checkpoints/fitted/webshop_policy
dreamgym fidelity --config configs/webshop_dream.yaml
dreamgym train --config configs/webshop_dream.yaml
