# make help lists what there is.

LINT := go tool -modfile=internal/tools/lint/go.mod
BUF  := go tool -modfile=internal/tools/buf/go.mod buf

# What the race detector runs over: everything but the packages whose tests
# live on modernc's SQLite, which is some twenty times slower under it.
RACE := ./internal/fault ./internal/cause ./internal/broker ./internal/rest \
	./stores/internal/... ./baskets/internal/... ./ordering/internal/... ./depot/internal/... ./internal/personal

SEEDS ?= 1000
TIME  ?= 20s

# The fault matrix; see internal/chaos. RUNS of each cell, and no run begins
# later than BUDGET.
CHAOS = mkdir -p bin && go test -c -tags chaos -o bin/chaos.test ./internal/chaos && cd internal/chaos && ../../bin/chaos.test -test.timeout=24h
KILLS ?= 300

# One suite of scenarios in every topology; see internal/e2e.
TOPOLOGY ?= one
E2E = mkdir -p bin && go test -c -o bin/e2e.test ./internal/e2e && cd internal/e2e && ../../bin/e2e.test -test.timeout=30m

.PHONY: accept-extract bench/console pictures bench/auth e2e e2e-all release/contracts chaos chaos/full chaos/long chaos/kills help build run demo test sim sabotage test/race test/postgres fuzz lint generate verify tools clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9\/-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## build the command lines into bin/
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/...

run: ## build, and serve a mall with some sample goods on http://127.0.0.1:8080
	@mkdir -p bin
	go build -o bin/mallbots ./cmd/mallbots
	bin/mallbots serve --sample --bots=2

demo: ## 20 seconds of a busy mall, the life of one order, and the audit
	go run ./cmd/mallbots demo

test: ## every test, on SQLite, PostgreSQL and NATS
	go run ./internal/database/pgtest/with -- go test -timeout=30m ./...

sim: ## simulate the mall: SEEDS=10000 seeds in two processes, or SEED=12345 with its trace
	@mkdir -p bin
	go test -c -o bin/simulation ./internal/simulation
ifdef SEED
	bin/simulation -test.run '^TestSeed$$' -seed $(SEED)
else
	@cd internal/simulation && \
	../../bin/simulation -test.v -test.timeout 0 -test.run '^TestSeeds$$' -seeds $$(($(SEEDS) / 2)) -stride 2 -first 1 & first=$$!; \
	cd internal/simulation && \
	../../bin/simulation -test.v -test.timeout 0 -test.run '^TestSeeds$$' -seeds $$(($(SEEDS) - $(SEEDS) / 2)) -stride 2 -first 2; second=$$?; \
	wait $$first && exit $$second
endif

sabotage: ## switch each protection off, and put each old defect back in, one at a time: every one must be noticed
	go test -tags sabotage -count=1 -v -run '^TestSabotage$$' ./internal/simulation -seeds 300
	go run ./internal/database/pgtest/with -- go test -tags sabotage -count=1 -v -timeout 60m ./internal/mutants

bench/auth: ## check-outs a second with and without authentication, side by side
	go test -count=1 -timeout 30m ./cmd/mallbots -run '^TestWhatAuthenticationCosts$$' -v -auth.rounds=$(or $(ROUNDS),7)

e2e: ## the same scenarios in one topology: TOPOLOGY=one, or services, cluster, mixed
	$(E2E) -topology=$(TOPOLOGY) $(if $(BASE),-base=$(BASE)) $(if $(OPS),-ops=$(OPS))

e2e-all: ## the same scenarios in every topology, side by side
	$(E2E) -topology=all

fuzz: ## every fuzz target for a while: make fuzz TIME=20s
	@set -e; for file in $$(git grep -l '^func Fuzz' -- '*_test.go'); do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9]*\)(f \*testing.F).*/\1/p' $$file); do \
			echo "== $$(dirname $$file) $$name"; \
			go test ./$$(dirname $$file) -run '^$$' -fuzz "^$$name\$$" -fuzztime $(TIME); \
		done; \
	done

test/race: ## the race detector, where it is affordable
	go test -timeout=30m -race $(RACE)

