// Predictions as the text of a CSV file: label,probability_<class>,... and a line per row.

/** @param {{ readonly classTexts: readonly string[] }} model */
export function csvHeader({ classTexts }) {
  return csvLine(["label", ...classTexts.map((name) => `probability_${name}`)]);
}

/** The lines of one batch of `Model.predictTable`. */
export function csvLines({ classTexts }, { indices, probabilities }) {
  const nClasses = classTexts.length;
  const line = (index, i) => csvLine([classTexts[index], ...probabilities.subarray(i * nClasses, (i + 1) * nClasses)]);
  return Array.from(indices, line).join("");
}

function csvLine(cells) {
  const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${String(cell).replaceAll('"', '""')}"` : cell);
  return cells.map(quoted).join(",") + "\n";
}
