"""What the pages have in common: the head, the bar above and the style, which is the explorer's and more."""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
RESOURCES = HERE.parents[2] / "Sources/SoftmaxService/Resources"
START, END = "<style>\n", "/* The end of what is shared. */\n"


def shared_style():
    """The palette, the typography and the bar, as the explorer has them."""
    explorer = (RESOURCES / "explorer.html").read_text(encoding="utf-8")
    start, end = explorer.index(START) + len(START), explorer.index(END)
    # Without its first line, which says that it is copied.
    return explorer[start:end].split("\n", 1)[1]


def compact(css):
    """Without comments and indentation: two fifths less of it in every page."""
    lines, is_comment = [], False
    for line in css.split("\n"):
        line = line.strip()
        is_comment = is_comment or line.startswith("/*")
        if line and not is_comment:
            lines.append(line)
        if line.endswith("*/"):
            is_comment = False
    return "\n".join(lines)


def page(title, description, content, *, root, path, style, script=""):
    """A whole document.

    root: the relative address of the service's root, from the page. path: the page's own, from there. style: the name of its
    own style sheet.
    """
    style = compact(shared_style() + "".join(
        (HERE / f"{name}.css").read_text(encoding="utf-8") for name in ("pages", style, "print")))
    links = []
    for target, name in (("", "Explorer"), ("docs", "API reference"), ("docs/derivation", "Derivation")):
        current = ' aria-current="page"' if target == path else ""
        links.append(f'<a href="{(root + target) or "./"}"{current}>{name}</a>')
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{description}">
<title>{title}</title>
<link rel="icon" href="{root}favicon.ico" type="image/svg+xml">
<style>
{style}
</style>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="bar">
<a class="brand" href="{root or "./"}">softmaxd</a>
<nav aria-label="Pages">{"".join(links)}</nav>
</header>
{content}{f"<script>{script}</script>" if script else ""}
</body>
</html>
"""


def contents(entries):
    """The page's contents; an entry without a target is a title."""
    items = [
        f'<li><a href="#{target}">{name}</a></li>' if target else f'<li class="title">{name}</li>'
        for target, name in entries]
    listed = f"<ol>{''.join(items)}</ol>"
    # Beside the text where there is room, else folded up above it: one of the two is displayed.
    return f'''<nav class="contents wide" aria-labelledby="contents-title"><h2 id="contents-title">On this page</h2>
{listed}</nav>
<nav class="contents narrow" aria-label="On this page"><details><summary>On this page</summary>
{listed}</details></nav>'''
