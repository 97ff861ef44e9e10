"""The little of Markdown that DocC articles and descriptions in openapi.yaml are written in, as HTML.

Headings, paragraphs, lists, `**strong**`, `code` and code blocks. In an article a code span is a formula, and so is a block
without a language; in a description `*emphasis*` is one, and so is an indented block, and a code span is code. Anything else
of Markdown is an error.
"""

import re
import textwrap
from html import escape

import formulas


class MarkdownError(ValueError):
    pass


ARTICLE, DESCRIPTION = "article", "description"
SPAN = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\*(?P<emphasis>[^*\s][^*]*)\*")
# What would be more of Markdown or HTML than is known here.
FOREIGN = re.compile(r"`|\*|\]\(|<[a-z/!]|&[a-z]+;")


def code(plain):
    """Code in a line. What is short is not broken, not even at a hyphen."""
    return f"<code{' class=short' if len(plain) <= 20 else ''}>{escape(plain, quote=False)}</code>"


def text(plain):
    """Text without markup; "-Infinity" and the like in quotation marks stay as they are."""
    if found := FOREIGN.search(plain):
        raise MarkdownError(f"{plain!r}: {found[0]!r} is not known here")
    return escape(plain, quote=False)


def inline(source, kind):
    parts, at = [], 0
    for found in SPAN.finditer(source):
        parts.append(text(source[at:found.start()]))
        # A sign behind a formula stays with it.
        at = found.end() + len(re.match(r"[.,:;)]*", source[found.end():])[0])
        sign = source[found.end():at]
        if found["strong"]:
            parts.append(f"<strong>{inline(found['strong'], kind)}</strong>")
        elif found["code"] and kind == DESCRIPTION:
            parts.append(code(found["code"]))
        elif found["code"] or kind == DESCRIPTION:
            markup = formulas.inline(found["code"] or found["emphasis"])
            parts.append(f"<span class=short>{markup}{sign}</span>" if sign else markup)
            continue
        else:
            parts.append(f"<em>{text(found['emphasis'])}</em>")
        parts.append(sign)
    parts.append(text(source[at:]))
    return "".join(parts)


def slug(title):
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")


def blocks(source):
    """(name, text) of each block: "#"…, "-", "```language", "    " or "" for a paragraph."""
    lines = source.rstrip().split("\n")
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
        elif heading := re.fullmatch(r"(#{1,2}) (.+)", line):
            yield heading[1], heading[2]
            at += 1
        elif line.startswith("```"):
            end = next((one for one in range(at + 1, len(lines)) if lines[one] == "```"), None)
            if end is None:
                raise MarkdownError(f"{line!r} has no end")
            yield line, "\n".join(lines[at + 1:end])
            at = end + 1
        else:
            is_code, is_item = line.startswith("    "), line.startswith("- ")
            first, at = at, at + 1
            while at < len(lines) and (
                    not lines[at].strip() and is_code and at + 1 < len(lines) and lines[at + 1].startswith("    ")
                    or lines[at].strip() and lines[at].startswith("    ") == is_code
                    and not re.match(r"- |```|#", lines[at])):
                at += 1
            content = textwrap.dedent("\n".join(lines[first:at]))
            yield ("    ", content) if is_code else ("-", content[2:]) if is_item else ("", content)


def formula(source):
    return f'<div class="formula">{formulas.display(source)}</div>'


def html(source, kind):
    """The whole text; an article's sections are headed by h2."""
    parts, items = [], []

    def end_list():
        if items:
            parts.append("<ul>\n" + "\n".join(f"<li>{item}</li>" for item in items) + "\n</ul>")
            items.clear()

    for name, content in blocks(source):
        joined = " ".join(line.strip() for line in content.split("\n"))
        if name == "-":
            items.append(inline(joined, kind))
            continue
        end_list()
        if name == "##" and kind == ARTICLE:
            parts.append(f'<h2 id="{slug(content)}">{text(content)}</h2>')
        elif name == "" and not re.match(r"[>|+=#]|\d+\. ", content):
            parts.append(f"<p>{inline(joined, kind)}</p>")
        elif name == "```" and kind == ARTICLE or name == "    " and kind == DESCRIPTION:
            parts.append(formula(content))
        elif name in ("```python", "```console"):
            parts.append(f"<pre>{escape(content, quote=False)}</pre>")
        else:
            raise MarkdownError(f"{content!r}: not known here")
    end_list()
    return "\n".join(parts)
