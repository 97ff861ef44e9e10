"""Processor time a number, from requests of a hundred numbers to requests of ten million."""

import servers
from cases import Case
from load import h2load_for
from report import shown, shown_spread, spread

FLAGS = ("--max-body", "1073741824", "--body-memory", "4294967296")


def size(report, effort):
    """A number here is read, computed with and printed."""
    largest = 6 if effort.quick else 7
    cases = [Case("1 number", "/softmax", 1, 1, 1)]
    cases += [Case("100 numbers", "/softmax", 1, 100, 1)]
    cases += [Case(f"10^{power} numbers", "/softmax", 10 ** (power - 3), 1000, 1) for power in range(3, largest + 1)]
    report.section(
        "size", f"Cost of a number from 10² to 10{'⁶' if effort.quick else '⁷'} numbers a request (rows of 1000)",
        "One client, HTTP/1.1. A number is read, computed and printed. Beyond the request: less the processor time of "
        "a request of one number.")
    counts = {}
    samples = {case.name: [] for case in cases}
    with servers.softmaxd(*FLAGS) as server:
        for _ in range(effort.rounds):
            for case in cases:
                load = h2load_for(server, case, effort.seconds, counts, http2=False)
                samples[case.name].append(load.microseconds()[0] * 1000)
    fixed = spread(samples[cases[0].name])["median"]
    rows = []
    for case in cases[1:]:
        numbers = case.rows * case.classes
        each = spread([sample / numbers for sample in samples[case.name]])
        rows.append({
            "numbers": numbers, "cpu_ns_per_number": each, "beyond_request": each["median"] - fixed / numbers})
    report.table({
        "numbers": lambda row: f"{row['numbers']:,}".replace(",", " "),
        "CPU-ns a number, median (min…max)": lambda row: shown_spread(row["cpu_ns_per_number"]),
        "beyond the request": lambda row: shown(row["beyond_request"]),
    }, rows)
    ratios = {}
    for name, figures in (
            ("all", [row["cpu_ns_per_number"]["median"] for row in rows]),
            ("from_1000", [row["cpu_ns_per_number"]["median"] for row in rows[1:]]),
            ("beyond_request", [row["beyond_request"] for row in rows])):
        ratios[name] = max(figures) / min(figures)
    report.current["one_number_request_us"] = fixed / 1000
    report.current["largest_over_smallest"] = ratios
    print(
        f"A request of one number: {shown(fixed / 1000)} CPU-µs. Largest over smallest: {ratios['all']:.2f}; from "
        f"1000 numbers on {ratios['from_1000']:.2f}; beyond the request {ratios['beyond_request']:.2f}.\n")
