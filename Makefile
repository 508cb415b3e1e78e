# Each name is a script, or one command in the environment that scripts/dev makes.
.PHONY: demo test check dev docs bench

demo: ## two bare machines to a working system
	scripts/demo

test: ## the whole suite
	scripts/test

check: ## lint, types, layers, and tests without machines
	scripts/check

dev: ## the environment in .venv
	scripts/dev

docs: dev ## the generated pages anew
	.venv/bin/python scripts/command_pages.py
	.venv/bin/python scripts/state_diagram.py
	.venv/bin/bmctl schema > docs/inventory.schema.json

bench: dev ## bmctl beside its peers
	.venv/bin/python -m benchmarks.run
