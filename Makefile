# What there is to do here. Each line is all there is to it: the work is done by cargo and by the scripts it names.
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help demo test check format lint rustdoc supply document contract fuzz fuzz-parsers crash bench openapi collections released

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## Run the demonstration: two tenants, 120 virtual days, then the API
	$(CARGO) run --release -- demo

test: ## Run every test on both databases (starts a PostgreSQL of its own)
	tests/with-postgres $(CARGO) test --locked

check: format lint rustdoc supply document ## Format, lints, docs, licences; the OpenAPI document: linters, the last release, generators

format:
	$(CARGO) fmt --check

lint:
	$(CARGO) clippy --locked --all-targets -- -D warnings

rustdoc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

supply:
	tests/supply

document:
	$(CARGO) run --quiet --locked -- openapi --check openapi/openapi.json
	tests/contract/run --document

contract: ## Use the running API as its callers do (guides, generated code, a browser), then ask it every bound of its document
	tests/contract/run --live
	tests/contract/run --requests

fuzz: ## Ask it a thousand random requests an operation as well (schemathesis; hours)
	tests/contract/run --fuzz

fuzz-parsers: ## Hand the readers of foreign bytes anything, ten minutes each
	RELANCE_FUZZ_SECONDS=600 $(CARGO) test --locked --lib -- foreign any_bytes

crash: ## Kill workers in the middle of their work and count what was sent
	TMPDIR=/var/tmp tests/with-postgres $(CARGO) test --locked --release --test relance -- --ignored --nocapture --test-threads 1 crash:: credit::

bench: ## Measure what is meant to be fast
	TMPDIR=/var/tmp tests/with-postgres $(CARGO) bench --locked

openapi: ## Write openapi/openapi.json anew
	$(CARGO) run --quiet --locked -- openapi > openapi/openapi.json.new && mv openapi/openapi.json.new openapi/openapi.json || { rm -f openapi/openapi.json.new; exit 1; }

collections: ## Write collections for Postman and Bruno to target/collections
	tests/contract/run --document && cp -r target/contract/collections target/

released: ## Begin the list of the API's changes anew: today's document is the last released one
	tests/contract/released
