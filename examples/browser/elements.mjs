// Builds elements of the page; text is always text, whatever a file holds.

/** An element with properties (`class` and `data-` too, as attributes) and children, elements or texts. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** A text on one line, with control characters shown as escapes. */
export function shown(text) {
  return String(text).replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (sign) => {
    const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[sign];
    return short ?? `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** The name of a column or class, for the eye. */
export function shownName(name) {
  return shown(name).trim() || "(no name)";
}
