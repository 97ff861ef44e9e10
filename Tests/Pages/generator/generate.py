"""Writes the pages that the service carries, from openapi.yaml and the article on the derivation.

usage, from the project's root: python Tests/Pages/generator/generate.py [--check]
With --check, only compares.
"""

import json
import pathlib
import re
import sys

import yaml

import formulas
import frame
import markdown
from reference import Reference

ROOT = frame.HERE.parents[2]
ARTICLE = ROOT / "Sources/SoftmaxCore/SoftmaxCore.docc/Derivation.md"


def reference():
    document = yaml.safe_load((ROOT / "openapi.yaml").read_text(encoding="utf-8"))
    script = (frame.HERE / "reference.js").read_text(encoding="utf-8")
    return Reference(document).html("\n" + script)


def derivation():
    source = ARTICLE.read_text(encoding="utf-8")
    title, lead, body = re.fullmatch(r"# (.+?)\n\n(.+?)\n\n(##.+)", source, re.S).groups()
    sections = re.findall(r"^## (.+)$", body, re.M)
    entries = [(markdown.slug(one), one) for one in sections]
    content = f"""<main id="content" class="page">
{frame.contents(entries)}
<article class="panel article">
<h1>{title}</h1>
<p class="lead">{markdown.inline(" ".join(lead.split()), markdown.ARTICLE)}</p>
{markdown.html(body, markdown.ARTICLE)}
<p class="end"><a href="../#z=2,1,0&amp;n=cat,dog,bird&amp;c=0.1">The same with live numbers, in the explorer</a>
<a href="../docs">API reference</a></p>
</article>
</main>
<footer><span>softmaxd</span> <a href="../">Explorer</a> <a href="../docs">API reference</a></footer>
"""
    description = "The derivatives of softmax, from the quotient rule to VJP, JVP, log-softmax, temperature and masks."
    return frame.page(
        f"{title} – softmaxd", description, content, root="../", path="docs/derivation", style="article")


def problem():
    """A template: the service fills in {{status}}, {{title}}, {{explanation}}, {{slug}} and {{root}}."""
    content = """<main id="content">
<article class="panel explanation">
<p class="status">{{status}}</p>
<h1>{{title}}</h1>
<p class="lead">{{explanation}}</p>
<h2>In a reply</h2>
<pre>{
  "type": "/problems/{{slug}}",
  "title": "{{title}}",
  "status": {{status}},
  "detail": …
}</pre>
<p class="small soft">The detail says what was wrong with that one request; <code>pointer</code>, where there is one, says
where, and <code>limit</code> names a limit that was exceeded.</p>
<p class="links"><a href="{{root}}docs#{{slug}}">Examples of it</a> <a href="{{root}}docs#errors">All errors</a></p>
</article>
</main>
<footer><span>softmaxd</span> <span>To programs this page is JSON, by their <code>Accept</code> field.</span></footer>
"""
    return frame.page(
        "{{title}} – softmaxd", "{{title}}: what it means and what to do.", content, root="{{root}}", path="problems",
        style="problem")


def main():
    try:
        pages = {"docs.html": reference(), "derivation.html": derivation(), "problem.html": problem()}
    except (formulas.FormulaError, markdown.MarkdownError, ValueError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    status = 0
    for name, text in pages.items():
        path = frame.RESOURCES / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.relative_to(ROOT)} is not what its sources say: run `make pages`", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
