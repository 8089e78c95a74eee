# `make` prints this help. Everything needs Go alone unless its line says so.
.DEFAULT_GOAL := help
GO ?= go
export CGO_ENABLED = 0

.PHONY: help build check test race clients matrix bench fuzz e2e chaos check-long

help: ## print this help
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build ./bin/bulkhead, one static binary
	$(GO) build -trimpath -o bin/bulkhead ./cmd/bulkhead

check: ## format, vet, lint and modules, as CI does
	@out=$$(gofmt -l $$($(GO) list -f '{{.Dir}}' ./...)); if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi
	$(GO) vet ./...
	$(GO) mod verify
	$(GO) tool staticcheck ./...

test: ## the README's test command: all tests, real clients where their packages can be had
	$(GO) test ./...

race: ## all tests under the race detector (needs a C compiler)
	CGO_ENABLED=1 $(GO) test -race ./...

clients: ## the official SDKs alone (needs python3, node)
	$(GO) test ./clients -count=1 -v

matrix: ## every official client against every dialect; writes docs/matrix.md (needs python3, node, java and maven)
	BULKHEAD_CLIENTS=require BULKHEAD_MATRIX=write $(GO) test ./clients -run TestMatrix_WritesThePage -count=1 -v -timeout 40m

bench: ## speed, side by side with nginx and httputil.ReverseProxy; under six minutes
	$(GO) run ./bench

fuzz: ## every fuzz target for a minute
	@for p in $$($(GO) list ./...); do for f in $$($(GO) test -list '^Fuzz' $$p | grep ^Fuzz); do \
		echo "$$p $$f"; $(GO) test $$p -run '^$$' -fuzz "^$$f\$$" -fuzztime $${FUZZTIME:-60s} || exit 1; done; done

e2e: ## a real small model through Bulkhead (needs python3, node and a C++ compiler; keeps 1.1 GB in .cache/e2e)
	BULKHEAD_E2E=run $(GO) test ./e2e -run TestRealModel -count=1 -v -timeout 60m

chaos: ## ten minutes of calls while vendors fail, are suspended, the estate is replaced and the server is killed
	BULKHEAD_LONG=1 $(GO) test ./cmd/bulkhead -run '^TestChaos$$' -count=1 -v -timeout 60m

check-long: race fuzz ## what is too long for every day
	BULKHEAD_LONG=1 $(GO) test ./... -count=1 -timeout 60m
