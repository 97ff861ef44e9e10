"""The figures that a person looks at first: processor time a request beside peers, and a number's cost by size."""

import pathlib

import matplotlib
import matplotlib.pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from report import shown

# Blue, orange and the rest of Okabe & Ito's palette, which colour-blind people can tell apart.
PEERS = {
    "softmaxd": ("#0072B2", "o"),
    "granian, raw ASGI": ("#D55E00", "s"),
    "FastAPI": ("#CC79A7", "D"),
    "Go net/http": ("#56B4E9", "P"),
    "Node.js http": ("#E69F00", "X"),
    "nginx `return 200`": ("#009E73", "v"),
    "minimal C epoll server": ("#555555", "^"),
}
LABELS = {"granian, raw ASGI": "granian + NumPy", "FastAPI": "FastAPI + NumPy",
          "nginx `return 200`": "nginx, fixed reply", "minimal C epoll server": "C epoll, fixed reply"}


def draw(sections, path):
    """Draws what there is of both panels; draws nothing where there is neither."""
    panels = [(name, panel) for name, panel in (("http1", _requests), ("size", _sizes)) if name in sections]
    if not panels:
        return False
    # The same figures give the same bytes.
    matplotlib.rcParams.update({
        "svg.hashsalt": "softmaxd", "font.size": 10, "font.family": "DejaVu Sans", "axes.spines.top": False,
        "axes.spines.right": False, "axes.titlesize": 11, "axes.titlelocation": "left"})
    widths = [2 if name == "http1" else 1 for name, _ in panels]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(10, 4.9), width_ratios=widths, layout="constrained", squeeze=False, facecolor="white")
    for axis, (_, panel) in zip(axes[0], panels):
        panel(axis, sections)
    for suffix in (".svg", ".png"):
        options = {"metadata": {"Date": None}} if suffix == ".svg" else {"dpi": 110}
        figure.savefig(pathlib.Path(path).with_suffix(suffix), **options)
    plt.close(figure)
    return True


def _duration(microseconds):
    for unit, size in (("s", 1e6), ("ms", 1e3), ("µs", 1)):
        if microseconds >= size * 0.9995 or size == 1:
            return f"{shown(microseconds / size, 2)} {unit}"


def _requests(axis, sections):
    rows = list(sections["http1"]["rows"])
    cases = list(dict.fromkeys(row["case"] for row in rows))
    peers = {row["server"] for row in rows} - {"softmaxd"}
    # Of the floor only the servers that the other cases lack.
    others = [name for name in PEERS if name not in {row["server"] for row in rows}]
    rows += [row for row in sections.get("floor", {"rows": []})["rows"] if row["server"] in others]
    for name, (colour, marker) in PEERS.items():
        points = [(row["cpu_us"]["median"], cases.index(row["case"])) for row in rows if row["server"] == name]
        if points:
            axis.plot(
                *zip(*points), marker, color=colour, label=LABELS.get(name, name),
                markersize=8 if name == "softmaxd" else 6, zorder=3)
    for place, case in enumerate(cases):
        figures = {row["server"]: row["cpu_us"]["median"] for row in rows if row["case"] == case}
        last = max(figures.values())
        axis.plot([min(figures.values()), last], [place, place], color="#cccccc", linewidth=1, zorder=1)
        ours = figures["softmaxd"]
        ratios = sorted(figure / ours for name, figure in figures.items() if name in peers)
        axis.annotate(
            _duration(ours), (ours, place), (0, 7), textcoords="offset points", ha="center", fontsize=8.5,
            color=PEERS["softmaxd"][0])
        axis.annotate(
            f"{shown(ratios[0], 2)}× – {shown(ratios[-1], 2)}×", (last, place), (9, 0), textcoords="offset points",
            ha="left", va="center", fontsize=8.5, color="#666666")
    axis.set_xscale("log")
    axis.set_xlim(right=axis.get_xlim()[1] * 4.5)
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _duration(value).replace(".0 ", " ")))
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_yticks(range(len(cases)), cases)
    axis.set_ylim(len(cases) - 0.5, -0.7)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x", color="#eeeeee", zorder=0)
    axis.set_title("CPU time a request (×: peers that compute / softmaxd), log scale")
    # Below, where no point can be.
    axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.08), ncols=4, frameon=False, fontsize=9)


def _sizes(axis, sections):
    rows = sections["size"]["rows"]
    numbers = [row["numbers"] for row in rows]
    colour = PEERS["softmaxd"][0]
    axis.plot(numbers, [row["cpu_ns_per_number"]["median"] for row in rows], "o-", color=colour, label="whole request")
    axis.plot(
        numbers, [row["beyond_request"] for row in rows], "o--", color=colour, markerfacecolor="white",
        label="less a request of\none number")
    axis.set_xscale("log")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.set_ylim(bottom=0)
    axis.grid(axis="y", color="#eeeeee", zorder=0)
    axis.set_xlabel("numbers in the request")
    axis.set_ylabel("CPU-ns a number: read, computed, printed")
    axis.set_title("softmaxd: cost of a number")
    axis.legend(loc="upper right", frameon=False, fontsize=9)
