"use strict";

// Makes every example of the reference one that can be edited and sent, to the service that this page is from.

/** Seconds in which a reply has to be there, and characters of it that are shown. */
const LONGEST_WAIT = 30, MOST_SHOWN = 20000;
/** Characters of a line of JSON. */
const WIDTH = 40;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** JSON over as many lines as it needs, made from its own text: no digit is this page's. */
function layout(text) {
  const tokens = text.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g) ?? [];
  let at = 0;
  function value() {
    const first = tokens[at++];
    if (first !== "{" && first !== "[") return { short: first };
    const parts = [], isObject = first === "{";
    const last = isObject ? "}" : "]";
    while (at < tokens.length && tokens[at] !== last) {
      const name = isObject ? tokens[at++] : null;
      if (isObject) at++;
      parts.push([name, value()]);
      if (tokens[at] === ",") at++;
    }
    at++;
    const short = first + parts.map(([name, one]) => (isObject ? name + ": " : "") + one.short).join(", ") + last;
    return { short, parts, isObject };
  }
  function lines({ short, parts, isObject }, indent, before = "") {
    if ((indent + before + short).length <= WIDTH || !parts) return short;
    const more = indent + "  ";
    if (isObject || parts.some(([, one]) => one.parts)) {
      const rows = parts.map(([name, one]) => {
        const start = isObject ? name + ": " : "";
        return more + start + lines(one, more, start);
      });
      return (isObject ? "{\n" : "[\n") + rows.join(",\n") + "\n" + indent + (isObject ? "}" : "]");
    }
    // Numbers: as many on a line as fit, below the first.
    let text = "[", length = (indent + before).length + 1;
    parts.forEach(([, { short: one }], index) => {
      const isNext = index > 0 && length + one.length + 2 > WIDTH;
      text += (isNext ? "\n" + indent : "") + (index > 0 ? " " : "") + one + ",";
      length = (isNext ? indent.length : length) + (index > 0) + one.length + 1;
    });
    return text.slice(0, -1) + "]";
  }
  return lines(value(), "");
}

/** The text of a reply as it is shown. */
function shown(text, isJSON) {
  if (text.length > MOST_SHOWN) return `${text.slice(0, MOST_SHOWN)}\n… ${text.length - MOST_SHOWN} characters more`;
  return isJSON ? layout(text) : text.trimEnd();
}

for (const example of document.querySelectorAll(".example")) {
  const [title, requestBox, reply, caption] = ["h4", ".request", ".reply pre", ".reply .caption"]
    .map((part) => example.querySelector(part));
  const { method, path } = example.dataset;
  const original = { reply: reply.textContent, caption: [...caption.childNodes] };
  const send = make("button", { type: "button", className: "main", ariaLabel: `Send: ${title.textContent}` }, "Send");
  const reset = make("button", { type: "button", hidden: true, ariaLabel: `Reset: ${title.textContent}` }, "Reset");
  let editor, newest = 0;

  if (method === "POST") {
    const text = requestBox.querySelector("pre");
    editor = make("textarea", {
      value: text.textContent, spellcheck: false, autocomplete: "off", autocapitalize: "off",
      rows: Math.ceil(text.textContent.length / 40), ariaLabel: `Request body: ${title.textContent}`,
    });
    // Only where the height does not follow the content by itself.
    if (CSS.supports("field-sizing", "content")) editor.rows = 1;
    editor.defaultValue = text.textContent;
    text.replaceWith(editor);
    editor.addEventListener("input", () => { reset.hidden = false; });
    editor.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      exchange();
    });
  }
  const hint = editor ? [make("span", { className: "small soft" }, "or Ctrl + Enter")] : [];
  requestBox.append(make("div", { className: "actions" }, send, reset, ...hint));
  send.addEventListener("click", exchange);
  reset.addEventListener("click", () => {
    newest++;
    if (editor) editor.value = editor.defaultValue;
    reply.textContent = original.reply;
    reply.className = "";
    reply.removeAttribute("tabindex");
    caption.replaceChildren(...original.caption);
    reset.hidden = true;
    send.focus();
  });

  /** Sends what is in the editor; only the reply to the newest request is shown. */
  async function exchange() {
    const number = ++newest, start = performance.now();
    let facts, text = "", isGood = false, isJSON = false, type;
    reset.hidden = false;
    try {
      const response = await fetch(path, {
        method, cache: "no-store", signal: AbortSignal.timeout(1000 * LONGEST_WAIT),
        ...(editor && { headers: { "Content-Type": "application/json" }, body: editor.value }),
      });
      text = await response.text();
      const bytes = Number(response.headers.get("Content-Length")) || new TextEncoder().encode(text).length;
      facts = `${response.status} · ${(performance.now() - start).toFixed(1)} ms · ${bytes} bytes`;
      isGood = response.ok;
      isJSON = /json/.test(response.headers.get("Content-Type") ?? "");
      if (!isGood && isJSON) type = JSON.parse(text).type;
    } catch {
      facts = facts ?? "none: the service cannot be reached";
    }
    if (number !== newest) return;
    reply.textContent = shown(text, isJSON);
    reply.className = (isGood ? "" : "refused") + (text.length > 2000 ? " long" : "");
    // What scrolls has to be reachable by keyboard.
    if (text.length > 2000) reply.tabIndex = 0;
    else reply.removeAttribute("tabindex");
    caption.replaceChildren(make("b", {}, "Reply"), ` ${facts}`);
    if (type?.startsWith("/problems/")) caption.append(" · ", make("a", { href: type.slice(1) }, "What this means"));
    document.getElementById("announcer").textContent = `${title.textContent}: reply ${facts}`;
  }
}
