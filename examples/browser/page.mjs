// The page: a model, then rows from a file or by hand, then predictions. All that is computed happens in a worker.

import { fileAnswer, rowAnswer } from "./answers.mjs";
import { element, shown, shownName } from "./elements.mjs";
import { formFields } from "./form.mjs";
import { call, cancel, Cancelled } from "./worker_calls.mjs";

const MAX_NAMES = 40;
const at = (id) => document.getElementById(id);
const state = { bytes: undefined, model: undefined, rowsFile: undefined, readRow: undefined, isBusy: false, asked: 0 };

for (const [id, use] of [
  ["model-file", openModel],
  ["rows-file", predictFile],
]) {
  at(id).addEventListener("change", ({ target }) => {
    const [file] = target.files;
    target.value = ""; // so that the same file can be chosen again
    use(file);
  });
}
for (const id of ["ignore-extra", "delimiter", "encoding"])
  at(id).addEventListener("change", () => predictFile(state.rowsFile));
for (const radio of document.getElementsByName("source")) radio.addEventListener("change", showSource);
at("form").addEventListener("input", predictForm);
at("form").addEventListener("reset", () => setTimeout(predictForm)); // once the fields are blank
at("form").addEventListener("submit", (event) => event.preventDefault());
at("cancel").addEventListener("click", stop);
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener(
  "dragleave",
  ({ relatedTarget }) => relatedTarget ?? document.body.classList.remove("dragging"),
);
document.addEventListener("drop", async (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  const files = [...event.dataTransfer.files].sort((a, b) => isModel(b) - isModel(a));
  for (const file of files) await (isModel(file) ? openModel(file) : predictFile(file));
});

function isModel(file) {
  return file.name.toLowerCase().endsWith(".onnx");
}

async function openModel(file) {
  if (!file || state.isBusy) return;
  if (!state.model) cancel(); // a file that failed may have broken onnxruntime in its worker
  Object.assign(state, { bytes: undefined, model: undefined, rowsFile: undefined });
  for (const id of ["rows", "answers", "model-facts", "rows-problem"]) at(id).hidden = true;
  at("rows-name").replaceChildren(element("b", {}, "Choose a CSV file"), " or drop one here");
  named("model-name", file);
  await working("Opening the model …", "model-problem", file.name, async () => {
    state.bytes = new Uint8Array(await file.arrayBuffer());
    state.model = await call("open", { bytes: state.bytes });
    showModel(state.model);
  });
}

/** Ends what the worker does; the next worker gets the model that the page shows. */
async function stop() {
  cancel();
  try {
    if (state.model) await call("open", { bytes: state.bytes });
  } catch (error) {
    problem("model-problem", error.message);
  }
}

function showModel({ columns, classTexts }) {
  const listed = (names) =>
    names.slice(0, MAX_NAMES).map(shownName).join(", ") + (names.length > MAX_NAMES ? ", …" : "");
  const names = (isUsed) => columns.filter(({ used }) => used === isUsed).map(({ name }) => name);
  const facts = [
    ["Classes", `${classTexts.length}: ${listed(classTexts)}`],
    ["Columns", listed(names(true)) || "none has influence"],
    ["Without influence", listed(names(false))],
  ];
  const parts = facts
    .filter(([, text]) => text)
    .flatMap(([what, text]) => [element("dt", {}, what), element("dd", {}, text)]);
  at("model-facts").replaceChildren(...parts);
  const { elements, read } = formFields(columns);
  state.readRow = read;
  const blank = element("button", { type: "reset" }, "Clear");
  at("form").replaceChildren(element("div", { className: "fields" }, ...elements), blank);
  for (const id of ["model-facts", "rows"]) at(id).hidden = false;
  showSource();
}

function showSource() {
  const isForm = document.querySelector("[name=source]:checked").value === "form";
  at("form").hidden = !isForm;
  at("from-file").hidden = isForm;
  document.querySelector("main").classList.toggle("by-hand", isForm);
  at("answers").tabIndex = isForm ? 0 : -1; // it may scroll by itself
  at("answers").hidden = true;
  state.asked += 1; // what is asked already is not shown
  if (isForm) predictForm();
  else if (state.rowsFile) predictFile(state.rowsFile);
  else problem("rows-problem", "");
}

async function predictForm() {
  state.asked += 1;
  const { asked } = state;
  try {
    const answer = await call("predictRow", { row: state.readRow() });
    if (asked === state.asked) show(rowAnswer(answer, state.model.classTexts));
    problem("rows-problem", "");
  } catch (error) {
    if (asked === state.asked && !(error instanceof Cancelled)) problem("rows-problem", error.message);
  }
}

async function predictFile(file) {
  if (!file || state.isBusy) return;
  if (!state.model) return problem("model-problem", "Choose a model first (.onnx), then rows.");
  state.rowsFile = file;
  at("answers").hidden = true;
  named("rows-name", file);
  const dialect = { delimiter: at("delimiter").value || undefined, encoding: at("encoding").value || undefined };
  await working("Reading the rows …", "rows-problem", file.name, async () => {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const given = { bytes, dialect, ignoreExtra: at("ignore-extra").checked };
    const answer = await call("predictFile", given, ({ done, of }) => {
      at("work-text").textContent = `${done.toLocaleString("en")} of ${of.toLocaleString("en")} rows`;
      Object.assign(at("work-done"), { max: of, value: done });
    });
    URL.revokeObjectURL(document.querySelector("#answer a")?.href);
    const properties = { className: "button", href: URL.createObjectURL(answer.csv), download: "predicted.csv" };
    show(fileAnswer(answer, state.model.classTexts, element("a", properties, "Download predictions (CSV)")));
  });
}

/** Runs `work` with a progress bar and a button to cancel; what it throws is shown at `place`. */
async function working(text, place, name, work) {
  state.isBusy = true;
  problem(place, "");
  document.querySelector("main").setAttribute("aria-busy", "true");
  at("work-text").textContent = text;
  at("work-done").removeAttribute("value");
  at("work").hidden = false;
  try {
    await work();
  } catch (error) {
    problem(place, error instanceof Cancelled ? "Cancelled." : `${name}: ${error.message}`);
  }
  at("work").hidden = true;
  document.querySelector("main").setAttribute("aria-busy", "false");
  state.isBusy = false;
}

function show(parts) {
  at("answer").replaceChildren(...parts);
  at("answers").hidden = false;
  at("announced").textContent = parts[0].textContent; // a reader of the screen need not hear the whole table
}

function problem(place, text) {
  at(place).textContent = shown(text);
  at(place).hidden = !text;
}

function named(place, file) {
  const size = file.size < 1e6 ? `${Math.ceil(file.size / 1e3)} kB` : `${(file.size / 1e6).toFixed(1)} MB`;
  at(place).replaceChildren(element("b", {}, shown(file.name)), ` (${size}), or choose another`);
}
