"""The cost model of a request, fitted to what the other sections measured: CPU = a + b · numbers in + c · numbers out."""

import numpy as np

from cases import CASES
from report import shown


def model(report, effort):
    """Least squares of the relative errors over the cases of softmaxd in section http1 and the sizes of section size."""
    report.section(
        "model", "Cost model: CPU a request = a + b · numbers in + c · numbers out",
        "Fitted to softmaxd's medians above, every row counting for as much as any other. A lone client's small requests "
        "are left out: the service goes to sleep between them.")
    numbers = {case.name: case.numbers for case in CASES}
    rows = [
        {"case": row["case"], "in": numbers[row["case"]][0], "out": numbers[row["case"]][1],
         "measured_us": row["cpu_us"]["median"]}
        for row in report.sections.get("http1", {"rows": []})["rows"] if row["server"] == "softmaxd"]
    rows += [
        {"case": f"softmax, {row['numbers']} numbers", "in": row["numbers"], "out": row["numbers"],
         "measured_us": row["cpu_ns_per_number"]["median"] * row["numbers"] / 1000}
        for row in report.sections.get("size", {"rows": []})["rows"] if row["numbers"] >= 1000]
    if not any(row["out"] > row["in"] for row in rows) or not any(row["out"] <= row["in"] for row in rows):
        print("Needs sections http1 and size.\n")
        return
    measured = np.array([row["measured_us"] for row in rows])
    terms = np.array([[1, row["in"], row["out"]] for row in rows], dtype=float)
    a, b, c = np.linalg.lstsq(terms / measured[:, None], np.ones(len(rows)), rcond=None)[0]
    for row, predicted in zip(rows, terms @ (a, b, c)):
        row["predicted_us"] = predicted
        row["ratio"] = row["measured_us"] / predicted
    report.table({
        "case": lambda row: row["case"],
        "numbers in": lambda row: row["in"],
        "numbers out": lambda row: row["out"],
        "measured, µs": lambda row: shown(row["measured_us"]),
        "model, µs": lambda row: shown(row["predicted_us"]),
        "measured / model": lambda row: f"{row['ratio']:.2f}",
    }, rows)
    report.current["constants"] = {"a_us": a, "b_ns": b * 1000, "c_ns": c * 1000}
    print(f"a = {shown(a)} µs, b = {shown(b * 1000)} ns, c = {shown(c * 1000)} ns\n")
