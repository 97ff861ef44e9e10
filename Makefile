# Everything a newcomer needs: `make run` and `make test`. The rest is for people who work on the service.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PORT ?= 8080
MINUTES ?= 20
COMMIT ?= HEAD
REQUESTS ?= 20000
RUNS ?= 20
# How long each attack of `make abuse` goes on: until so many MB are sent or so many seconds passed. JOBS of them at once,
# each on a service of its own.
SIZE ?= 30
SECONDS ?= 3
JOBS ?= 2
# How long each client of `make test-http2-full-speed` goes on.
CLIENT_SECONDS ?= 60
# Swift's runtime linked in: an eighth less CPU a request, and a program that runs where there is no Swift.
BUILD := swift build -c release --static-swift-stdlib
LIBRARIES := libsimdjson-dev libnghttp2-dev
VENV := .venv
PYTHON := $(VENV)/bin/python

# Installs those of the Debian packages $(1) that are not there.
define install
	@missing=$$(for p in $(1); do dpkg-query -W -f='$${Status}\n' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		sudo=$$([ $$(id -u) = 0 ] || command -v sudo); \
		$$sudo apt-get update -qq && $$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	fi
endef

.PHONY: run test test-debug test-release test-under-load test-clients test-http2-clients test-http2-full-speed \
	test-pages test-recipes test-outside test-old-cpu numbers numbers-exhaustive abuse abuse-full soak accuracy bench lint \
	docs fuzz sanitize schemathesis compare openapi pages libraries clients image clean

## Build in release, serve on 127.0.0.1:8080, print a line to try.
run: libraries
	$(BUILD) --product softmaxd
	@printf '\nOpen http://127.0.0.1:%s/ in a browser, or try this in another terminal:\n\n  curl --json '"'"'{"logits": [2, 1, 0]}'"'"' http://127.0.0.1:%s/softmax\n\n' $(PORT) $(PORT)
	@exec .build/release/softmaxd --port $(PORT)

## Every test, in debug and in release, then real clients against the release build.
test: libraries test-debug test-release test-clients

# The tests over sockets after all others: nothing runs beside them.
define tests
	$(2) swift test $(1) --skip '^SocketTests\.'
	$(2) swift test $(1) --skip-build --filter '^SocketTests\.'
endef

test-debug: libraries
	$(call tests)

test-release: libraries
	# In a folder of its own: built for tests, every module is compiled differently.
	$(call tests,-c release --scratch-path .build/release-tests)

## The debug tests RUNS times on processors that are kept busy: how many runs fail.
test-under-load: libraries
	Tests/Tools/repeat-tests $(RUNS)

## curl and Python's own HTTP client against a running service.
test-clients: libraries clients
	$(BUILD) --product softmaxd
	Tests/Clients/run .build/release/softmaxd

## curl, nghttp, h2load, httpx and h2 over HTTP/2 against a running service.
test-http2-clients: libraries clients $(PYTHON)
	$(call install,nghttp2-client)
	$(BUILD) --product softmaxd
	$(PYTHON) -B Tests/Clients/http2_clients.py .build/release/softmaxd

## HAProxy, h2load, nghttp, curl, Node and Go over HTTP/2 at full speed, each for CLIENT_SECONDS: no request may be lost.
test-http2-full-speed: libraries clients
	$(call install,nghttp2-client haproxy nodejs golang-go golang-golang-x-net-dev)
	$(BUILD) --product softmaxd
	python3 -B Tests/Clients/http2_full_speed.py .build/release/softmaxd $(CLIENT_SECONDS)

## The pages in Chromium, with the running service: the explorer, the API reference, the derivation, problems.
test-pages: libraries clients $(VENV)/pages
	$(call install,chromium chromium-driver nodejs)
	$(BUILD) --product softmaxd
	$(PYTHON) -B Tests/Pages/explorer.py .build/release/softmaxd
	$(PYTHON) -B Tests/Pages/documents.py .build/release/softmaxd

## Attacks and honest clients at full speed, slow and broken clients, overload, memory, log readers, on running services.
abuse: libraries $(PYTHON)
	$(BUILD) --product softmaxd
	Tests/Abuse/run $(PYTHON) attacks .build/release/softmaxd --size $(SIZE) --seconds $(SECONDS) --jobs $(JOBS)
	Tests/Abuse/run $(PYTHON) slow .build/release/softmaxd
	Tests/Abuse/run $(PYTHON) overload .build/release/softmaxd
	Tests/Abuse/run $(PYTHON) memory .build/release/softmaxd
	Tests/Abuse/run $(PYTHON) logs .build/release/softmaxd

## The attacks at full length, one after the other: 100 MB or 10 s each.
abuse-full: libraries $(PYTHON)
	$(BUILD) --product softmaxd
	Tests/Abuse/run $(PYTHON) attacks .build/release/softmaxd --size 100 --seconds 10 --jobs 1

## Mixed traffic for MINUTES, every reply checked; then memory, descriptors and the log.
soak: libraries $(PYTHON)
	$(BUILD) --product softmaxd
	Tests/Abuse/run $(PYTHON) soak .build/release/softmaxd $(MINUTES)

## The programs of the documentation's recipes, as they are written there, against a running service.
test-recipes: libraries
	$(call install,curl jq nodejs golang-go python3-venv)
	$(BUILD) --product softmaxd
	Tests/Recipes/run .build/release/softmaxd

## A package of somebody else's that depends on SoftmaxCore, and what it must not be able to compile.
test-outside:
	Tests/Outside/run

## The proof that numbers are read and printed right: a few minutes, or the better part of an hour for all of it.
numbers:
	Tests/Numbers/run

numbers-exhaustive:
	Tests/Numbers/run exhaustive

## The kernels' and the numbers' tests on an emulated CPU without AVX.
test-old-cpu: libraries
	Tests/SoftmaxCoreTests/old-cpu

## Maximum error of every function, measured against mpmath.
accuracy: libraries $(PYTHON)
	$(BUILD) --product softmax-stress
	$(PYTHON) Tests/SoftmaxCoreTests/Golden/stress.py --binary .build/release/softmax-stress

## Speed and memory beside other servers and libraries, in one run of some ten minutes; BENCH="floor --quick" is less.
bench: libraries
	Tests/Benchmarks/run $(BENCH)

## This tree's program beside that of COMMIT: the same bytes in, the same bytes out, over REQUESTS random requests more.
compare: libraries $(PYTHON)
	Tests/Comparison/run $(PYTHON) $(COMMIT) --requests $(REQUESTS)

lint:
	swift format lint --strict --recursive Package.swift Sources Tests

## The documentation of SoftmaxCore, as a static site in .build/docs; a warning fails.
docs: libraries
	Tests/Tools/build-docs

## Each fuzz target for FUZZ_SECONDS.
fuzz: libraries
	Tests/Fuzz/run $${FUZZ_SECONDS:-60}

define instrumented
	Tests/Clients/run $(1)
	INSTRUMENTED=1 Tests/Abuse/run $(PYTHON) attacks $(1) --size 5 --seconds 1 --jobs 2
	INSTRUMENTED=1 Tests/Abuse/run $(PYTHON) soak $(1) 0.5
endef

## The tests, the real clients, the attacks and half a minute of soak under AddressSanitizer, then under ThreadSanitizer.
sanitize: libraries clients $(PYTHON)
	# Leaks are not looked for here: XCTest's own runner leaks 144 bytes at exit.
	$(call tests,--sanitize=address --scratch-path .build/address,ASAN_OPTIONS=detect_leaks=0)
	$(call instrumented,.build/address/debug/softmaxd)
	$(call tests,--sanitize=thread --scratch-path .build/thread)
	$(call instrumented,.build/thread/debug/softmaxd)

## The API description against the running service.
schemathesis: libraries $(PYTHON)
	$(BUILD) --product softmaxd
	Tests/OpenAPI/run-schemathesis .build/release/softmaxd $(VENV)/bin/schemathesis

## Rewrite the JSON form of openapi.yaml that the service carries, and the pages that are made from it.
openapi: pages
	$(PYTHON) Tests/OpenAPI/to_json.py openapi.yaml Sources/SoftmaxService/Resources/openapi.json

## Rewrite the API reference, the page on the derivation and that on problems.
pages: $(PYTHON)
	$(PYTHON) -B Tests/Pages/generator/generate.py

## The container image, with docker or podman.
image:
	$$(command -v docker || command -v podman) build -t softmaxd .

libraries:
	$(call install,$(LIBRARIES))

clients:
	$(call install,curl python3)

$(PYTHON): $(VENV)/ready ;

# A file of its own says what is installed: the interpreter in the folder is a link to the system's.
$(VENV)/ready: Tests/requirements.txt
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install -q -r Tests/requirements.txt
	touch $@

# What drives Chromium. Of the last package only its copy of axe-core is used: without the packages that it depends on.
$(VENV)/pages: Tests/Pages/requirements.txt $(PYTHON)
	$(VENV)/bin/python -m pip install -q -r Tests/Pages/requirements.txt
	$(VENV)/bin/python -m pip install -q --no-deps axe-playwright-python==0.1.8
	touch $@

clean:
	rm -rf .build $(VENV)