chaos: ## break real processes in every way for some 7 minutes, and count what was lost
	$(CHAOS) -test.run=TestMatrix -runs=1 -budget=6m $(ARGS)

chaos/full: ## each fault at least 20 times, outages of a minute; some two hours
	$(CHAOS) -test.run=TestMatrix -test.parallel=100 -at-once=3 -runs=$(or $(RUNS),20) -outage=60s -pause=90s -restarts=20 $(ARGS)

chaos/long: ## the broker down for 30 minutes, and a transaction open for 10, once each
	$(CHAOS) -test.run=TestMatrix -cells='broker down' -runs=1 -outage=30m $(ARGS)
	$(CHAOS) -test.run=TestMatrix -cells='long transaction' -runs=1 -outage=10m $(ARGS)

chaos/kills: ## SIGKILL of the whole process under load, KILLS=300 times on each backend, an audit after each
	$(CHAOS) -test.run=TestKills -kills=$(KILLS) -shopping=1s $(ARGS)

test/postgres: ## the modules' tests with PostgreSQL instead of SQLite
	MALLBOTS_TEST_DATABASE=postgres go run ./internal/database/pgtest/with -- go test -timeout=30m ./stores ./baskets ./ordering ./depot

lint: ## formatting, vet, staticcheck, unchecked errors, switches that miss a case, protos
	@unformatted=$$($(LINT) gofumpt -l $$(git ls-files '*.go' | grep -v '\.pb\.go$$' | grep -v '\.connect\.go$$')); \
		test -z "$$unformatted" || { echo "not formatted (run gofumpt -w):"; echo "$$unformatted"; exit 1; }
	go vet ./...
	$(LINT) staticcheck ./...
	$(LINT) errcheck -ignoretests -exclude internal/tools/lint/errcheck.txt ./...
	$(LINT) exhaustive -d -typeignore '^(connectrpc.com/connect/v2.Code|github.com/nats-io/nats.go/jetstream.ErrorCode)$$' ./... # libraries' codes are open sets
	$(LINT) go-check-sumtype -default-signifies-exhaustive=false ./...
	$(BUF) lint
	$(BUF) format --diff --exit-code proto
	@for image in proto/images/*.binpb; do \
		echo "buf breaking, against $$image"; $(BUF) breaking proto --against $$image || exit 1; done

generate: ## the Go code and the OpenAPI document of the protos, the map and the AsyncAPI document
	$(BUF) generate --template proto/buf.gen.yaml
	go generate ./internal/openapi
	go run ./cmd/mallbots docs

verify: generate ## fail when generated files or go.mod are stale
	git diff --exit-code -- proto internal/openapi internal/evolution docs/map.md docs/asyncapi.json
	go mod tidy -diff

release/contracts: ## record the contracts and the stored events of a release, once: VERSION=v0.2.0
	@case "$(VERSION)" in v*.*.*) ;; *) echo "say which: make $@ VERSION=v0.2.0"; exit 1;; esac
	@test ! -e proto/images/$(VERSION).binpb || { echo "proto/images/$(VERSION).binpb is there: a release is recorded once"; exit 1; }
	MALLBOTS_RELEASE=$(VERSION) go test -count=1 -run '^TestWhatWasReleasedStillFolds$$' ./stores/internal/... ./baskets/internal/... ./ordering/internal/... ./depot/internal/...
	$(BUF) build proto --exclude-source-info -o proto/images/$(VERSION).binpb
	MALLBOTS_RELEASE=$(VERSION) go test -count=1 -run '^TestEveryReleaseUnderstandsEveryOther$$' ./internal/contracts

accept-extract: ## extract MODULE=depot, test what comes of it, and move it there and back under 200 check-outs a minute; FULL=1 runs all its tests
	go run ./internal/database/pgtest/with --durable -- go test -tags accept -count=1 -v -timeout 30m -run '^TestAcceptExtract$$' ./cmd/mallbots -module=$(or $(MODULE),depot) $(if $(FULL),-full)

clean: ## remove what was built
	rm -rf bin
