# Everything but `go test ./...` and `go run ./cmd/bobbin demo` is here. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help build test race lint fuzz sweep storm compat bench demo

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

build: ## the binary, in ./bin
	go build -trimpath -o bin/bobbin ./cmd/bobbin

test: ## the default suite
	go test ./...

race: ## the default suite with the race detector, as CI runs it
	go test -race ./...

lint: ## golangci-lint with the project's rules
	golangci-lint run ./...

FUZZTIME ?= 30s
fuzz: ## every fuzz target for FUZZTIME (30s)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p | grep ^Fuzz); do echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; done; done

POINTS ?= 100000
sweep: ## crash at POINTS (100000) file-system operations
	BOBBIN_SWEEP=$(POINTS) go test -count=1 -timeout 0 -run 'TestCrashSweep$$' -v ./internal/store

KILLS ?= 300
storm: ## kill a broker KILLS (300) times while producers write
	BOBBIN_KILLS=$(KILLS) go test -count=1 -timeout 0 -run TestKillStorm -v ./cmd/bobbin

compat: ## other clients and, with KAFKA_BOOTSTRAP set, a real Kafka beside us
	go -C compat test -count=1 ./...

bench: ## speed as ratios to limits and peers of the same run; needs LIMITS (the measuring program) and some minutes
	go -C bench run . $(BENCH)

demo: ## this computer's live telemetry through the broker
	go run ./cmd/bobbin demo
