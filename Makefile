# One cluster on this computer. "make" alone explains itself.
.DEFAULT_GOAL := help
.PHONY: help up demo down test test-aws test-faults test-unit chaos pins doctor setup env simulate properties bench
# The demo has a stack of its own, beside one that is up.
STACK ?= $(if $(filter demo,$(MAKECMDGOALS)),demo,dev)
export STACK

help: ## This text
	@echo "Usage: make TARGET"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## /  \1\t/p' $(MAKEFILE_LIST) | expand -t 14
	@echo
	@echo "Start with \"make up\". Plain pulumi and fleetctl work in a shell after:  eval \"\$$(make -s env)\""

up: setup ## Bring the cluster up, or change it to what the files say; prints its URL (STACK=dev)
	@toolchain/up

demo: setup ## Scale, kill a machine, roll and heal on a cluster of its own, counting requests (DEMO_FAST=1; RECORD=NAME makes its picture)
	@bash -c '. toolchain/lib.sh && use_env && python -m demo$(if $(RECORD),.record $(RECORD))'

down: ## Remove the cluster and everything that "make up" made, except caches (STACK=dev)
	@toolchain/down

test: setup ## All checks: style, types, layers, unit tests, plugins, a real cluster
	@toolchain/setup sshd promtool chromium
	@toolchain/check

test-aws: setup ## What make test says of AWS: the plugin, and a cluster on EC2 as moto has it
	@toolchain/check aws

test-unit: ## The quick checks: style, types, layers, unit tests
	@toolchain/setup python
	@toolchain/check quick

bench: setup ## fleet's speed on three machines, next to systemd alone (PARTS, REPETITIONS)
	@bash -c '. toolchain/lib.sh && use_env && python -m bench.fleet $(PARTS) --repetitions $(or $(REPETITIONS),3)'

test-faults: setup ## The fault tests that take too long for make test, on a real cluster
	@toolchain/setup sshd language-yaml
	@toolchain/check faults

chaos: setup ## Random faults on a real cluster, every promise checked (CHAOS_SECONDS=900, CHAOS_SEED=0)
	@toolchain/check chaos

simulate: ## Random histories of faults in memory, shrunk where they break a promise (HISTORIES, SEED)
	@toolchain/setup python
	@PYTHONPATH=components .venv/bin/python -m tests.unit.fleet.simulation run $(or $(HISTORIES),1000) $(or $(SEED),0)

properties: ## Random examples of each property in the unit tests (EXAMPLES=2000), of one by ONLY=name
	@toolchain/setup python
	@EXAMPLES=$(or $(EXAMPLES),2000) PYTHONPATH=components .venv/bin/python -m pytest -q --numprocesses 2 \
	  -m hypothesis $(if $(ONLY),-k $(ONLY)) tests/unit

pins: ## Bump every pin to the newest that there is, and say what follows (CHECK=1: only say it)
	@toolchain/setup python
	@.venv/bin/python -m toolchain.bump $(if $(CHECK),--check)

doctor: ## What the set-up found, which version, from where, and what is missing
	@toolchain/doctor

setup: ## Find or install every tool; "make up" does this first
	@toolchain/setup

env: ## Print what a shell needs:  eval "$(make -s env)"
	@toolchain/setup python engine language-host plugins confd etcd coredns
	@toolchain/env
