"""One function per attack; after each, another client is served and memory is what it was. usage: see run."""

import os
import sys
import time

import attacks_http1
import attacks_http2
import attacks_windows
from service import Service
from wire import PROBABILITIES, Process, SecondClient, eventually, milliseconds

# Whether the service is a sanitizer's build: see run.
INSTRUMENTED = os.environ.get("INSTRUMENTED") == "1"
# Seconds a well-behaved client may have to wait.
PATIENCE = 10 if INSTRUMENTED else 1

# Short, so that what has to be waited for is.
FLAGS = ["--head-deadline", "2", "--body-deadline", "2", "--idle-deadline", "2", "--write-deadline", "2"]


def run(attack, service, process):
    """One row of the table, and what is wrong with it."""
    descriptors = process.descriptors()
    before = process.resident()
    process.forget_peak()
    wrong = []
    with SecondClient(service) as other:
        try:
            outcome = attack.function(service)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            wrong.append("not what was to happen")
    if service.process.poll() is not None:
        return f"{attack.name} | {outcome} | ended with {service.process.returncode}", [service.error_text()]
    if not eventually(lambda: process.descriptors() <= descriptors, 5):
        wrong.append(f"{process.descriptors() - descriptors} descriptors left open")
    begin = time.monotonic()
    try:
        response, content = service.request(
            "POST", "/softmax", b'{"logits":[2,1,0]}', {"Content-Type": "application/json"}, timeout=5 * PATIENCE)
        status = response.status if content == PROBABILITIES else "wrong content"
    except OSError as error:
        status = str(error)
    elapsed = time.monotonic() - begin
    after, peak = process.resident(), process.peak()
    if status != 200 or elapsed > PATIENCE:
        wrong.append("the second client is not served")
    if other.worst > PATIENCE:
        wrong.append(f"meanwhile a client waited {milliseconds(other.worst)}")
    if after - before > attack.slack and not INSTRUMENTED:
        wrong.append(f"{after - before} KiB more resident")
    if peak - before > attack.peak and not INSTRUMENTED:
        wrong.append(f"{peak - before} KiB more resident meanwhile")
    return (
        f"{attack.name} | {outcome} | {before} | {after} | {peak} | {status} in {milliseconds(elapsed)}"
        f" | {milliseconds(other.worst)}"), wrong


def main():
    chosen = sys.argv[2:]
    attacks = [
        attack for attack in attacks_http1.ATTACKS + attacks_http2.ATTACKS + attacks_windows.ATTACKS
        if not chosen or any(word in attack.name for word in chosen)
    ]
    failures = 0
    print("attack | what happened | KiB before | after | peak | a second client | the slowest meanwhile")
    print("---|---|---|---|---|---|---")
    with Service(*FLAGS) as service:
        process = Process(service)
        # What the first requests allocate for good is no attack's.
        with SecondClient(service, pause=0.001):
            time.sleep(1)
        service.post("/softmax", {"logits": [[1] * 1000] * 1000})
        for attack in attacks:
            row, wrong = run(attack, service, process)
            failures += bool(wrong)
            print(row + (f" | FAIL: {'; '.join(wrong)}" if wrong else ""), flush=True)
            if service.process.poll() is not None:
                break
    text = service.error_text().partition("\n")[2]
    if text:
        failures += 1
        print(f"FAIL: on standard error: {text}")
    print(f"{len(attacks) - failures} passed, {failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
