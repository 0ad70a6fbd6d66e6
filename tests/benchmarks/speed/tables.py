"""What was measured, as Markdown: the table of the README and the page docs/speed.md."""

from __future__ import annotations

from typing import Any

from speed.parts import HEAD, PRODUCTS, SELSA

BEGIN, END = "<!-- speed: written by make benchmarks -->", "<!-- end of speed -->"


def between_marks(text: str, content: str) -> str:
    """A Markdown page with the content written anew between its marks."""
    head, _, rest = text.partition(BEGIN)
    _, mark, tail = rest.partition(END)
    if not mark:
        raise SystemExit(f"the page has no {BEGIN} ... {END}")
    return f"{head}{BEGIN}\n{content}\n{END}{tail}"


def ratios(results: dict[str, Any]) -> str:
    """One row per comparison of the plain path with the library, and the machine below."""
    rows = ["| CPU-seconds | plain path | clab-lite | times faster | most memory |", "|---|---|---|---|---|"]
    for case in results["inference"]["found"]:
        name = f"a frame, {case['architecture'].upper()}, {_size(case)}"
        memory = _memory(case["memory_mb"])
        rows.append(_row(name, case["float32"], memory))
        rows.append(_row(f"{name}, bfloat16", case["bfloat16"], ""))
    training = results["training"]["found"]
    name = f"a training step, R50, {training['clips']} clips of {1 + training['references']} frames, {_size(training)}"
    rows.append(_row(name, training["float32"], _memory(training["memory_mb"])))
    frames, step = (machine_line(results[name]["machine"]) for name in ("inference", "training"))
    where = frames if frames == step else f"Frames: {frames}\n\nThe training step: {step}"
    return "\n".join([*rows, "", where])


def page(results: dict[str, Any]) -> str:
    """docs/speed.md below its title: differences, parts."""
    exact = [case["differences"] for case in results["inference"]["found"]]
    training = results["training"]["found"]
    ap50 = results["bfloat16"]["found"]["ap50"]
    lines = [
        f"Largest differences to the plain path: scores {max(d['score'] for d in exact):.0e}, boxes "
        f"{max(d['box'] for d in exact):.0e} pixels, losses {training['difference']['loss']:.0e} and gradients "
        f"{training['difference']['gradient']:.0e} of the largest number of each tensor.",
        f"What a training step keeps for its backward pass, weights left out: {training['kept_mb']['plain']:.0f} MB on "
        f"the plain path, {training['kept_mb']['ours']:.0f} here.",
        f"AP50 of the shipped detector on {results['bfloat16']['found']['frames']} held-out frames: "
        f"{ap50['float32']:.4f} in float32, {ap50['bfloat16']:.4f} in bfloat16.",
    ]
    tables = [
        f"### Parts of a frame, {size}\n\n{parts_table(results['parts']['found'][key], results['parts']['machine'])}"
        for key, size in (("small", "320x480"), ("full", "600x1000"))
    ]
    return "\n\n".join([ratios(results), *lines, *tables])


def parts_table(rows: list[dict[str, Any]], machine: dict[str, Any]) -> str:
    """GMAC and milliseconds of both paths by part, and the share of the matrix rate that ours reaches."""
    gmac_per_ms = machine["gflops"]["float32"] / 2e3
    lines = ["| part | GMAC plain | GMAC here | ms plain | ms here | of the matrix rate |", "|---|---|---|---|---|---|"]
    total = {key: sum(row[key] for row in rows) for key in rows[0] if key != "part"}
    for row in [*rows, {"part": "**all**", **total}]:
        share = row["ours_gmac"] / row["ours_ms"] / gmac_per_ms if row["ours_ms"] else 0.0
        cells = [
            f"{row['plain_gmac']:.1f}",
            f"{row['ours_gmac']:.1f}",
            f"{row['plain_ms']:.0f}",
            f"{row['ours_ms']:.0f}",
        ]
        lines.append(f"| {row['part']} | {' | '.join(cells)} | {f'{share:.0%}' if row['ours_gmac'] > 0.01 else ''} |")
    note = (
        f"The plain path searches the most similar cells where it compares them, and attends where it computes the "
        f"layers: its {PRODUCTS} hold the search, its {HEAD} the {SELSA}."
    )
    return "\n".join([*lines, "", note])


def machine_line(machine: dict[str, Any]) -> str:
    """Where and when."""
    rates = machine["gflops"]
    return (
        f"{machine['device']}, {machine['threads']} thread, products of matrices at {rates['float32']:.0f} GFLOP/s in "
        f"float32 and {rates['bfloat16']:.0f} in bfloat16; Python {machine['python']}, torch {machine['torch']}; "
        f"{machine['date']}."
    )


def _row(name: str, times: dict[str, float], memory: str) -> str:
    spread = f"{times['ratio']:.1f} ({times['ratio_least']:.1f} to {times['ratio_most']:.1f})"
    return f"| {name} | {times['plain_cpu_s']:.2f} | {times['ours_cpu_s']:.2f} | {spread} | {memory} |"


def _memory(memory: dict[str, dict[str, float]]) -> str:
    plain, ours = (f"{memory[way]['most'] / 1000:.2f}" for way in ("plain", "ours"))
    return f"{plain} → {ours} GB ({memory['ours']['before'] / 1000:.2f} before)"


def _size(case: dict[str, Any]) -> str:
    return "x".join(map(str, case["size"]))
