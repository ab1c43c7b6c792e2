// What the page shows of predictions.

import { element, shown, shownName } from "./elements.mjs";

const MAX_CLASSES = 20;

/** The answer to one row: label, and a bar for each class. */
export function rowAnswer({ index, probabilities }, classTexts) {
  const label = element("p", { className: "result" }, element("b", {}, shownName(classTexts[index])));
  return [label, ...bars(probabilities, classTexts, index, percent)];
}

/** The answers to a file: warnings, how often each class comes, a link to all answers, a table of the first. */
export function fileAnswer({ counts, shown: first, names, warnings, nRows }, classTexts, link) {
  const rows = `${count(nRows)} ${nRows === 1 ? "row" : "rows"}`;
  const notes = warnings.map((text) => {
    return element("p", { className: "note" }, `Note: ${shown(text)}. Check that the rows are written as in training.`);
  });
  const download = element("p", {}, link);
  if (!nRows) return [element("p", {}, "The file has names of columns and no rows."), download];
  const most = counts.indexOf(Math.max(...counts));
  const summary = bars(
    counts.map((each) => each / nRows),
    classTexts,
    most,
    (_, k) => count(counts[k]),
  );
  return [
    element("p", { className: "result" }, `${rows} predicted`),
    ...summary,
    download,
    ...notes,
    table(first, names, classTexts, nRows),
  ];
}

function bars(shares, classTexts, most, textOf) {
  const order = [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, MAX_CLASSES);
  if (shares.length <= MAX_CLASSES) order.sort((a, b) => a - b);
  const items = order.map((k) =>
    element(
      "li",
      { className: k === most ? "first" : "" },
      element("span", { className: k === most ? "first" : "" }, shownName(classTexts[k])),
      bar(shares[k]),
      element("span", { className: "number" }, textOf(shares[k], k)),
    ),
  );
  const list = element("ul", { className: "bars", role: "list" }, ...items);
  const rest = shares.length - order.length;
  return rest ? [list, element("p", { className: "missing" }, `and ${rest} other classes`)] : [list];
}

function table(rows, names, classTexts, nRows) {
  const heads = ["Line", "Label", "Probability", ...names.map(shownName)];
  const lines = rows.map(({ line, cells, index, probability }) =>
    element(
      "tr",
      {},
      element("td", { className: "number" }, String(line)),
      element("td", {}, element("b", {}, shownName(classTexts[index]))),
      element("td", { className: "number" }, percent(probability)),
      ...cells.map((cell) =>
        element("td", { title: cell.length > 30 ? shown(cell.slice(0, 1000)) : "" }, shown(cell.slice(0, 200))),
      ),
    ),
  );
  const caption = rows.length < nRows ? `The first ${rows.length} of ${count(nRows)} rows` : "All rows";
  const made = element(
    "table",
    {},
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...heads.map((head) => element("th", { scope: "col" }, head)))),
    element("tbody", {}, ...lines),
  );
  return element("div", { className: "scroller", tabIndex: 0, role: "region", "aria-label": "Predicted rows" }, made);
}

function bar(share) {
  const filled = element("span");
  filled.style.width = `${100 * share}%`; // by script: the policy of the page allows no style in markup
  return element("span", { className: "bar", "aria-hidden": "true" }, filled);
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}

function count(number) {
  return number.toLocaleString("en");
}
